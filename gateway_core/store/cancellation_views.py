"""What people see of requests that a bank cancel what it has. Read only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import document_tables as d
from . import journal, payrolls
from . import tables as t
from .database import Record, Store

MANY = 500
_d = d.documents.c
_l = d.lines.c
_p = t.payments.c
_f = t.facts.c
_of = d.documents.alias("of")


@attrs.frozen
class CancellationView:
    """A request to cancel `file` (`whole`), or lines of it. `state` is the request's own, on its way to the bank.

    `counts`: how its payments are by now; `refused` and `pending`: of how many of them the bank has said so last.
    Times are UTC microseconds.
    """

    id: str
    payroll: str
    channel: str
    name: str
    file: str
    state: str
    whole: bool
    lines: int
    code: str
    reason: str
    first: str
    second: str
    planned_at: int
    counts: Mapping[str, int]
    refused: int
    pending: int


def cancellations(store: Store, payroll: str | None) -> list[CancellationView]:
    """See Paymaster.cancellations."""
    query = (
        sa.select(d.documents, _of.c.name.label("file"), _of.c.lines.label("file_lines"), t.payrolls.c.name.label("of"))
        .join(_of, _of.c.id == _d.cancels)
        .join(t.payrolls, t.payrolls.c.id == _d.payroll)
        .where(_d.facts > 0, _d.cancels != "")
        .order_by(_d.planned_at, _d.payroll, _d.channel, _d.number.desc())
    )
    with store.read() as connection:
        if payroll:
            query = query.where(_d.payroll == payrolls.get(connection, payroll).id)
        return [_view(connection, row) for row in connection.execute(query).all()]


def _view(connection: Connection, row: Record) -> CancellationView:
    facts = journal.facts_of_payroll(connection, row.id)
    said = next(fact.body for fact in facts if fact.kind == "planned")
    keys = list(said["keys"])
    counts: dict[str, int] = {}
    heard: dict[str, int] = {}
    for at in range(0, max(len(keys), 1), MANY):
        _count(connection, row, keys[at : at + MANY], counts, heard)
    whole = any(fact.kind == "differs" and fact.body.get("whole") for fact in facts)
    lines = len(keys) or row.file_lines
    return CancellationView(
        row.id, row.of, row.channel, row.name, row.file, row.state, not keys, lines, said["code"], said["reason"],
        said["first"], said["second"], row.planned_at, counts, lines if whole else heard.get("rejected", 0),
        heard.get("pending", 0),
    )  # fmt: skip


def _count(
    connection: Connection, row: Record, keys: Sequence[str], counts: dict[str, int], heard: dict[str, int]
) -> None:  # fmt: skip
    chosen = _l.key.in_(keys) if keys else sa.true()
    lines = sa.select(_l.payment, _l.attempt).where(_l.document == row.cancels, chosen).subquery()
    states = (
        sa.select(_p.state, sa.func.count()).join(lines, lines.c.payment == _p.id)
        .where(_p.attempt == lines.c.attempt).group_by(_p.state)
    )  # fmt: skip
    for state, count in connection.execute(states):
        counts[state] = counts.get(state, 0) + count
    last = (
        sa.select(_f.payment, sa.func.max(_f.no).label("no"))
        .join(lines, sa.and_(lines.c.payment == _f.payment, lines.c.attempt == _f.attempt))
        .where(_f.kind == "cancellation").group_by(_f.payment)
    ).subquery()  # fmt: skip
    values = (
        sa.select(_f.value, sa.func.count()).join(last, sa.and_(last.c.payment == _f.payment, last.c.no == _f.no))
        .group_by(_f.value)
    )  # fmt: skip
    for value, count in connection.execute(values):
        heard[value] = heard.get(value, 0) + count
