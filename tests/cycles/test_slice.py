"""A cycle from its beneficiaries to the close; who was refused is in the next payroll."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cycles.world import CYCLE, free, generated, people

if TYPE_CHECKING:
    from tests.conftest import Shop


def test_a_cycle_is_paid_and_closed_and_who_was_refused_is_in_the_next_payroll(shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(0, 1, 2) + people(9, account="fault-refused"))
    assert free(paymaster) == ["ben-0", "ben-1", "ben-2", "ben-9"]
    (first,) = paymaster.propose_from_pool("november", CYCLE, by="amina")
    assert (free(paymaster), str(first.total)) == ([], "200000 UGX")
    assert paymaster.check(first.payroll).good
    paymaster.approve(first.payroll, by="joseph")
    paymaster.run(first.payroll, wait=20)
    assert paymaster.status(first.payroll)[0].counts == {"paid": 3, "refused": 1}
    assert free(paymaster) == ["ben-9"]
    (second,) = paymaster.propose_from_pool("november, again", CYCLE, by="amina")
    paymaster.reconcile(first.payroll, by="amina")
    paymaster.close(first.payroll, by="joseph")
    assert [view.invoice for view in paymaster.payments(second.payroll)] == [f"{CYCLE}/ben-9"]
    assert free(paymaster) == []
    assert paymaster.verify().findings == []
