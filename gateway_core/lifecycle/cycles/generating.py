"""Generating: the invoices of a cycle, staged in pages and switched on by one fact, or not at all.

The same beneficiaries again change nothing: an entitlement has one invoice. One that would differ is a mistake, unless
the person says why it replaces the first, and the first lies in no live payroll and was not paid.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ...model.errors import InvalidPayroll, Mistake, WrongState
from ...model.identity import Root
from ...model.money import Money
from ...model.payment import Invoice
from ...store import Store, cycles
from ...store import cycle_tables as c
from ...store.database import Record, now_us
from ..intake import Taken
from . import keeping

_c, _i = c.cycles.c, c.invoices.c
PAGE = 500
LISTED = 1000
BESIDE = "another process generates for this cycle just now; try again to see what became of it"


@attrs.frozen
class Generated:
    """What a generation did: `fresh` invoices are new, `same` were there, `replaced` have others in their place."""

    cycle: str
    fresh: int
    same: int
    replaced: int
    total: Money | None


@attrs.define
class Sums:
    """What one pass over the beneficiaries finds."""

    fresh: int = 0
    same: int = 0
    replaced: int = 0
    total: int = 0
    root: Root = attrs.field(factory=Root)


def generate(
    store: Store, address: str, taken: Taken, by: str, replace: str = "",
    progress: Callable[[int], None] = lambda count: None,
) -> Generated:  # fmt: skip
    """Make the invoices of a checked input. Raises InvalidPayroll with every one that would differ."""
    with store.read() as connection:
        row = cycles.get(connection, address)
    at = _begin(store, row)
    _refuse(store, row, taken, replace)
    sums = _stage(store, row, at, taken, progress)
    _switch_on(store, row, at, sums, by, replace)
    made = Money(sums.total, taken.currency) if taken.currency else None
    return Generated(address, sums.fresh, sums.same, sums.replaced, made)


# -- what would differ -------------------------------------------------------------------------------------------------


def _refuse(store: Store, row: Record, taken: Taken, replace: str) -> None:
    found: list[Mistake] = []
    more = 0
    for page in taken.pages(PAGE):
        for mistake in _differing(store, row, page, replace):
            if len(found) < LISTED:
                found.append(mistake)
            else:
                more += 1
    if found:
        raise InvalidPayroll(found, more)


def _differing(store: Store, row: Record, page: Sequence[tuple[int, Invoice]], replace: str) -> Iterator[Mistake]:
    entitlements = [invoice.entitlement for _, invoice in page]
    with store.read() as connection:
        known = cycles.standing(connection, row, entitlements)
        lies = cycles.live(connection, entitlements) if known else {}
    for line, invoice in page:
        before = known.get(invoice.entitlement)
        if before is None or before.leaf == cycles.leaf_of(invoice):
            continue
        what = differences(cycles.as_invoice(before.body), invoice)
        if (live := lies.get(invoice.entitlement)) is not None:
            mend = f"it lies in payroll {live.payroll!r}: withdraw it there first"
            yield Mistake(line, "beneficiary", f"her invoice is {live.state} already; {what}", mend, "generated_in_use")
        elif not replace:
            mend = "take the line out, or say why the new one replaces it"
            yield Mistake(line, "beneficiary", f"her invoice exists; {what}", mend, "generated_otherwise")


def differences(before: Invoice, now: Invoice) -> str:
    """What two invoices of one entitlement differ in, for people."""
    one, other = (_shown(invoice) for invoice in (before, now))
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    said = [f"{name} was {one.get(name, '')!r} and would be {other.get(name, '')!r}" for name in names[:5]]
    return ", ".join(said) + (f", and {len(names) - 5} more differ" if len(names) > 5 else "")


def _shown(i: Invoice) -> dict[str, str]:
    own = {
        "invoice": i.id, "name": i.name, "account": str(i.account), "amount": str(i.amount), "reference": i.reference,
        "channel": i.channel,
    }  # fmt: skip
    return {**own, **i.extra}


# -- staging -----------------------------------------------------------------------------------------------------------


def _begin(store: Store, row: Record) -> int:
    """Take the cycle's staging over, and remove what an interrupted one left. Returns the token."""
    at = now_us()
    with store.write() as connection:
        changed = sa.update(c.cycles).where(_c.id == row.id, _c.staging == row.staging).values(staging=at)
        if connection.execute(changed).rowcount != 1:
            raise WrongState(BESIDE)
        if (now := cycles.get(connection, cycles.address_of(row))).generations != row.generations:
            raise WrongState(BESIDE)
        keeping.refuse_suspended(connection, now)
    _forget(store, row, at)
    return at


