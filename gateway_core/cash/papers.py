"""Pay lists as objects, with the names that people know: issued ones as they lie in the store, and drafts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import attrs
from sqlalchemy.engine import Connection

from ..contract.batch import BatchCtx
from ..model.moments import as_time
from ..model.payment import Payment
from ..model.states import UNSENT
from ..store import Store, cash, files, payments, payrolls
from ..store import document_tables as d
from ..store import tables as t
from ..store.clock import now_us
from ..store.database import Record
from .gateway import CashGateway
from .pay_list import DRAFT, Alternate, ListLine, PayList
from .stations import point

PAGE = 500


def issued(store: Store, name: str) -> PayList:
    """A list that was issued, by the id on its paper. Raises NotFoundError."""
    with store.read() as connection:
        document = cash.find(connection, name)
    made = _read(json.loads(b"".join(files.read(store, document.sha256))))
    with store.read() as connection:
        return _named(store, connection, attrs.evolve(made, replaces=_replaced(connection, document, made)))


def _read(said: Mapping[str, Any]) -> PayList:
    lines = tuple(
        ListLine(**{**line, "alternates": tuple(Alternate(**one) for one in line["alternates"])})
        for line in said["lines"]
    )
    return PayList(**{**said, "days": tuple(said["days"]), "lines": lines})


def _named(store: Store, connection: Connection, made: PayList) -> PayList:
    """With what may change without changing what is paid: names, and which environment it is of."""
    where = point(connection, made.point)
    manager = cash.place(connection, cash.MANAGER, where.manager) if where and where.manager else None
    return attrs.evolve(
        made, payroll_name=payrolls.get(connection, made.payroll).name, environment=store.environment,
        point_name=where.name or made.point if where else made.point, manager=manager["name"] if manager else "",
    )  # fmt: skip


def _replaced(connection: Connection, document: Record, made: PayList) -> str:
    """The list on which one of its lines lay last before, if there was one."""
    c, line = d.documents.c, d.lines.c
    query = (
        d.documents.select()
        .join(d.lines, line.document == c.id)
        .where(line.payment == made.lines[0].payment, c.number < document.number, c.state.in_(cash.ISSUED))
        .where(c.name.like(cash.PREFIX + "%"))
        .order_by(c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return "" if row is None else cash.code_of(row)


def drafts(store: Store, payroll: str, channel: str, gateway: CashGateway) -> Iterator[PayList]:
    """What would be issued now, list by list: marked as drafts, and with ids that no proof can name."""
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        query = t.payments.select().with_only_columns(t.payments.c.account).distinct()
        of = (t.payments.c.payroll == row.id, t.payments.c.channel == channel, t.payments.c.state.in_(UNSENT))
        points = sorted(connection.execute(query.where(*of, t.payments.c.account_type == "payment_point")).scalars())
    ctx = BatchCtx(store.deployment, row.id, channel, 1, as_time(now_us()), {})
    number = 0
    for code in points:
        lines = _unsent(store, row.id, channel, code)
        while part := list(islice(lines, gateway.limits().lines)):
            number += 1
            made = gateway.listed(code, part, f"{DRAFT}-{number}", ctx, number)
            with store.read() as connection:
                yield _named(store, connection, attrs.evolve(made, status=DRAFT))


def _unsent(store: Store, payroll: str, channel: str, code: str) -> Iterator[Payment]:
    p = t.payments.c
    for page in payments.pages(store.read, payroll, PAGE, p.channel == channel, p.account == code, p.state.in_(UNSENT)):
        yield from map(payments.as_payment, page)
