"""A rail that stops its channel, and who lets it go again: both are on record, and cannot be changed unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gateway_dummy_server import DummyGateway

from gateway_core.contract import Ask, Refused, Reply, Verdict
from gateway_core.store import stops

if TYPE_CHECKING:
    from tests.conftest import Shop

BOOK = "channel dummy"
WHY = "the key is wrong"


class Locked(DummyGateway):
    """Its rail refuses the credentials."""

    name = "dummy_server"

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        return (
            Refused("unauthorised", WHY, stops_channel=True) if ask.moves_money else super().parse_response(ask, reply)
        )


def stopped(shop: Shop) -> None:
    own = shop.paymaster.configuration.channel("dummy").gateway
    shop.speak(Locked(own.settings))
    shop.approved(shop.invoices(4))
    assert WHY in shop.paymaster.run(wait=0.2).stopped_channels["dummy"]
    shop.speak(own)


def test_a_stop_and_who_lifted_it_are_on_record(shop: Shop) -> None:
    stopped(shop)
    assert set(shop.states().values()) == {"ready"}, "nobody is called refused"
    shop.paymaster.lift_stop("dummy", by="joseph")
    shop.paymaster.lift_stop("dummy", by="grace")
    told = [(event.kind, event.source, event.details.get("reason", "")) for event in shop.paymaster.events(BOOK)]
    assert [(kind, by) for kind, by, _ in told] == [("stopped", "driver"), ("lifted", "joseph")]
    assert WHY in told[0][2]
    shop.paymaster.run(wait=5.0)
    assert set(shop.states().values()) == {"paid"}
    assert shop.paymaster.verify().ok


def test_the_same_stop_is_said_once(shop: Shop) -> None:
    store = shop.paymaster._store
    for reason in ("no balance", "no balance", "blocked", "x" * 600, "x" * 600):
        stops.note(store, "dummy", reason)
    assert [event.details["reason"] for event in shop.paymaster.events(BOOK)] == ["no balance", "blocked", "x" * 500]
    assert shop.paymaster.verify().ok


@pytest.mark.parametrize(("sql", "said"), [
    ("DELETE FROM stops", "is in the table not stopped, and by its book stopped: "),
    ("UPDATE stops SET reason = 'nothing'", "is in the table stopped: nothing, and by its book stopped: "),
    ("INSERT INTO stops (channel, reason, at) VALUES ('other', 'mine', 0)",
     "'other' is in the table stopped: mine, and by its book not stopped"),
])  # fmt: skip
def test_whoever_changes_the_table_is_found(shop: Shop, sql: str, said: str) -> None:
    stopped(shop)
    assert shop.paymaster.verify().ok
    shop.change_store(sql)
    findings = shop.paymaster.verify().findings
    assert any(said in finding for finding in findings), findings
