"""Kills where a run seldom comes: the rail cannot be reached, reconciling asks, the last payment was just settled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import KILLED, Dummy, Lives, Victim, judge, unanswered

if TYPE_CHECKING:
    from tests.conftest import Shop

MakeVictim = Callable[..., Victim]
PROVIDERS = pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])


def agrees(victim: Victim, server: Dummy) -> dict[str, int]:
    said = judge([victim], server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])
    return said.states


@pytest.mark.deep
@PROVIDERS
def test_killed_while_nobody_answers_at_the_rails_address(
    no_dedupe: bool, lives: Lives, make_victim: MakeVictim, tmp_path: Path
) -> None:
    """What provably never left goes again once the rail is back; where that is not on record, it is asked."""
    ledger = tmp_path / "ledger.db"
    server = Dummy(ledger, no_dedupe=no_dedupe)
    victim = make_victim(server)
    server.stop()
    visits: list[tuple[str, int]] = [
        ("written-unsent", 1),
        ("before-ask", 2),
        ("written-unsent", 2),
        ("written-unsent", 4),
    ]
    for at in visits:
        assert lives.live(victim.config, victim.payroll, at) == KILLED
        in_doubt = unanswered(victim.config["store"], victim.payroll)
        assert in_doubt or at[0] != "before-ask", "of what was about to go, nobody knows whether it went"
    server = Dummy(ledger, no_dedupe=no_dedupe, port=server.port)
    try:
        victim.exit = lives.live(victim.config, victim.payroll)
        assert agrees(victim, server)["paid"]
    finally:
        server.stop()


@pytest.mark.few(1)
@PROVIDERS
def test_killed_while_reconciling(
    no_dedupe: bool, lives: Lives, make_victim: MakeVictim, start_dummy: Callable[..., Dummy]
) -> None:
    """Reconciling sends nothing: killed and begun again, it changes nothing either."""
    server = start_dummy(no_dedupe=no_dedupe)
    victim = make_victim(server)
    victim.exit = lives.live(victim.config, victim.payroll)
    states, copies = agrees(victim, server), server.copies()
    for point in ("before-reconcile", "after-reconcile", "written-answer"):
        for visit in (1, 2, 4):
            assert lives.live(victim.config, victim.payroll, (point, visit), work="reconcile") == KILLED
    assert lives.live(victim.config, victim.payroll, work="reconcile") == 0
    assert agrees(victim, server) == states
    assert server.copies() == copies
    with Paymaster.open(victim.config) as paymaster:
        assert paymaster.cases(victim.payroll) == []


def test_killed_when_the_last_payment_was_just_settled(
    lives: Lives, open_shop: Callable[..., Shop], dummy: Dummy
) -> None:
    """Nothing is open any more, so that no run comes by again; still the payroll can be reconciled and closed."""
    shop = open_shop()
    payroll = shop.approved(shop.invoices(1, cycle=str(shop.folder)))
    shop.paymaster.close_store()
    assert lives.live(shop.config, payroll, ("written-outcome", 1)) == KILLED
    shop.reopen()
    assert shop.states(payroll) == {"inv-0": "paid"}
    shop.run(payroll, wait=0)
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    assert shop.paymaster.status(payroll)[0].state == "reconciled"
