"""Trials at the desk: a real Paymaster on a store of its own, over a rail in memory that knows what money moved."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs

from gateway_core.engine.lanes import NoAnswer
from gateway_core.engine.wire import Wire
from tests.conftest import Shop

from .hunting import must_hold

Reply = tuple[int, dict[str, str], bytes]
# Doubts come to an end in a moment.
QUICK = {"ask_after": 0.01, "ask_at_most": 0.02, "ask_limit": 6, "settle": 0.03, "patience": 0.3, "timeout": 1.0}
# How an account's payments go; any other is paid at once.
LOST, HIDDEN, REFUSED, PENDING = "w-lost", "w-hidden", "w-refused", "w-pending"


@attrs.define
class Rail:
    """The ledger: `moved` counts transfers by key, `paid` what left: (reference, account, amount).

    w-lost: pays, and never answers anything. w-hidden: pays, does not answer, is not found twice, and answers the same
    key by 409 when it comes again. w-refused: refuses. w-pending: never decides. Without `dedupes` it books every copy.
    """

    orders: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    moved: Counter[str] = attrs.field(factory=Counter)
    paid: list[tuple[str, str, int]] = attrs.field(factory=list)
    asked: Counter[str] = attrs.field(factory=Counter)
    dedupes: bool = True

    @property
    def by_entitlement(self) -> Counter[str]:
        """How often money left for each entitlement."""
        sums = Counter[str]()
        for key, times in self.moved.items():
            sums[self.orders[key]["entitlement"]] += times
        return sums

    async def send(self, wire: Wire, timeout: float, limit: int) -> Reply:
        """One exchange."""
        if wire.method == "POST":
            return self._take(json.loads(wire.body))
        key = wire.target.rpartition("/")[2]
        order = self.orders.get(key)
        if order is None:
            return _reply(404, key=key, code="no_such_account" if "balances" in wire.target else "unknown_key")
        self.asked[key] += 1
        account = order["account"]["value"]
        if account == LOST:
            raise NoAnswer("ReadTimeout")
        if account == HIDDEN and self.asked[key] <= 2:
            return _reply(404, key=key, code="unknown_key")
        return _reply(200, **_said(order))

    def _take(self, order: dict[str, Any]) -> Reply:
        key, account = order["key"], order["account"]["value"]
        if key in self.orders and self.dedupes:
            return _reply(409, key=key, code="duplicate") if account == HIDDEN else _reply(200, **_said(order))
        self.orders[key] = order
        if account in (REFUSED, PENDING):
            return _reply(422 if account == REFUSED else 202, **_said(order))
        self.moved[key] += 1
        self.paid.append((order["reference"], account, order["amount"]))
        if account in (LOST, HIDDEN):
            raise NoAnswer("ReadTimeout")
        return _reply(201, **_said(order))

    async def close(self) -> None:
        """Nothing to drop."""


def _said(order: dict[str, Any]) -> dict[str, Any]:
    status = {REFUSED: "refused", PENDING: "pending"}.get(order["account"]["value"], "paid")
    about = {name: order[name] for name in ("key", "reference", "account", "amount", "currency")}
    return {**about, "status": status, "receipt": "R-" + order["key"][:8], "code": "refused_by_provider"}


def _reply(code: int, /, **body: Any) -> Reply:
    return code, {}, json.dumps(body).encode()


class Desk(Shop):
    """A shop whose store is a SQLite file, whatever `--store` says: trials look into it past the framework."""

    def __init__(self, folder: Path, **config: Any) -> None:
        super().__init__(folder, "http://127.0.0.1:9", store=f"sqlite:///{folder / 'store.db'}", **config)

    def altered(self, alter: Callable[[sqlite3.Connection], None]) -> None:
        """What somebody with access to the file does."""
        with closing(sqlite3.connect(self.store)) as db, db:
            db.row_factory = sqlite3.Row
            alter(db)

    def select(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.store)) as db:
            return db.execute(sql, values).fetchall()


@contextmanager
def desk(folder: Path, *, top: Mapping[str, Any] | None = None, **channel: Any) -> Iterator[tuple[Desk, Rail]]:
    """A shop over a rail in memory; `top` and `channel` are more of its configuration.

    amina proposes and reconciles, joseph approves and closes.
    """
    shop, rail = Desk(folder, channel={**QUICK, **channel}, **(top or {})), Rail()
    shop.paymaster._lane = lambda channel: rail
    try:
        yield shop, rail
    finally:
        shop.paymaster.close_store()


def never_twice(rail: Rail) -> None:
    """Law 9, from the ledger."""
    for entitlement, times in rail.by_entitlement.items():
        must_hold("9", times <= 1, f"{entitlement} was paid {times} times")


def states_and_money(shop: Desk, rail: Rail) -> None:
    """Law 3: refused and cancelled mean that no money left."""
    moved = {rail.orders[key]["reference"]: times for key, times in rail.moved.items()}
    for view in shop.paymaster.payments():
        gone = view.state in ("refused", "cancelled") and moved.get(view.id, 0)
        must_hold("3", not gone, f"{view.state}, but money left")


def duplicate_after_a_lost_answer(folder: Path) -> None:
    """The first copy pays and its answer is lost; the rail finds nothing at first, then calls the next a duplicate."""
    with desk(folder) as (shop, rail):
        shop.paid([shop.invoice(0, HIDDEN)])
        states_and_money(shop, rail)
        never_twice(rail)
