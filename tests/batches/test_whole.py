"""What the bank says of a whole file is held against what is known of each of its lines (laws 2, 3, 9).

A booking or a return of the file is as much evidence about a line as one that names it; a refusal of some line that is
not named refuses nobody.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import LineFact
from gateway_core.engine.batch import inbox
from gateway_core.engine.batch.answers import Reading
from gateway_core.model.errors import WrongState

from .bank import said, whole
from .telling import cases, facts, sent

if TYPE_CHECKING:
    from .conftest import Branch

ABOUT: dict[str, object] = {"count": 3, "total": 150_003, "currency": "UGX", "reference": "E-1"}
ALL = ("inv-0", "inv-1", "inv-2")


def tells(branch: Branch, verdict: str, file: str, **about: object) -> None:
    """The bank speaks of a whole file."""
    branch.bank.answer([whole(file, verdict, "", {**ABOUT, **about})])
    branch.run(wait=0.2)


def payment(branch: Branch, invoice: str = "inv-0") -> str:
    return next(view.id for view in branch.shop.paymaster.payments() if view.invoice == invoice)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_law_3_a_refusal_of_lines_that_are_not_named_refuses_nobody(branch: Branch, count: int) -> None:
    payroll, orders = sent(branch)
    branch.bank.answer([whole(orders[0].file, "rejected", "AC04", {"count": count})])
    branch.run(wait=0.2)
    assert set(branch.states().values()) == {"pending"} and branch.documents() == ["handed_over"]
    assert cases(branch) == ["unknown_line"] and branch.shop.paymaster.answers()[0].strays == 1
    for view in branch.shop.paymaster.payments(payroll):
        with pytest.raises(WrongState):
            branch.shop.paymaster.retry(view.id, by="amina", reason="it was refused")
    branch.whole()


@pytest.mark.parametrize("whole_file", [True, False], ids=["a file", "a line"])
def test_law_3_a_file_that_is_being_carried_out_is_not_refused_as_a_whole(branch: Branch, whole_file: bool) -> None:
    _, orders = sent(branch)
    if whole_file:
        tells(branch, "executing", orders[0].file)
    else:
        branch.bank.book(orders[:1], "executing")
        branch.run()
    tells(branch, "rejected", orders[0].file)
    assert set(branch.states().values()) == {"pending"} and cases(branch) == ["contradiction"]
    branch.whole()


@pytest.mark.parametrize("by_lines", [True, False], ids=["line by line", "in one entry"])
def test_what_was_booked_and_is_returned_in_one_entry_is_returned(branch: Branch, by_lines: bool) -> None:
    _, orders = sent(branch)
    if by_lines:
        branch.bank.book(orders)
        branch.run()
    else:
        tells(branch, "booked", orders[0].file)
    assert set(branch.states().values()) == {"paid"}
    tells(branch, "returned", orders[0].file, reference="E-2")
    assert set(branch.states().values()) == {"returned"} and not cases(branch)
    before = facts(branch)
    tells(branch, "returned", orders[0].file, reference="E-2")
    assert facts(branch) == before, "the same entry says nothing new"
    branch.whole()


def test_a_return_in_one_entry_after_the_close_is_a_case_of_each(branch: Branch) -> None:
    payroll, orders = sent(branch)
    tells(branch, "booked", orders[0].file)
    branch.shop.paymaster.reconcile(payroll, by="amina")
    branch.shop.paymaster.close(payroll, by="joseph")
    tells(branch, "returned", orders[0].file, reference="E-2")
    assert set(branch.states().values()) == {"paid"}
    assert cases(branch) == ["late_returned"] * 3
    branch.whole()


def test_a_refused_line_of_a_file_that_was_booked_whole_is_a_case(branch: Branch) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders[:1], "rejected")
    branch.run()
    tells(branch, "booked", orders[0].file)
    assert set(branch.states().values()) == {"paid"}
    assert cases(branch) == ["possible_double_payment"]
    with pytest.raises(WrongState):
        branch.shop.paymaster.retry(payment(branch), by="amina", reason="it was refused")
    branch.whole()


def test_law_2_a_line_that_goes_again_while_its_first_file_is_booked_whole_is_held(branch: Branch) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders[:1], "rejected")
    branch.run()
    branch.shop.paymaster.retry(payment(branch), by="amina", reason="account opened")
    branch.run()
    tells(branch, "booked", orders[0].file)
    assert branch.states() == {"inv-0": "held", "inv-1": "paid", "inv-2": "paid"}
    assert cases(branch) == ["possible_double_payment"]
    branch.whole()


def test_law_11_a_file_that_was_refused_and_is_booked_stops_nobody_else_and_is_a_case(branch: Branch) -> None:
    _, orders = sent(branch)
    branch.bank.answer([whole(orders[0].file, "rejected", "no funds")])
    branch.run()
    assert set(branch.states().values()) == {"refused"}
    branch.bank.answer([whole(orders[0].file, "booked", "", ABOUT)])
    others = [branch.shop.invoice(n, f"w-9{n}") for n in (7, 8)]
    second = branch.shop.approved(others, "second")
    branch.run(wait=0.2)
    assert set(branch.shop.states(second).values()) == {"pending"}
    assert {branch.states()[name] for name in ALL} == {"paid"} and "refused" in branch.documents()
    assert sorted(cases(branch)) == ["contradiction", *["possible_double_payment"] * 3]
    with pytest.raises(WrongState):
        branch.shop.paymaster.retry(payment(branch), by="amina", reason="it was refused")
    branch.whole()


def test_law_2_a_file_that_is_booked_whole_a_second_time_is_a_case_of_each(branch: Branch) -> None:
    _, orders = sent(branch)
    tells(branch, "booked", orders[0].file)
    before = facts(branch)
    for reference in ("E-1", ""):
        tells(branch, "booked", orders[0].file, reference=reference)
        assert facts(branch) == before and not cases(branch), "the same booking, in another statement"
    for _ in range(2):
        tells(branch, "booked", orders[0].file, reference="E-2")
        assert cases(branch) == ["paid_twice"] * 3 and facts(branch) == before + 3
    assert set(branch.states().values()) == {"paid"}
    branch.whole()


def test_a_line_that_was_booked_by_itself_and_with_its_file_is_paid_once(branch: Branch) -> None:
    """A notification lists the payments, the statement has one entry: it is the same money."""
    _, orders = sent(branch)
    branch.bank.book(orders[:2], reference="")
    branch.run()
    tells(branch, "booked", orders[0].file)
    assert set(branch.states().values()) == {"paid"} and not cases(branch)
    branch.whole()


WORDS = (("booked", "A"), ("returned", "B"), ("booked", "C"))


@pytest.mark.parametrize("order", list(itertools.permutations(WORDS)), ids=lambda it: "".join(word[1] for word in it))
def test_law_2_booked_again_beside_a_return_is_a_case_in_any_order(branch: Branch, order: tuple[Any, ...]) -> None:
    _, orders = sent(branch, 1)
    for verdict, reference in (*order, *order):
        branch.bank.answer([said(orders[0], verdict, reference=reference)])
        branch.run(wait=0.2)
    assert branch.states() == {"inv-0": "returned"} and cases(branch) == ["paid_twice"]
    branch.whole()


def test_whoever_dies_before_the_lines_are_told_leaves_that_to_the_next(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its lines were decided: nobody would have looked at that file any more."""
    _, orders = sent(branch)
    branch.bank.book(orders)
    branch.run()
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "tell", lambda *given: 1 / 0)
        with suppress(ZeroDivisionError):
            tells(branch, "returned", orders[0].file, reference="E-2")
    assert set(branch.states().values()) == {"paid"}
    branch.run(wait=0.2)
    assert set(branch.states().values()) == {"returned"}
    branch.whole()


def test_law_2_a_second_booking_never_overtakes_what_the_lines_are_told_of_the_first(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes read two answers about the same file: one looked for the untold just before the other's word."""
    _, orders = sent(branch)
    apply, untold = Reading.apply, Reading.untold

    def text(reference: str) -> bytes:
        rows = [whole(orders[0].file, "booked", "", {**ABOUT, "reference": reference}), ["T", 0]]
        return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()

    def beside(reading: Reading, page: list[tuple[int, LineFact]], now: int) -> bool:
        monkeypatch.setattr(Reading, "apply", apply)
        done = apply(reading, page, now)
        branch.shop.taken(text("E-2"))
        return done

    def looked_before(reading: Reading) -> list[str]:
        reading._resumed = True
        return untold(reading)

    monkeypatch.setattr(Reading, "untold", looked_before)
    monkeypatch.setattr(Reading, "apply", beside)
    branch.shop.taken(text("E-1"))
    assert set(branch.states().values()) == {"paid"} and cases(branch) == ["paid_twice"] * 3
    branch.whole()
