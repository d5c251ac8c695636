"""Levels of approval: by role and amount, nobody twice, bound to the content; sent back, corrected, withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.model.errors import MakerIsChecker, NotPermitted, WrongState

from .conftest import at, us

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

Open = Callable[..., "Shop"]
OFFICE: dict[str, Any] = {
    "roles": {
        "clerk": {"people": ["amina", "brenda"], "may": ["propose", "cancel"]},
        "head": {"people": ["joseph", "grace", "amina"], "may": ["approve", "reject"]},
        "director": {"people": ["ruth", "joseph"], "may": ["approve"]},
    },
    "approvals": [{"role": "head"}, {"role": "director", "above": "100000 UGX"}],
}
SMALL, LARGE = 100_000, 100_001


def proposed(shop: Shop, amount: int = LARGE, name: str = "payroll", by: str = "amina") -> str:
    line = shop.invoice(0, "w-1", amount, cycle=str(shop.folder) + name)
    return shop.paymaster.propose(name, [line], channel="dummy", by=by)


def missing(shop: Shop, payroll: str) -> list[str]:
    return list(shop.paymaster.approvals(payroll).missing)


# amount, who approves in turn, how each ends ('': well), the state at the end
ROUNDS = [
    (SMALL, [("joseph", "")], "approved"),
    (SMALL, [("ruth", "no head")], "awaiting_approval"),
    (LARGE, [("joseph", "")], "awaiting_approval"),
    (LARGE, [("ruth", "no head")], "awaiting_approval"),
    (LARGE, [("joseph", ""), ("ruth", "")], "approved"),
    (LARGE, [("grace", ""), ("joseph", "")], "approved"),
    (LARGE, [("joseph", ""), ("Joseph ", "approved this payroll already")], "awaiting_approval"),
    (LARGE, [("joseph", ""), ("grace", "no director")], "awaiting_approval"),
    (LARGE, [("amina", "proposed this payroll")], "awaiting_approval"),
    (LARGE, [("brenda", "may not approve")], "awaiting_approval"),
]


@pytest.mark.parametrize(("amount", "people", "state"), ROUNDS)
def test_who_approves_what(amount: int, people: list[tuple[str, str]], state: str, open_shop: Open) -> None:
    shop = open_shop(**OFFICE)
    payroll = proposed(shop, amount)
    for who, why in people:
        if why:
            with pytest.raises(NotPermitted, match=why):
                shop.paymaster.approve(payroll, by=who)
            assert shop.paymaster.events(payroll)[-1].kind == "refused_to"
        else:
            shop.paymaster.approve(payroll, by=who, note=f"seen by {who}")
    (status,) = shop.paymaster.status(payroll)
    assert status.state == state
    given = shop.paymaster.approvals(payroll).given
    assert [one.by for one in given] == [who for who, why in people if not why]
    assert all(one.note == f"seen by {one.by}" and one.at for one in given)
    assert shop.paymaster.verify().ok


def test_nothing_is_sent_before_the_last_level(open_shop: Open, dummy: Dummy) -> None:
    shop = open_shop(**OFFICE)
    payroll = proposed(shop)
    shop.paymaster.approve(payroll, by="joseph")
    assert missing(shop, payroll) == ["director"]
    shop.run()
    assert shop.payment(payroll) not in dummy.moved()
    shop.paymaster.approve(payroll, by="ruth")
    shop.run()
    assert shop.state(payroll) == "paid"


def test_an_approval_is_bound_to_the_channel_as_it_was(open_shop: Open, start_dummy: Callable[..., Dummy]) -> None:
    shop = open_shop(**OFFICE)
    payroll = proposed(shop)
    shop.paymaster.approve(payroll, by="joseph")
    shop.reopen(channels={"dummy": {**shop.config["channels"]["dummy"], "base_url": start_dummy().url}})
    assert missing(shop, payroll) == ["head", "director"]
    with pytest.raises(NotPermitted, match="no head"):
        shop.paymaster.approve(payroll, by="ruth")
    shop.paymaster.approve(payroll, by="joseph")
    shop.paymaster.approve(payroll, by="ruth")
    assert shop.paymaster.status(payroll)[0].state == "approved" and shop.paymaster.verify().ok


def test_an_approval_that_expired_counts_no_more(open_shop: Open) -> None:
    shop = open_shop(**OFFICE, approval_ttl=48)
    payroll = proposed(shop)
    monday, thursday = us("2027-11-01 08:00", "UTC"), us("2027-11-04 08:00", "UTC")
    with at(monday):
        shop.paymaster.approve(payroll, by="joseph")
        assert missing(shop, payroll) == ["director"]
    with at(thursday):
        assert missing(shop, payroll) == ["head", "director"]
        with pytest.raises(NotPermitted, match="no head"):
            shop.paymaster.approve(payroll, by="ruth")
        shop.paymaster.approve(payroll, by="joseph")
        shop.paymaster.approve(payroll, by="ruth")
        assert shop.paymaster.status(payroll)[0].state == "approved"
    assert shop.paymaster.verify().ok


def test_sent_back_corrected_and_approved_anew(open_shop: Open, dummy: Dummy) -> None:
    shop = open_shop(**OFFICE)
    payroll = proposed(shop)
    first = shop.paymaster.approve(payroll, by="joseph")
    shop.paymaster.send_back(payroll, by="grace", reason="the amount of line 1")
    assert shop.paymaster.status(payroll)[0].state == "draft"
    for call in (lambda: shop.paymaster.approve(payroll, by="ruth"), lambda: shop.run(payroll)):
        try:
            call()
        except WrongState as error:
            assert "draft" in str(error)
    assert not dummy.moved().get(shop.payment(payroll))
    assert shop.paymaster.verify().ok
    assert proposed(shop, LARGE + 1, by="brenda") == payroll
    (status,) = shop.paymaster.status(payroll)
    assert (status.state, status.proposed_by, status.total) == ("awaiting_approval", "brenda", str(LARGE + 1))
    # Who proposed it first has acted on it, too; and what was agreed to was another content.
    with pytest.raises(MakerIsChecker):
        shop.paymaster.approve(payroll, by="amina")
    assert missing(shop, payroll) == ["head", "director"]
    assert shop.paymaster.approve(payroll, by="joseph") != first
    shop.paymaster.approve(payroll, by="ruth")
    shop.run(payroll)
    assert shop.state(payroll) == "paid" and dummy.moved()[shop.payment(payroll)] == 1
    assert shop.paymaster.verify().ok


def test_a_correction_that_was_interrupted_goes_on(open_shop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway_core.lifecycle import proposing

    shop = open_shop()
    lines = [shop.invoice(n, f"w-{n}", cycle=str(shop.folder)) for n in range(3)]
    payroll = shop.proposed(lines)
    shop.paymaster.send_back(payroll, by="joseph", reason="one too many")

    def killed(*how: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(proposing, "_switch_on", killed)
        shop.proposed(lines[:2])
    assert shop.paymaster.status() == [] and shop.paymaster.verify().ok
    with pytest.raises(Exception, match="no payroll"):
        shop.paymaster.approve(payroll, by="joseph")
    assert shop.proposed(lines[:2]) == payroll
    assert len(shop.states(payroll)) == 2
    shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"} and shop.paymaster.verify().ok


def test_a_correction_that_was_interrupted_is_withdrawn(open_shop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway_core.lifecycle import proposing

    shop = open_shop()
    lines = [shop.invoice(n, f"w-{n}", cycle=str(shop.folder)) for n in range(3)]
    payroll = shop.proposed(lines)
    shop.paymaster.send_back(payroll, by="joseph", reason="one too many")

    def killed(*how: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(proposing, "_switch_on", killed)
        shop.proposed(lines[:2])
    shop.paymaster.cancel(payroll, by="amina", reason="no more")
    assert shop.paymaster.status(payroll)[0].state == "cancelled" and shop.paymaster.verify().ok
    other = shop.approved(lines, "other")
    shop.run(other)
    assert set(shop.states(other).values()) == {"paid"}


def test_the_same_content_again_after_it_was_sent_back_is_a_new_proposal(shop: Shop) -> None:
    lines = shop.invoices(2, cycle=str(shop.folder))
    payroll = shop.proposed(lines)
    shop.paymaster.send_back(payroll, by="joseph", reason="why so many?")
    assert shop.proposed(lines) == payroll
    assert shop.paymaster.status(payroll)[0].state == "awaiting_approval"
    assert shop.paymaster.verify().ok


def test_a_draft_is_deleted_and_its_invoices_are_free(shop: Shop) -> None:
    lines = shop.invoices(2, cycle=str(shop.folder))
    payroll = shop.proposed(lines)
    shop.paymaster.send_back(payroll, by="joseph", reason="no")
    assert shop.paymaster.cancel(payroll, by="amina", reason="not needed") == 2
    assert shop.paymaster.status(payroll)[0].state == "cancelled"
    assert shop.proposed(lines, "another") != payroll
    assert shop.paymaster.verify().ok


@pytest.mark.parametrize("state", ["approved", "rejected", "paid"])
def test_only_what_awaits_approval_is_sent_back(state: str, shop: Shop) -> None:
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    if state == "rejected":
        shop.paymaster.reject(payroll, by="joseph", reason="no")
    else:
        shop.paymaster.approve(payroll, by="joseph")
    if state == "paid":
        shop.run(payroll)
    with pytest.raises(WrongState, match="cannot become draft"):
        shop.paymaster.send_back(payroll, by="joseph", reason="too late")


def test_two_approvers_in_one_is_found_by_the_auditor(open_shop: Open) -> None:
    shop = open_shop(**OFFICE)
    payroll = proposed(shop)
    shop.paymaster.approve(payroll, by="joseph")
    shop.paymaster.approve(payroll, by="ruth")
    shop.change_store("UPDATE facts SET source = 'joseph' WHERE kind = 'approved' AND payroll = ?", payroll)
    found = " ".join(shop.paymaster.verify().findings)
    assert "approved at two levels" in found
