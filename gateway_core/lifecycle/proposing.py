"""Proposing: lines are staged in pages, each a short transaction, and switched on by one row."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import InvalidPayroll, Mistake, WrongState
from ..model.identity import Root, digest, payment_id
from ..model.payment import Invoice, Objection, Payment
from ..store import Store, payments, payrolls
from ..store import tables as t
from ..store.database import now_us
from .intake import Taken

# Small enough that a sender's write never waits long behind a page (design section 7).
T = TypeVar("T")
PAGE = 500
LISTED = 1000


def payroll_id(deployment: str, name: str) -> str:
    """A readable id, derived from the name: the name's letters and digits, and eight digits of its hash."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48]
    return f"{slug or 'payroll'}-{digest([deployment, name]).hex()[:8]}"


def propose(
    store: Store, name: str, taken: Taken, channel: str, fingerprint: Callable[[str], str], by: str, *,
    note: str = "", progress: Callable[[int], None] = lambda count: None,
) -> str:  # fmt: skip
    """Plan the payments of a checked input. The same name and content again: the same payroll."""
    if not name.strip() or len(name) > 200:
        raise WrongState("a payroll needs a name of 1 to 200 characters")
    payroll = payroll_id(store.deployment, name)
    content, channels = _content(taken, channel)
    if (there := _already(store, payroll, name, content)) is not None:
        return there
    _refuse_if_in_use(store, payroll, taken)
    root = _stage(store, payroll, name, taken, channel, content, by, progress)
    _switch_on(store, payroll, taken, root, {name: fingerprint(name) for name in sorted(channels)}, by, note)
    return payroll


def _content(taken: Taken, channel: str) -> tuple[bytes, set[str]]:
    """Digest over the invoices as given, before payments are planned from them; and the channels they name."""
    root, channels = Root(), set[str]()
    for page in taken.pages(PAGE):
        for _, i in page:
            channels.add(i.channel or channel)
            root.add(
                digest(
                    [i.id, i.beneficiary, i.name, i.account.type, i.account.value, i.amount.minor, i.amount.currency,
                     i.programme, i.cycle, i.instalment, i.reference, i.channel, dict(i.extra)]
                )
            )  # fmt: skip
    return root.value(), channels


def _already(store: Store, payroll: str, name: str, content: bytes) -> str | None:
    with store.read() as connection:
        row = connection.execute(sa.select(t.payrolls).where(t.payrolls.c.id == payroll)).first()
    if row is None:
        return None
    if not row.complete:
        _discard(store, payroll)
        return None
    if row.content != content:
        raise WrongState(f"payroll {name!r} exists with other content; give the new one another name")
    return payroll


def _discard(store: Store, payroll: str) -> None:
    """Remove a proposal that was interrupted while its lines were staged."""
    p = t.payments.c
    while True:
        with store.write() as connection:
            ids = list(connection.execute(sa.select(p.id).where(p.payroll == payroll).limit(PAGE)).scalars())
            connection.execute(sa.delete(t.payments).where(p.id.in_(ids)))
            if not ids:
                connection.execute(sa.delete(t.payrolls).where(t.payrolls.c.id == payroll))
                return
        _let_others_write()


def _let_others_write() -> None:
    """SQLite hands its one write lock to whoever asks first: leave a gap, so that a waiting sender gets it."""
    time.sleep(0.002)


def _refuse_if_in_use(store: Store, payroll: str, taken: Taken) -> None:
    mistakes: list[Mistake] = []
    more = 0
    for page in taken.pages(PAGE):
        with store.read() as connection:
            used = payments.entitlements_in_use(connection, [i.entitlement for _, i in page], payroll)
        for line, invoice in page:
            if (row := used.get(invoice.entitlement)) is None:
                continue
            if len(mistakes) >= LISTED:
                more += 1
                continue
            mistakes.append(
                Mistake(
                    line, "invoice" if not invoice.cycle else "beneficiary",
                    f"{invoice.entitlement} is {row.state} already: invoice {row.invoice} of payroll {row.payroll!r}",
                    "take the line out; what is owed once is paid once", "entitlement_in_use",
                )
            )  # fmt: skip
    if mistakes:
        raise InvalidPayroll(mistakes, more)


def _stage(
    store: Store, payroll: str, name: str, taken: Taken, channel: str, content: bytes, by: str,
    progress: Callable[[int], None],
) -> bytes:  # fmt: skip
    with store.write() as connection:
        connection.execute(
            sa.insert(t.payrolls).values(
                id=payroll, name=name, state="draft", channel=channel, content=content, proposed_by=by,
                proposed_at=now_us(), currency=taken.currency or "",
            )
        )  # fmt: skip
    root = Root()
    for page in taken.pages(PAGE):
        with store.write() as connection:
            rows = _rows(connection, store, payroll, page, channel)
            connection.execute(sa.insert(t.payments), rows)
        for row in rows:
            root.add(row["leaf"])
        progress(len(rows))
        _let_others_write()
    return root.value()


def _rows(
    connection: Connection, store: Store, payroll: str, page: Sequence[tuple[int, Invoice]], channel: str
) -> list[dict[str, Any]]:
    numbers = payments.numbers(connection, [i.entitlement for _, i in page], payroll)
    rows = []
    for line, i in page:
        entitlement = i.entitlement
        number = numbers.get(entitlement, 0) + 1
        payment = Payment(
            id=payment_id(store.deployment, entitlement, number), number=number, invoice=i.id,
            entitlement=entitlement, beneficiary=i.beneficiary, name=i.name, account=i.account, amount=i.amount,
            programme=i.programme, cycle=i.cycle, instalment=i.instalment, reference=i.reference,
            channel=i.channel or channel, extra=dict(i.extra),
        )  # fmt: skip
        rows.append(payments.columns_of(payment, payroll, line))
    return rows


def _switch_on(
    store: Store, payroll: str, taken: Taken, root: bytes, fingerprints: Mapping[str, str], by: str, note: str
) -> None:
    total = taken.total.minor if taken.total else 0
    with store.write() as connection:
        row = connection.execute(sa.select(t.payrolls).where(t.payrolls.c.id == payroll)).one()
        body = {"root": root.hex(), "lines": taken.count, "total": total, "channels": dict(fingerprints), "note": note}
        payrolls.record(
            connection, store, row, "proposed", by, body, state="awaiting_approval", complete=True, root=root,
            lines=taken.count, total=total, channels=json.dumps(dict(fingerprints)),
        )  # fmt: skip
        for batch in batched(taken.objections, PAGE):
            connection.execute(sa.insert(t.objections), [_objection(payroll, line, o, by, note) for line, o in batch])


def _objection(payroll: str, line: int, objection: Objection, by: str, note: str) -> dict[str, Any]:
    return {
        "payroll": payroll, "line": line, "code": objection.code, "message": objection.message,
        "source": objection.source or "intake", "blocks": objection.blocks, "released_by": by if note else "",
        "why": note,
    }  # fmt: skip


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` (Python 3.12 has this in itertools)."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
