"""The on-site flow: lists out, proofs in, the checker accepts, the cash is counted and sealed, the payroll closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import MakerIsChecker, WrongState

if TYPE_CHECKING:
    from .conftest import Till


def test_a_list_is_issued_paid_proven_counted_and_closed(till: Till) -> None:
    payroll = till.issued(3)
    assert set(till.states().values()) == {"pending"}
    paper = till.paper()
    for line in (1, 2):
        till.phone.pay(paper, line)
    till.phone.miss(paper, 3)
    till.submit(till.phone.sends())
    assert set(till.states().values()) == {"pending"}, "a proof alone pays nobody"
    with pytest.raises(MakerIsChecker):
        till.paymaster.accept_proofs(paper["id"], by="Amina")
    with pytest.raises(MakerIsChecker):
        till.paymaster.accept_proofs(paper["id"], by="grace")
    assert till.paymaster.accept_proofs(paper["id"], by="joseph").decided == 2
    assert sorted(till.states().values()) == ["paid", "paid", "pending"]
    total = sum(line["amount"] for line in paper["lines"])
    left = paper["lines"][2]["amount"]
    till.counted(paper["id"], total, left - 1)
    with pytest.raises(WrongState, match="1 UGX is missing"):
        till.paymaster.seal_list(paper["id"], by="joseph")
    till.counted(paper["id"], total, left)
    with pytest.raises(MakerIsChecker):
        till.paymaster.seal_list(paper["id"], by="amina")
    till.paymaster.seal_list(paper["id"], by="joseph")
    assert sorted(till.states().values()) == ["paid", "paid", "refused"]
    till.paymaster.reconcile(payroll, by="amina")
    assert till.paymaster.zero_sum(payroll).explained
    till.paymaster.close(payroll, by="joseph")
    till.whole()


def test_who_gives_records_in_does_not_accept_them_whoever_had_them_before(till: Till) -> None:
    """Brought by hand they count for nothing; who gives them in as proofs is who gave them in."""
    till.issued(2)
    paper = till.paper()
    for line in (1, 2):
        till.phone.pay(paper, line)
    sent = till.phone.sends()
    till.paymaster.import_statement("cash", sent, by="amina")
    till.submit(sent, by="joseph")
    with pytest.raises(MakerIsChecker):
        till.paymaster.accept_proofs(paper["id"], by="joseph")
    till.paymaster.accept_proofs(paper["id"], by="amina")
    assert set(till.states().values()) == {"paid"}
    till.whole()
