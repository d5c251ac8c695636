"""What the bank says after it refused, booked or returned a line, in any order: nobody is paid twice, nobody lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import GatewayCoreError

from .bank import Order, said, whole
from .telling import cases, sent

if TYPE_CHECKING:
    from .conftest import Branch

ABOUT: dict[str, object] = {"count": 3, "total": 150_003, "currency": "UGX"}
DOUBLE, TWICE, CONTRADICTION = "possible_double_payment", "paid_twice", "contradiction"


def tell(branch: Branch, *rows: list[object]) -> None:
    """The bank says these lines in one file."""
    branch.bank.answer(list(rows))
    branch.run(wait=0.2)


def payment(branch: Branch, payroll: str) -> str:
    return next(view.id for view in branch.shop.paymaster.payments(payroll) if view.invoice == "inv-0")


def whole_file(order: Order, verdict: str, reference: str = "") -> list[object]:
    return whole(order.file, verdict, "", {**ABOUT, "reference": reference})


@pytest.mark.parametrize("apart", [True, False], ids=["two files", "one file"])
@pytest.mark.parametrize("by", ["line", "file"])
def test_a_refused_line_whose_money_left_and_came_back_is_returned_in_either_order(
    branch: Branch, by: str, apart: bool
) -> None:
    """The credit may stand before its debit. Taken for paid, she would never be paid."""
    payroll, orders = sent(branch)
    line: Callable[[str, str], list[object]] = (
        (lambda verdict, reference: said(orders[0], verdict, reference=reference))
        if by == "line" else (lambda verdict, reference: whole_file(orders[0], verdict, reference))
    )  # fmt: skip
    tell(branch, line("rejected", ""))
    words = [line("returned", "R-1"), line("booked", "D-1")]
    for rows in [[word] for word in words] if apart else [words]:
        tell(branch, *rows)
    touched = {"inv-0"} if by == "line" else {"inv-0", "inv-1", "inv-2"}
    assert {name for name, state in branch.states().items() if state == "returned"} == touched
    assert {DOUBLE, CONTRADICTION} == set(cases(branch))
    with pytest.raises(GatewayCoreError):
        branch.shop.paymaster.retry(payment(branch, payroll), by="amina", reason="it is back")
    branch.whole()


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["rejected", "booked", "returned"])), ids=lambda order: " ".join(order)
)
def test_refused_booked_returned_ends_returned_in_any_order(branch: Branch, order: tuple[str, ...]) -> None:
    _, orders = sent(branch)
    for verdict in order:
        reference = {"rejected": "", "booked": "D-1", "returned": "R-1"}[verdict]
        for _ in range(2):
            tell(branch, said(orders[0], verdict, reference=reference))
    assert branch.states()["inv-0"] == "returned"
    assert cases(branch) or order[0] != "rejected"
    branch.whole()


@pytest.mark.parametrize("first", ["refused, and booked after all", "booked in one entry"])
def test_law_2_a_second_booking_under_another_reference_is_seen(branch: Branch, first: str) -> None:
    """One report of the details may be the booking that is known; the second one cannot be."""
    _, orders = sent(branch)
    tell(branch, said(orders[0], "rejected") if first.startswith("refused") else whole_file(orders[0], "booked"))
    tell(branch, said(orders[0], reference="D-1"))
    assert TWICE not in cases(branch)
    tell(branch, said(orders[0], reference="D-2"))
    assert TWICE in cases(branch) and branch.states()["inv-0"] == "paid"
    branch.whole()


def test_law_2_what_came_back_and_is_booked_again_is_not_paid_once_more(branch: Branch) -> None:
    """Booked in one entry (no reference of the line), returned, booked: the money is out."""
    payroll, orders = sent(branch)
    tell(branch, whole_file(orders[0], "booked"))
    tell(branch, said(orders[0], "returned", reference="R-1"))
    tell(branch, said(orders[0], reference="D-2"))
    assert cases(branch) == [TWICE]
    with pytest.raises(GatewayCoreError):
        branch.shop.paymaster.close(payroll, by="joseph")
    branch.whole()


@pytest.mark.parametrize("by", ["line", "file"])
@pytest.mark.parametrize("retried", [True, False], ids=["tried anew", "refused"])
def test_law_2_what_was_refused_and_is_carried_out_after_all_does_not_go_again(
    branch: Branch, retried: bool, by: str
) -> None:
    payroll, orders = sent(branch)
    tell(branch, said(orders[0], "rejected") if by == "line" else whole_file(orders[0], "rejected"))
    hers = payment(branch, payroll)
    if retried:
        branch.shop.paymaster.retry(hers, by="amina", reason="the account is open")
    word = said(orders[0], "executing") if by == "line" else whole_file(orders[0], "executing")
    for _ in range(2):
        tell(branch, word)
    branch.run()
    assert len(branch.documents()) == 1, "no second file"
    assert cases(branch) == [CONTRADICTION] * (1 if by == "line" else 3)
    if not retried:
        branch.shop.paymaster.retry(hers, by="amina", reason="the account is open")
        branch.run()
        assert len(branch.documents()) == 1, "not before people have looked"
    branch.whole()


def test_that_it_is_carried_out_says_nothing_of_a_line_that_waits_or_is_paid(branch: Branch) -> None:
    _, orders = sent(branch)
    tell(branch, said(orders[0], "executing"), said(orders[1], reference="D-1"))
    tell(branch, said(orders[1], "executing"), whole_file(orders[0], "executing"))
    assert branch.states() == {"inv-0": "pending", "inv-1": "paid", "inv-2": "pending"} and not cases(branch)
    branch.whole()
