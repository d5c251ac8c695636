"""Proofs: late, twice, out of order, after sealing, of a lost list; never twice, never lost, never quietly refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.cash.stations import Device, Point
from gateway_core.model.errors import MakerIsChecker, WrongState
from gateway_core.store import parcels

from .phones import Phone

if TYPE_CHECKING:
    from .conftest import Till

DAY = 86_400.0
DOUBLE = "possible_double_payment"


def total(paper: dict[str, Any]) -> int:
    return sum(line["amount"] for line in paper["lines"])


def sealed_unpaid(till: Till, **how: Any) -> dict[str, Any]:
    """A list that came back whole, nobody paid by it."""
    paper = till.paper()
    till.counted(paper["id"], total(paper), total(paper), **(how or {"how": "paper"}))
    till.paymaster.seal_list(paper["id"], by="joseph")
    return paper


def test_the_same_records_again_in_any_order_change_nothing(till: Till) -> None:
    till.issued(3)
    paper = till.paper()
    for line in (1, 2, 3):
        till.phone.pay(paper, line)
    for first, last in ((3, 3), (1, 2), (1, 3), (3, 3), (2, 2)):
        till.submit(till.phone.sends(first, last))
    assert len(till.paymaster.proofs(paper["id"])) == 3
    assert not till.cases()
    assert till.paymaster.accept_proofs(paper["id"], by="joseph").decided == 3
    till.submit(till.phone.sends())
    assert set(till.states().values()) == {"paid"}
    assert not till.cases()
    till.whole()


def test_without_a_proof_a_line_is_unknown_after_the_last_day_and_with_one_it_stays_pending(till: Till) -> None:
    payroll = till.issued(2)
    till.phone.pay(till.paper(), 1)
    till.submit(till.phone.sends())
    till.run(payroll, later=8 * DAY)
    assert till.states() == {"inv-0": "pending", "inv-1": "unknown"}
    late = till.phone.pay(till.paper(), 2)
    till.submit(till.phone.sends(2))
    assert till.states() == {"inv-0": "pending", "inv-1": "pending"}
    assert late.hash in {proof.id for proof in till.paymaster.proofs(till.paper()["id"])}


def test_a_line_is_refused_only_by_a_sealed_list_and_then_goes_on_another_list(till: Till) -> None:
    payroll = till.issued(2)
    with pytest.raises(WrongState):
        till.paymaster.seal_list(till.paper()["id"], by="joseph")
    paper = sealed_unpaid(till)
    assert set(till.states().values()) == {"refused"}
    for view in till.paymaster.payments(payroll):
        assert view.reason == "not_collected"
        till.paymaster.retry(view.id, by="amina", reason="absent, comes again")
    till.run(payroll)
    again = till.paper()
    assert again["id"] != paper["id"]
    assert len(again["lines"]) == 2
    till.whole()


@pytest.mark.parametrize("reissued", [False, True])
def test_a_proof_after_sealing_opens_a_case_and_freezes_what_is_owed(till: Till, reissued: bool) -> None:
    payroll = till.issued(2)
    old = Phone("phone-lost", "okot")
    old.pay(till.paper(), 1)
    sealed_unpaid(till, how="lost", devices={}, reason="the bus was robbed")
    if reissued:
        till.paymaster.retry(till.paymaster.payments(payroll)[0].id, by="amina", reason="again")
    till.submit(old.sends())
    assert till.cases() == [DOUBLE]
    till.run(payroll)
    assert till.states()["inv-0"] == ("held" if reissued else "refused"), "frozen: it is on no new list"
    assert len(till.papers()) == 1
    till.whole()


def test_a_proof_after_the_close_opens_a_case(till: Till) -> None:
    payroll = till.issued(2)
    paper = sealed_unpaid(till)
    till.paymaster.reconcile(payroll, by="amina")
    till.paymaster.close(payroll, by="joseph")
    till.phone.pay(paper, 1)
    till.submit(till.phone.sends())
    assert till.cases() == [DOUBLE]
    assert till.states()["inv-0"] == "refused", "a closed payroll is frozen"
    with pytest.raises(WrongState):
        till.counted(paper["id"], 0, 0)
    till.whole()


def test_two_phones_that_paid_the_same_line_are_a_case_and_a_flag(till: Till) -> None:
    till.issued(1)
    paper, other = till.paper(), Phone("phone-2", "okot")
    till.phone.pay(paper, 1)
    second = other.pay(paper, 1)
    till.submit(till.phone.sends())
    till.submit(other.sends())
    assert till.cases() == [DOUBLE]
    done = till.paymaster.accept_proofs(paper["id"], by="joseph")
    assert (done.decided, done.flagged) == (0, 2)
    first = till.phone.records[0].hash
    with pytest.raises(WrongState, match="second_record"):
        till.paymaster.accept_proofs(paper["id"], by="joseph", only=[first])
    till.paymaster.accept_proofs(paper["id"], by="joseph", only=[first], reason="okot's was a slip, no cash is missing")
    till.paymaster.reject_proofs(paper["id"], by="joseph", only=[second.hash], reason="a slip")
    assert set(till.states().values()) == {"paid"}
    till.whole()


def test_a_rejected_proof_leaves_its_line_unknown_and_another_one_pays_it(till: Till) -> None:
    till.issued(1)
    paper = till.paper()
    wrong = till.phone.pay(paper, 1)
    till.submit(till.phone.sends())
    with pytest.raises(MakerIsChecker):
        till.paymaster.reject_proofs(paper["id"], by="amina", only=[wrong.hash], reason="a photo of a wall")
    till.paymaster.reject_proofs(paper["id"], by="joseph", only=[wrong.hash], reason="a photo of a wall")
    assert set(till.states().values()) == {"unknown"}
    till.submit(till.phone.sends())
    assert set(till.states().values()) == {"unknown"}, "what was rejected stays so"
    right = till.phone.pay(paper, 1)
    till.submit(till.phone.sends(2))
    till.paymaster.accept_proofs(paper["id"], by="joseph", only=[right.hash], reason="seen")
    assert set(till.states().values()) == {"paid"}
    assert not till.cases()
    till.whole()


def test_another_amount_settles_nothing_by_itself(till: Till) -> None:
    till.issued(1)
    paper = till.paper()
    short = till.phone.pay(paper, 1, amount=1)
    till.submit(till.phone.sends())
    assert till.cases() == ["wrong_amount"]
    assert till.paymaster.accept_proofs(paper["id"], by="joseph").flagged == 1
    till.paymaster.accept_proofs(paper["id"], by="joseph", only=[short.hash], reason="mistyped: the paper has it all")
    assert set(till.states().values()) == {"paid"}
    till.whole()


def test_records_that_are_altered_missing_or_of_none_of_ours_show(till: Till) -> None:
    till.issued(3)
    paper = till.paper()
    for line in (1, 2, 3):
        till.phone.pay(paper, line)
    till.submit(till.phone.sends(1, 1).replace(b'"officer":"grace"', b'"officer":"gracf"'))
    assert till.cases() == ["unknown_line"]
    assert not till.paymaster.proofs(paper["id"])
    till.submit(till.phone.sends(1, 1) + till.phone.sends(3, 3))
    till.paymaster.accept_proofs(paper["id"], by="joseph")
    with pytest.raises(WrongState, match="2 did not come"):
        till.counted(paper["id"], 0, 0)
    with pytest.raises(WrongState, match="say the number"):
        till.counted(paper["id"], 0, 0, devices={"another": 1})
    with pytest.raises(WrongState):
        till.submit(b"nonsense")
    stranger = Phone("phone-9", "okot")
    stranger.pay({**paper, "id": "NOSUCHLIST"}, 1)
    till.submit(stranger.sends())
    assert "unreadable_answer" in till.cases()
    assert sorted(till.states().values()) == ["paid", "paid", "pending"]
    till.whole()


def test_cash_that_is_not_accounted_for_keeps_the_payroll_open(till: Till) -> None:
    payroll = till.issued(2)
    paper = till.paper()
    for line in (1, 2):
        till.phone.pay(paper, line)
    till.submit(till.phone.sends())
    till.paymaster.accept_proofs(paper["id"], by="joseph")
    till.paymaster.reconcile(payroll, by="amina")
    assert [one.kind for one in till.paymaster.zero_sum(payroll).differences] == ["list_not_sealed"]
    with pytest.raises(WrongState):
        till.paymaster.explain(payroll, by="amina", reason="well", kind="list_not_sealed")
    with pytest.raises(WrongState):
        till.paymaster.close(payroll, by="joseph")
    till.counted(paper["id"], total(paper) + 7, 0, how="lost", reason="the bag")
    till.paymaster.seal_list(paper["id"], by="joseph")
    (missing,) = till.paymaster.zero_sum(payroll).differences
    assert (missing.kind, missing.delta) == ("cash_differs", -7)
    till.counted(paper["id"], total(paper), 0)
    till.paymaster.reconcile(payroll, by="amina")
    with pytest.raises(WrongState):
        till.paymaster.close(payroll, by="joseph")
    till.paymaster.seal_list(paper["id"], by="joseph")
    till.paymaster.reconcile(payroll, by="amina")
    till.paymaster.close(payroll, by="joseph")
    till.whole()


def test_points_are_held_against_a_payroll(till: Till) -> None:
    payroll = till.shop.proposed(till.invoices(2, point="nowhere"))
    report = till.paymaster.check(payroll)
    assert {found.objection.code for found in report.objections} == {"unknown_point"}


def test_a_proof_of_what_two_people_called_paid_is_accepted_beside_it(till: Till) -> None:
    payroll = till.issued(1)
    till.run(payroll, later=8 * DAY)
    till.shop.release(till.shop.payment(payroll), "paid")
    paper = till.paper()
    till.phone.pay(paper, 1)
    till.submit(till.phone.sends())
    assert not till.cases()
    assert till.paymaster.accept_proofs(paper["id"], by="joseph").decided == 1
    till.counted(paper["id"], total(paper), 0)
    till.paymaster.seal_list(paper["id"], by="joseph")
    till.whole()


def test_a_list_is_not_sealed_while_records_that_came_are_unread(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till.issued(1)
    paper = till.paper()
    till.phone.pay(paper, 1)
    with monkeypatch.context() as broken:
        broken.setattr("gateway_core.filing.read_now", lambda *given: "")
        till.submit(till.phone.sends())
    till.counted(paper["id"], total(paper), total(paper), how="paper")
    with pytest.raises(WrongState, match="not read"):
        till.paymaster.seal_list(paper["id"], by="joseph")
    till.run()
    assert till.paymaster.proofs(paper["id"])


@pytest.mark.parametrize(
    "says, holder", [("grace", ""), ("Gra\u200bce ", ""), ("okot", "grace"), ("okot", "GRACE\u2060")]
)
def test_who_paid_out_neither_checks_nor_seals_under_any_spelling(says: str, holder: str, till: Till) -> None:
    till.issued(1)
    till.paymaster.set_device(Device(code="phone-1", officer=holder), by="amina")
    till.phone.officer = says
    till.phone.pay(paper := till.paper(), 1)
    till.submit(till.phone.sends())
    (proof,) = till.paymaster.proofs(name := paper["id"])
    for only in ([], [proof.id]):
        with pytest.raises(MakerIsChecker):
            till.paymaster.accept_proofs(name, by="grace", only=only, reason="seen")
    with pytest.raises(MakerIsChecker):
        till.paymaster.reject_proofs(name, by="Grace", only=[proof.id], reason="seen")
    till.paymaster.accept_proofs(name, by="joseph", only=[proof.id], reason="seen")
    with pytest.raises(MakerIsChecker):
        till.paymaster.count_list(name, by="Grace", how="paper", handed_out=total(paper), returned=0)
    till.counted(name, total(paper), 0)
    with pytest.raises(MakerIsChecker):
        till.paymaster.seal_list(name, by="grace")
    till.paymaster.seal_list(name, by="joseph")


@pytest.mark.parametrize("named", ["at the point", "with a phone"])
def test_an_officer_without_a_record_counts_and_seals_no_list_of_his(till: Till, named: str) -> None:
    till.issued(1)
    name, phones = till.paper()["id"], {"phone-5": 0}
    if named == "at the point":
        till.paymaster.set_point(Point(code="P1", manager="M1", officers=("Okot",)), by="amina")
    else:
        till.paymaster.set_device(Device(code="phone-5", officer="Okot"), by="amina")
    with pytest.raises(MakerIsChecker):
        till.paymaster.count_list(name, by="okot", how="devices", devices=phones, handed_out=0, returned=0)
    till.counted(name, 0, 0, devices=phones)
    with pytest.raises(MakerIsChecker):
        till.paymaster.seal_list(name, by="okot")
    tried = [event.details["what"] for event in till.paymaster.events("desk") if event.kind == "refused_to"]
    assert "count a list" in tried
    till.paymaster.seal_list(name, by="joseph")
    till.whole()


def test_a_phone_that_has_more_records_by_now_keeps_its_list_from_being_sealed(till: Till) -> None:
    """A line that it paid would be called not collected, and be paid again."""
    till.issued(1)
    name, store = till.paper()["id"], till.paymaster._store
    till.counted(name, 0, 0, devices={"phone-5": 0})
    said = parcels.Said(answer="", device="phone-5", last=1, head="ab", made_at=0, signer="")
    with store.write() as connection:
        parcels.came(connection, store, said, "amina")
    with pytest.raises(WrongState, match="phone-5 are not complete: it said itself that it has 1 records"):
        till.paymaster.seal_list(name, by="joseph")


def test_who_may_give_proofs_in_need_not_reconcile(till: Till) -> None:
    till.issued(1)
    till.phone.pay(till.paper(), 1)
    till.shop.reopen(roles={"field": {"people": ["amina"], "may": ["proofs"]}})
    assert till.submit(till.phone.sends()).records == 1