def _forget(store: Store, row: Record, at: int) -> None:
    staged = sa.and_(_i.cycle == row.id, _i.generation > row.generations)
    while True:
        with store.write() as connection:
            _still_ours(connection, row, at)
            some = sa.select(_i.generation, _i.n, _i.entitlement).where(staged).limit(PAGE)
            rows = list(connection.execute(some))
            if not rows:
                return
            for generation in sorted({each.generation for each in rows}):
                ns = [each.n for each in rows if each.generation == generation]
                one = sa.and_(_i.cycle == row.id, _i.generation == generation, _i.n.in_(ns))
                connection.execute(sa.delete(c.invoices).where(one))
            # What it would have replaced stands again.
            again = sa.and_(_i.cycle == row.id, _i.until > row.generations)
            again = sa.and_(again, _i.entitlement.in_([each.entitlement for each in rows]))
            connection.execute(sa.update(c.invoices).where(again).values(until=0))
        _let_others_write()


def _still_ours(connection: Connection, row: Record, at: int) -> None:
    if connection.execute(sa.select(_c.staging).where(_c.id == row.id)).scalar() != at:
        raise WrongState(BESIDE)


def _let_others_write() -> None:
    """As in proposing: a waiting sender gets its turn."""
    time.sleep(0.002)


def _stage(store: Store, row: Record, at: int, taken: Taken, progress: Callable[[int], None]) -> Sums:
    sums, generation, n = Sums(), row.generations + 1, 0
    for page in taken.pages(PAGE):
        leaves = [(invoice, cycles.leaf_of(invoice)) for _, invoice in page]
        with store.read() as connection:
            known = cycles.standing(connection, row, [invoice.entitlement for invoice, _ in leaves])
        rows, instead = [], []
        for invoice, leaf in leaves:
            before = known.get(invoice.entitlement)
            if before is not None and before.leaf == leaf:
                sums.same += 1
                continue
            n += 1
            rows.append(cycles.row_of(row.id, generation, n, invoice, leaf))
            instead += [invoice.entitlement] if before is not None else []
            sums.root.add(leaf)
            sums.total += invoice.amount.minor
        sums.replaced += len(instead)
        sums.fresh += len(rows) - len(instead)
        if rows:
            _write(store, row, at, rows, instead)
        progress(len(page))
        store.tidy()
        _let_others_write()
    return sums


def _write(store: Store, row: Record, at: int, rows: Sequence[Mapping[str, Any]], instead: Sequence[str]) -> None:
    generation = row.generations + 1
    try:
        with store.write() as connection:
            _still_ours(connection, row, at)
            if instead:
                if lies := cycles.live(connection, instead):
                    first = next(iter(lies.values()))
                    raise WrongState(f"{first.entitlement} was put into payroll {first.payroll!r} just now; look again")
                old = sa.and_(_i.cycle == row.id, _i.until == 0, _i.entitlement.in_(instead))
                connection.execute(sa.update(c.invoices).where(old).values(until=generation))
            cycles.INSERT.run(connection, rows)
    except IntegrityError as error:
        raise WrongState(BESIDE) from error


def _switch_on(store: Store, row: Record, at: int, sums: Sums, by: str, replace: str) -> None:
    """One fact, if there is anything new."""
    with store.write() as connection:
        _still_ours(connection, row, at)
        now = cycles.get(connection, cycles.address_of(row))
        keeping.refuse_suspended(connection, now)
        if not sums.root.count:
            return
        body = {
            "generation": row.generations + 1, "fresh": sums.fresh, "replaced": sums.replaced, "total": sums.total,
            "root": sums.root.value().hex(), "reason": replace,
        }  # fmt: skip
        cycles.record(connection, store, now, "generated", by, body, generations=row.generations + 1)
