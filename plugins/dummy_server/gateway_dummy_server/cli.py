"""What the command line mounts: `gateway dummy-server`, and its report of the ledger."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from gateway_core.contract import Money
from gateway_core.testing.ledger import Entry, Ledger

SECRET, API_KEY = "GATEWAY_DUMMY_SECRET", "GATEWAY_DUMMY_API_KEY"


def serve(port: int, ledger: str, chaos: int | None = None, no_dedupe: bool = False, chaos_rate: float = 0.3) -> None:
    """Run the server on 127.0.0.1 until it is interrupted; port 0 takes a free one and says which.

    The secret that signs callbacks and the API key come from the environment: GATEWAY_DUMMY_SECRET,
    GATEWAY_DUMMY_API_KEY. Without them callbacks are unsigned and no key is asked for.
    """
    from gateway_core.testing.serving import run

    from .server import create_app

    secrets = {"secret": os.environ.get(SECRET, ""), "api_key": os.environ.get(API_KEY, "")}
    run(create_app(ledger, dedupe=not no_dedupe, chaos=chaos, chaos_rate=chaos_rate, **secrets), port)


def ledger_report(path: str) -> dict[str, Any]:
    """What the server did with the money: each payment it took, and how often money moved per reference."""
    if not Path(path).is_file():
        raise FileNotFoundError(errno.ENOENT, "there is no such ledger", path)
    ledger = Ledger(path)
    payments: list[dict[str, Any]] = []
    totals: dict[str, int] = {}
    try:
        after = ""
        while page := ledger.page(after):
            after = page[-1].order.key
            for entry in page:
                if entry.status != "absent":
                    payments.append(_line(entry))
                    totals[entry.order.reference] = totals.get(entry.order.reference, 0) + entry.moved
    finally:
        ledger.close()
    return {"payments": payments, "totals": totals}


def _line(entry: Entry) -> dict[str, Any]:
    order = entry.order
    return {
        "key": order.key, "reference": order.reference, "entitlement": order.entitlement, "account": order.account,
        "amount": Money(order.amount, order.currency).text, "currency": order.currency,
        "moved": entry.moved, "reversed": entry.reversed,
    }  # fmt: skip
