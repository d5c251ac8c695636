"""The pool: what fits is chosen, split by rule, once; what came back is there again; caps hold."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.lifecycle import proposing
from gateway_core.model.accounts import Account
from gateway_core.model.beneficiary import Beneficiary
from gateway_core.model.errors import GatewayCoreError, InvalidPayroll, WrongState
from gateway_core.model.money import Money
from gateway_core.paymaster import Paymaster
from tests.cycles.world import CYCLE, PROGRAMME, free, generated, people, set_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Shop

TWO = {"channels": {"dummy": {"gateway": "dummy_server"}, "other": {"gateway": "dummy_server"}}}


def villagers() -> list[Beneficiary]:
    """Two in the north, three in the south, one of whom is paid at a payment point."""
    north = people(1, 2, district="north", tags="urban,pilot")
    south = people(3, 4, district="south", tags="rural")
    point = Beneficiary(
        id="ben-5", name="Name Five", account=Account("payment_point", "pp-1"), amount=Money(70_000, "UGX"),
        extra={"district": "south", "tags": "rural"},
    )  # fmt: skip
    return [*north, *south, point]


FITS = {
    "district=north": ["ben-1", "ben-2"],
    "district=north,south": ["ben-1", "ben-2", "ben-3", "ben-4", "ben-5"],
    "district!=north": ["ben-3", "ben-4", "ben-5"],
    "district^=so": ["ben-3", "ben-4", "ben-5"],
    "tags=pilot": ["ben-1", "ben-2"],
    "tags=november": ["ben-1", "ben-2", "ben-3", "ben-4", "ben-5"],
    "amount>=70000": ["ben-5"],
    "amount<70000": ["ben-1", "ben-2", "ben-3", "ben-4"],
    "account_type=payment_point": ["ben-5"],
    "channel=dummy": [],
    "beneficiary=ben-3,ben-9": ["ben-3"],
    "nothing=": ["ben-1", "ben-2", "ben-3", "ben-4", "ben-5"],
}


def test_filters_choose_by_any_field(shop: Shop) -> None:
    generated(shop.paymaster, villagers(), tags=["november"])
    assert {one: free(shop.paymaster, where=[one]) for one in FITS} == FITS
    assert free(shop.paymaster, where=["district=south", "account_type=wallet"]) == ["ben-3", "ben-4"]
    assert free(shop.paymaster, where={"district": ["north"]}) == ["ben-1", "ben-2"]
    with pytest.raises(WrongState, match="no filter"):
        free(shop.paymaster, where=["district"])


SPLITS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "not at all": ({}, {"nov": 5}),
    "by a field": ({"split_by": ["district"]}, {"nov / north": 2, "nov / south": 3}),
    "by the rail": ({"split_by": ["account_type"]}, {"nov / wallet": 4, "nov / payment_point": 1}),
    "by payment point": ({"split_by": ["payment_point"]}, {"nov / none": 4, "nov / pp-1": 1}),
    "by number": ({"at_most": 2}, {"nov / 1": 2, "nov / 2": 2, "nov / 3": 1}),
    "by money": ({"at_most_amount": "150000"}, {"nov / 1": 3, "nov / 2": 2}),
    "by field and number": (
        {"split_by": ["district"], "at_most": 2}, {"nov / north / 1": 2, "nov / south / 1": 2, "nov / south / 2": 1}
    ),
}  # fmt: skip


@pytest.mark.parametrize("split", SPLITS)
def test_one_selection_becomes_several_payrolls_by_rule_and_the_same_again_is_the_same(split: str, shop: Shop) -> None:
    how, names = SPLITS[split]
    generated(shop.paymaster, villagers())
    tried = shop.paymaster.propose_from_pool("nov", CYCLE, by="amina", dry_run=True, **how)
    assert len(free(shop.paymaster)) == 5
    made = shop.paymaster.propose_from_pool("nov", CYCLE, by="amina", **how)
    assert {one.name: one.lines for one in made} == names == {one.name: one.lines for one in tried}
    assert sum(one.total.minor for one in made) == 270_000
    assert free(shop.paymaster) == []
    assert shop.paymaster.propose_from_pool("nov", CYCLE, by="amina", **how) == made


def test_rural_over_the_counter_urban_digital(open_shop: Callable[..., Shop], dummy: Any) -> None:
    shop = open_shop()
    shop.reopen(channels={name: {**shop.config["channels"]["dummy"]} for name in ("dummy", "other")})
    generated(shop.paymaster, villagers())
    shop.paymaster.propose_from_pool("nov", CYCLE, by="amina", split_by=["tags"], channels={"rural": "other"})
    with pytest.raises(GatewayCoreError):
        shop.paymaster.propose_from_pool("x", CYCLE, by="amina", channel="none such")
    found = {view.beneficiary: view.channel for view in shop.paymaster.payments()}
    assert found == {"ben-1": "dummy", "ben-2": "dummy", "ben-3": "other", "ben-4": "other", "ben-5": "other"}


def test_a_selection_interrupted_between_its_payrolls_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2, 3, 4))
    whole, calls = proposing._switch_on, list[int]()

    def dies(*given: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        whole(*given)

    monkeypatch.setattr(proposing, "_switch_on", dies)
    with pytest.raises(KeyboardInterrupt):
        paymaster.propose_from_pool("nov", CYCLE, by="amina", at_most=2)
    assert free(paymaster) == ["ben-3", "ben-4"]
    made = paymaster.propose_from_pool("nov", CYCLE, by="amina", at_most=2)
    assert [(one.name, one.lines) for one in made] == [("nov / 1", 2), ("nov / 2", 2)]
    assert len(paymaster.payments()) == 4


def test_what_was_left_half_way_keeps_nothing_from_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    generated(shop.paymaster, people(1))

    def dies(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(proposing, "_switch_on", dies)
        shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    assert free(shop.paymaster) == ["ben-1"]
    assert shop.paymaster.propose_from_pool("another", CYCLE, by="amina")[0].lines == 1
    with pytest.raises(WrongState, match="1 that fit lie in live payrolls"):
        shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    assert len(shop.paymaster.payments()) == 1


def test_of_two_that_choose_the_same_at_the_same_time_one_gets_it(shop: Shop) -> None:
    """Each in a store of its own opening; whoever is second is refused, and leaves nothing behind."""
    generated(shop.paymaster, people(*range(40)))
    said: list[object] = []

    def choose(name: str) -> None:
        with Paymaster.open(shop.config) as other:
            try:
                said.append(other.propose_from_pool(name, CYCLE, by="amina")[0].lines)
            except GatewayCoreError as error:
                said.append(error)

    threads = [threading.Thread(target=choose, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count(40) <= 1, said
    held = [view.entitlement for view in shop.paymaster.payments()]
    assert len(held) == len(set(held))
    if not held:
        assert len(free(shop.paymaster)) == 40
    assert shop.paymaster.verify().findings == []


BACK: dict[str, Callable[[Shop, str], object]] = {
    "rejected": lambda shop, payroll: shop.paymaster.reject(payroll, by="joseph", reason="no"),
    "withdrawn": lambda shop, payroll: shop.paymaster.cancel(payroll, by="amina", reason="no"),
    "a line is cancelled": lambda shop, payroll: (
        shop.paymaster.approve(payroll, by="joseph"),
        shop.paymaster.cancel(payroll, by="amina", reason="no", only=[f"{CYCLE}/ben-1"]),
    ),
}


@pytest.mark.parametrize("how", BACK)
def test_what_comes_back_is_in_the_pool_again(how: str, shop: Shop) -> None:
    generated(shop.paymaster, people(1))
    (made,) = shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    assert free(shop.paymaster) == []
    BACK[how](shop, made.payroll)
    assert free(shop.paymaster) == ["ben-1"]
    assert shop.paymaster.propose_from_pool("nov again", CYCLE, by="amina")[0].lines == 1


CAPS: dict[str, tuple[dict[str, Any], str]] = {
    "payment": ({"payment": "60000"}, "cap_payment"),
    "payroll": ({"payroll": "200000"}, "cap_payroll"),
    "payments": ({"payments": 4}, "cap_payments"),
    "payment_point": ({"payment_point": "69999"}, "cap_payment_point"),
    "beneficiary": ({"beneficiary": "69999"}, "cap_beneficiary"),
}


@pytest.mark.parametrize("cap", CAPS)
def test_caps_hold_at_the_proposal_also_of_a_file_and_at_the_approval(cap: str, shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, villagers())
    (first,) = paymaster.propose_from_pool("before", CYCLE, by="amina")
    caps, code = CAPS[cap]
    paymaster.set_cycle(PROGRAMME, "2026-11", by="amina", amount="50000", caps=caps)
    with pytest.raises(InvalidPayroll) as caught:
        paymaster.approve(first.payroll, by="joseph")
    assert {mistake.code for mistake in caught.value.mistakes} == {code}
    paymaster.reject(first.payroll, by="joseph", reason="above the cap")
    with pytest.raises(InvalidPayroll) as caught:
        paymaster.propose("file", [one.invoice for one in paymaster.pool(CYCLE)], channel="dummy", by="amina")
    assert {mistake.code for mistake in caught.value.mistakes} == {code}
    assert len(free(paymaster)) == 5
    assert [row.name for row in paymaster.status()] == ["before"]


def test_the_cap_of_a_beneficiary_counts_all_her_instalments_in_all_payrolls(shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1), caps={"beneficiary": "99999"})
    paymaster.propose_from_pool("first", CYCLE, by="amina")
    paymaster.generate(CYCLE, [attrs.evolve(people(1)[0], instalment="2")], by="amina")
    with pytest.raises(InvalidPayroll, match="100000 UGX in the cycle"):
        paymaster.propose_from_pool("second", CYCLE, by="amina")


def test_caps_in_another_currency_let_nothing_through(shop: Shop) -> None:
    generated(shop.paymaster, people(1))
    shop.paymaster.set_cycle(PROGRAMME, "2026-11", by="amina", currency="USD", amount="5", caps={"payment": "99999999"})
    with pytest.raises(InvalidPayroll) as caught:
        shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    assert [mistake.code for mistake in caught.value.mistakes] == ["cap_currency"]


def test_items_are_under_the_approval(shop: Shop) -> None:
    """Who changes an item in the database changes what was approved."""
    generated(shop.paymaster, people(1))
    (made,) = shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    shop.change_store("UPDATE payments SET extra = replace(extra, 'base', 'gift')")
    with pytest.raises(GatewayCoreError, match="differ from what was proposed"):
        shop.paymaster.approve(made.payroll, by="joseph")


def test_a_payroll_without_any_channel_says_so(shop: Shop, tmp_path: Path) -> None:
    shop.paymaster.set_programme("bare", by="amina", currency="UGX", amount="5")
    shop.paymaster.set_cycle("bare", "c", by="amina")
    shop.paymaster.generate("bare/c", people(1), by="amina")
    with pytest.raises(WrongState, match="no channel"):
        shop.paymaster.propose_from_pool("nov", "bare/c", by="amina")
    (made,) = shop.paymaster.propose_from_pool("nov", "bare/c", by="amina", channel="dummy")
    assert made.lines == 1
    set_up(shop.paymaster)


def test_a_selection_that_was_withdrawn_does_not_look_proposed(shop: Shop) -> None:
    generated(shop.paymaster, people(1, 2))
    (one,) = shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    shop.paymaster.reject(one.payroll, by="joseph", reason="not yet")
    with pytest.raises(WrongState, match="was rejected; give the new one another name"):
        shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    (two,) = shop.paymaster.propose_from_pool("nov again", CYCLE, by="amina")
    assert two.lines == 2 and free(shop.paymaster) == []


def test_what_was_left_half_way_counts_towards_no_cap(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    generated(shop.paymaster, people(1), caps={"beneficiary": "50000"})

    def killed(*how: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(proposing, "_switch_on", killed)
        line = shop.invoice(1, "w-1", 10_000, instalment="2")
        shop.paymaster.propose("half", [line], channel="dummy", by="amina")
    (one,) = shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    shop.paymaster.approve(one.payroll, by="joseph")
    # Proposed to its end now, it would be more than the cap.
    with pytest.raises(InvalidPayroll, match="per beneficiary"):
        shop.paymaster.propose("half", [line], channel="dummy", by="amina")


def test_a_draft_whose_correction_is_refused_stays_to_be_seen_and_withdrawn(shop: Shop) -> None:
    generated(shop.paymaster, people(1, 2))
    (one,) = shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    shop.paymaster.send_back(one.payroll, by="joseph", reason="too much")
    shop.paymaster.set_cycle(PROGRAMME, "2026-11", by="amina", amount="50000", caps={"payment": "10"})
    with pytest.raises(InvalidPayroll, match="per payment"):
        shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")
    (status,) = shop.paymaster.status(one.payroll)
    assert (status.state, status.lines) == ("draft", 0) and free(shop.paymaster) == ["ben-1", "ben-2"]
    assert shop.paymaster.verify().ok
    shop.paymaster.cancel(one.payroll, by="amina", reason="no more")
    assert shop.paymaster.status(one.payroll)[0].state == "cancelled" and shop.paymaster.verify().ok


def test_what_is_tried_again_counts_towards_the_cap_again(shop: Shop) -> None:
    set_up(shop.paymaster, caps={"beneficiary": "60000"})
    first = shop.paid([shop.invoice(1, "fault-refused")], "first")
    assert shop.state(first) == "refused"
    second = shop.approved([shop.invoice(2, "w-1", beneficiary="ben-1", instalment="2")], "second")
    with pytest.raises(WrongState, match="per beneficiary"):
        shop.paymaster.retry(shop.payment(first), by="amina", reason="her wallet is open now")
    shop.paymaster.cancel(second, by="amina", reason="one at a time")
    shop.paymaster.retry(shop.payment(first), by="amina", reason="her wallet is open now")
