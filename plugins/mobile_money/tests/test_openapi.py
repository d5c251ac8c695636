"""Our requests and our simulator's answers, held against the GSMA's published documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core.testing.behaviours import FAULTS

from .conftest import Operator, Shop
from .openapi import DOCUMENTS, FOLDER, Exchange, Judge
from .saying import pay

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the GSMA's documents are not beside this repository")
ASKED_FOR = ("refused", "no-such-account", "insufficient-funds", "pending-then-paid", "pending-then-refused")
# The subset for disbursements leaves these out; the whole document has them.
NOT_IN_SUBSET = ("/status", "/accountname")


@pytest.fixture(params=["sync", "callback", "polling"])
def seen(request: Any, start: Callable[..., Operator], open_shop: Callable[..., Shop]) -> list[Exchange]:
    """All that passed while a payroll was checked, paid and reconciled."""
    exchanges: list[Exchange] = []
    operator = start("gsma", mode=request.param, seen=exchanges)
    shop = open_shop(operator, callbacks=request.param != "polling", dedupe_proven=True)
    lines = [shop.invoice(n, fault=list(FAULTS).index(name) + 1) for n, name in enumerate(ASKED_FOR)]
    payroll = shop.paymaster.propose(
        "p", [*lines, *(shop.invoice(n) for n in range(9, 13))], channel="gsma", by="amina"
    )
    shop.paymaster.check(payroll)
    shop.paymaster.release_objections(payroll, by="amina", reason="rehearsal")
    shop.paymaster.approve(payroll, by="joseph", despite="rehearsal")
    shop.run_on(payroll)
    shop.paymaster.reconcile(payroll, by="amina")
    assert {"paid", "refused"} <= set(shop.states(payroll).values()) <= {"paid", "refused"}
    assert {exchange.status for exchange in exchanges} >= {200, 404}
    return exchanges


def test_every_exchange_is_as_the_documents_have_it(seen: list[Exchange]) -> None:
    assert len(seen) > 20
    for version in DOCUMENTS:
        judge = Judge(version)
        for exchange in seen:
            # Where a link leads to an error, the document names no path.
            outside = exchange.path.startswith("/errors/")
            outside |= version == "1.2 disbursements" and exchange.path.endswith(NOT_IN_SUBSET)
            assert outside or list(judge.faults(exchange)) == [], (version, exchange)


@pytest.mark.parametrize("version", DOCUMENTS)
@pytest.mark.parametrize("change", [
    {"amount": "200.00x"}, {"amount": 200}, {"amount": "-1"}, {"currency": "SHILLINGS"}, {"descriptionText": 7},
])  # fmt: skip
def test_the_judge_finds_what_is_wrong(version: str, change: dict[str, Any]) -> None:
    ask = pay("gsma")
    good = dict(ask.request.json)
    judge = Judge(version)
    operation = judge._operation(Exchange("POST", ask.request.path, {}, b"", 202, b""))
    schema = judge._content(operation["requestBody"])
    assert list(judge._matches(schema, good, "request")) == []
    assert list(judge._matches(schema, good | change, "request")) != []
