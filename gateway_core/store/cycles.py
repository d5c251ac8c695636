"""Programmes, cycles and their invoices in the store: rows, facts, and pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.accounts import Account
from ..model.errors import NotFoundError
from ..model.identity import derived_uuid, digest
from ..model.money import Money
from ..model.payment import Invoice
from ..model.states import UNPAID, WITHDRAWN
from . import cycle_tables as c
from . import recording
from . import tables as t
from .database import Record, Store
from .prepared import Prepared

_c = c.cycles.c
_i = c.invoices.c
_p = t.payments.c
_r = t.payrolls.c
PAGE = 1000
INSERT = Prepared(
    sa.insert(c.invoices).values(
        {
            name: sa.bindparam(name)
            for name in ("cycle", "generation", "n", "entitlement", "amount", "currency", "body", "leaf")
        }
    )
)


def split(address: str) -> tuple[str, str]:
    """("child-grant", "2026-11") of "child-grant/2026-11"; a programme alone has no cycle."""
    programme, _, name = address.partition("/")
    return programme, name


def address_of(row: Record) -> str:
    """ "child-grant/2026-11", or "child-grant"."""
    return f"{row.programme}/{row.name}" if row.name else str(row.programme)


def find(connection: Connection, programme: str, name: str) -> Record | None:
    """A programme or cycle, or None."""
    return connection.execute(sa.select(c.cycles).where(_c.programme == programme, _c.name == name)).first()


def get(connection: Connection, address: str) -> Record:
    """A programme or cycle by its address. Raises NotFoundError."""
    row = find(connection, *split(address))
    if row is None:
        kind = "cycle" if "/" in address else "programme"
        raise NotFoundError(f"there is no {kind} {address!r}; `gateway {kind}s` lists them")
    return row


def listed(connection: Connection, programme: str = "") -> list[Record]:
    """All, or a programme and its cycles: each programme before its cycles."""
    query = sa.select(c.cycles).order_by(_c.programme, _c.name)
    return list(connection.execute(query.where(_c.programme == programme) if programme else query))


def make(connection: Connection, store: Store, address: str, by: str, terms: Mapping[str, Any]) -> None:
    """A new one."""
    programme, name = split(address)
    made = derived_uuid("cycle", store.deployment, store.identity, programme, name)
    connection.execute(sa.insert(c.cycles).values(id=made, programme=programme, name=name))
    body = {"programme": programme, "name": name, "terms": terms}
    record(connection, store, get(connection, address), "made", by, body, state="active", terms=_packed(terms))


def change(connection: Connection, store: Store, row: Record, by: str, terms: Mapping[str, Any]) -> None:
    """Other terms."""
    record(connection, store, row, "changed", by, {"terms": terms}, terms=_packed(terms))


def _packed(terms: Mapping[str, Any]) -> str:
    return json.dumps(terms, ensure_ascii=False, sort_keys=True)


def record(
    connection: Connection, store: Store, row: Record, kind: str, by: str, body: Mapping[str, Any], **columns: Any
) -> None:
    """State a fact about it and write what follows."""
    recording.record(connection, store, c.cycles, row, address_of(row), kind, by, body, **columns)


# -- invoices ----------------------------------------------------------------------------------------------------------


def row_of(cycle: str, generation: int, n: int, invoice: Invoice, leaf: bytes) -> dict[str, Any]:
    """The row of a generated invoice."""
    return {
        "cycle": cycle, "generation": generation, "n": n, "entitlement": invoice.entitlement,
        "amount": invoice.amount.minor, "currency": invoice.amount.currency, "body": body_of(invoice), "leaf": leaf,
    }  # fmt: skip


def body_of(i: Invoice) -> str:
    """An invoice as JSON."""
    body = {
        "id": i.id, "beneficiary": i.beneficiary, "name": i.name, "account": [i.account.type, i.account.value],
        "amount": [i.amount.minor, i.amount.currency], "programme": i.programme, "cycle": i.cycle,
        "instalment": i.instalment, "reference": i.reference, "channel": i.channel, "extra": dict(i.extra),
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def leaf_of(i: Invoice) -> bytes:
    """Digest of an invoice as generated."""
    return digest(
        ["invoice v1", i.id, i.beneficiary, i.name, i.account.type, i.account.value, i.amount.minor, i.amount.currency,
         i.programme, i.cycle, i.instalment, i.reference, i.channel, dict(i.extra)]
    )  # fmt: skip


def as_invoice(body: str) -> Invoice:
    """The invoice of a row's body."""
    known = json.loads(body)
    known |= {"account": Account(*known["account"]), "amount": Money(*known["amount"])}
    return Invoice(**known)


def visible(row: Record) -> sa.ColumnElement[bool]:
    """The invoices of a cycle that hold now: of complete generations, and not replaced by one."""
    stands = sa.or_(_i.until == 0, _i.until > row.generations)
    return sa.and_(_i.cycle == row.id, _i.generation <= row.generations, stands)


def pages(store: Store, row: Record, size: int = PAGE) -> Iterator[list[Record]]:
    """A cycle's invoices in the order in which they were generated; each page is a short transaction."""
    generation, n = 0, 0
    while True:
        # Compared as a row, so that the index is entered where the page before ended.
        further = sa.tuple_(_i.generation, _i.n) > sa.tuple_(sa.literal(generation), sa.literal(n))
        query = sa.select(c.invoices).where(visible(row), further).order_by(_i.generation, _i.n).limit(size)
        with store.read() as connection:
            rows = list(connection.execute(query))
        if not rows:
            return
        yield rows
        generation, n = rows[-1].generation, rows[-1].n


def standing(connection: Connection, row: Record, entitlements: Sequence[str]) -> dict[str, Record]:
    """Which of these entitlements have an invoice already."""
    query = sa.select(c.invoices).where(visible(row), _i.entitlement.in_(entitlements))
    return {found.entitlement: found for found in connection.execute(query)}


def live(
    connection: Connection, entitlements: Sequence[str], but: str = "", *, staged: bool = False, drafts: bool = True
) -> dict[str, Record]:
    """Which of these lie in another payroll than `but` that was not withdrawn, and did not come back:
    {entitlement: a row with payroll, state, complete, id}. `staged`: also in a proposal that is not complete.
    `drafts=False`: not in one that was sent back, whose lines are never paid as they are.
    """
    query = (
        sa.select(_p.entitlement, _p.state, _r.name.label("payroll"), _r.complete, _r.id)
        .join(t.payrolls, _r.id == _p.payroll)
        .where(_p.entitlement.in_(entitlements), _p.payroll != but)
        .where(_r.state.not_in(WITHDRAWN), _p.state.not_in(UNPAID))
    )
    query = query if staged else query.where(_r.complete)
    query = query if drafts else query.where(sa.or_(_r.state != "draft", sa.not_(_r.complete)))
    return {row.entitlement: row for row in connection.execute(query)}


def since(connection: Connection, seen: Mapping[str, int], entitlements: Sequence[str]) -> list[Record]:
    """Invoices of these that came after the generation of their cycle (by its id) that was `seen`: rows of the cycle,
    with entitlement and generation. One beyond `generations` is being staged, or was left half-way.
    """
    query = (
        sa.select(_i.entitlement, _i.generation, c.cycles)
        .join(c.cycles, _c.id == _i.cycle)
        .where(_i.entitlement.in_(entitlements), _i.cycle.in_(sorted(seen)))
    )
    return [row for row in connection.execute(query) if row.generation > seen[row.id]]
