"""Generating: the invoices of a cycle, staged in pages and switched on by one fact, or not at all.

The same beneficiaries again change nothing: an entitlement has one invoice. One that would differ is a mistake, unless
the person says why it replaces the first, and the first lies in no live payroll and was not paid. A payroll that was
sent back does not count: its lines are never paid as they are, and proposed anew it takes the invoices that stand then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ...model.errors import Mistake, WrongState
from ...model.identity import Root
from ...model.money import Money
from ...model.payment import Invoice
from ...store import Store, cycles
from ...store import cycle_tables as c
from ...store.database import Record
from .. import proposing
from ..intake import Taken
from ..intake.findings import refuse
from . import keeping, staging

_i = c.invoices.c
PAGE = 500


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
    at = staging.begin(store, row)
    _refuse(store, row, taken, replace)
    sums = _stage(store, row, at, taken, progress)
    _switch_on(store, row, at, sums, by, replace)
    made = Money(sums.total, taken.currency) if taken.currency else None
    return Generated(address, sums.fresh, sums.same, sums.replaced, made)


# -- what would differ -------------------------------------------------------------------------------------------------


def _refuse(store: Store, row: Record, taken: Taken, replace: str) -> None:
    refuse(mistake for page in taken.pages(PAGE) for mistake in _differing(store, row, page, replace))


def _differing(store: Store, row: Record, page: Sequence[tuple[int, Invoice]], replace: str) -> Iterator[Mistake]:
    entitlements = [invoice.entitlement for _, invoice in page]
    with store.read() as connection:
        known = cycles.standing(connection, row, entitlements)
        lies = cycles.live(connection, entitlements, drafts=False) if known else {}
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
        staging.let_others_write()
    return sums


def _write(store: Store, row: Record, at: int, rows: Sequence[Mapping[str, Any]], instead: Sequence[str]) -> None:
    """Write a page, unless an invoice that it replaces lies in a payroll: that is looked at in the same transaction."""
    while half := _written(store, row, at, rows, instead):
        # As among proposals: whoever stages these, or died over it, finds it gone, and is refused.
        for other in half:
            proposing.discard(store, other)


def _written(store: Store, row: Record, at: int, rows: Sequence[Mapping[str, Any]], instead: Sequence[str]) -> set[str]:
    """Returns proposals that are not complete and have one of these invoices; then nothing was written."""
    generation = row.generations + 1
    try:
        with store.write() as connection:
            staging.still_ours(connection, row, at)
            lies = cycles.live(connection, instead, staged=True, drafts=False).values() if instead else ()
            if first := min((one for one in lies if one.complete), key=lambda one: one.entitlement, default=None):
                raise WrongState(
                    f"{first.entitlement} was put into payroll {first.payroll!r} just now, with the invoice that she "
                    "had; withdraw it there first, or let it be paid so"
                )
            if not lies:
                old = sa.and_(_i.cycle == row.id, _i.until == 0, _i.entitlement.in_(instead))
                connection.execute(sa.update(c.invoices).where(old).values(until=generation))
                cycles.INSERT.run(connection, rows)
            return {found.id for found in lies}
    except IntegrityError as error:
        raise WrongState(staging.BESIDE) from error


def _switch_on(store: Store, row: Record, at: int, sums: Sums, by: str, replace: str) -> None:
    """One fact, if there is anything new."""
    with store.write() as connection:
        staging.still_ours(connection, row, at)
        now = cycles.get(connection, cycles.address_of(row))
        keeping.refuse_suspended(connection, now)
        if not sums.root.count:
            return
        body = {
            "generation": row.generations + 1, "fresh": sums.fresh, "replaced": sums.replaced, "total": sums.total,
            "root": sums.root.value().hex(), "reason": replace,
        }  # fmt: skip
        cycles.record(connection, store, now, "generated", by, body, generations=row.generations + 1)
