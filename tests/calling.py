"""A rail that calls back, in time or late."""

from __future__ import annotations

import json

import sqlalchemy as sa

from gateway_core.contract import Arrival
from gateway_core.engine.hear import hear
from gateway_core.model.moments import as_time
from gateway_core.paymaster import Paymaster
from gateway_core.store import inbox
from gateway_core.store.clock import now_us


def rail_calls(paymaster: Paymaster, payment: str, status: str) -> None:
    """An authentic callback of the dummy rail about a payment arrives, and is acted on."""
    store = paymaster._store
    with store.read() as connection:
        query = "SELECT key, body FROM facts WHERE payment = :payment AND kind = 'intent' ORDER BY no DESC"
        key, text = connection.execute(sa.text(query), {"payment": payment}).first() or ("", "")
    order = json.loads(text)["request"]["json"]
    said = {name: order[name] for name in ("key", "reference", "account", "amount", "currency")}
    body = json.dumps({**said, "status": status, "receipt": "D-late", "code": "refused_by_provider"}).encode()
    with store.write() as connection:
        arrival = Arrival("POST", "/", {}, body, as_time(now_us()))
        assert inbox.keep(connection, "dummy", arrival, key, True)
    assert hear(store, paymaster.configuration.channel, now_us()) == 1
