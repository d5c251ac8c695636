"""Files that people gave, in the store: staged in pages, switched on by one row, never changed afterwards."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.identity import Root, derived_uuid, digest
from . import recording
from . import statement_tables as s
from .database import Record, Store, now_us
from .files import Kept
from .prepared import Among, Prepared

_s = s.statements.c
_l = s.statement_lines.c
PAGE = 1000


@attrs.frozen
class Line:
    """One line as it is kept. Amounts in minor units; `payment` '': it names none of ours, and `why` tells."""

    n: int
    payment: str
    payroll: str
    how: str
    verdict: str
    amount: int
    fee: int
    currency: str
    reference: str
    booked: str
    account: str
    reason: str
    text: str
    why: str

    def leaf(self) -> bytes:
        """Its part of the file's root."""
        return digest(list(attrs.astuple(self)))


_COLUMNS = tuple(field.name for field in attrs.fields(Line))
_INSERT = Prepared(sa.insert(s.statement_lines).values({name: sa.bindparam(name) for name in ("statement", *_COLUMNS)}))
_PAGE = Prepared(
    sa.select(s.statement_lines)
    .where(_l.statement == sa.bindparam("w_statement"), _l.n > sa.bindparam("w_after"))
    .order_by(_l.n)
    .limit(sa.bindparam("w_size"))
)
# Lines that count: of files that stand, and not declined by a person. That a payment is named is said for the index.
_STANDING = Among(
    sa.select(s.statement_lines, _s.kind.label("of"), _s.channel.label("from_channel"))
    .join(s.statements, _s.id == _l.statement)
    .where(sa.text("statement_lines.payment <> ''"), _s.state == "applied"),
    _l.payment,
)


def find(connection: Connection, statement: str) -> Record:
    """One by its id or its name, the last of that name. Raises NotFoundError."""
    named = sa.select(s.statements).where(
        sa.or_(_s.id == statement, _s.name == statement), _s.state != "staging"
    )  # fmt: skip
    row = connection.execute(named.order_by(_s.id != statement, _s.at.desc()).limit(1)).first()
    if row is None:
        raise NotFoundError(f"there is no file {statement!r}; `gateway statements` lists them")
    return row


def by_id(connection: Connection, statement: str) -> Record | None:
    """One by its id, if there is one."""
    return connection.execute(sa.select(s.statements).where(_s.id == statement)).first()


def same(connection: Connection, kind: str, channel: str, payroll: str, sha256: str) -> Record | None:
    """The file with the same bytes, given before in the same place."""
    query = sa.select(s.statements).where(
        _s.kind == kind, _s.channel == channel, _s.payroll == payroll, _s.sha256 == sha256, _s.state != "staging"
    )
    return connection.execute(query).first()


def listed(connection: Connection, kind: str = "", channel: str = "", payroll: str = "") -> list[Record]:
    """Files that stand or stood, oldest first."""
    query = sa.select(s.statements).where(_s.state != "staging").order_by(_s.at, _s.id)
    for column, value in ((_s.kind, kind), (_s.channel, channel), (_s.payroll, payroll)):
        query = query.where(column == value) if value else query
    return list(connection.execute(query))


def begin(store: Store, new: Mapping[str, Any], kept: Kept) -> str:
    """The row, which nobody sees yet, and none of the lines that an earlier start left. Returns its id."""
    statement = derived_uuid("statement", new["kind"], new["channel"], new["payroll"], kept.sha256)
    while True:
        with store.write() as connection:
            there = connection.execute(sa.select(s.statements).where(_s.id == statement)).first()
            if there is not None and there.state != "staging":
                raise WrongState(f"{there.name} was given by {there.by} just now")
            some = sa.select(_l.n).where(_l.statement == statement).limit(PAGE)
            numbers = list(connection.execute(some).scalars())
            if numbers:
                here = sa.delete(s.statement_lines).where(_l.statement == statement, _l.n <= max(numbers))
                connection.execute(here)
                continue
            connection.execute(sa.delete(s.statements).where(_s.id == statement))
            values = {"id": statement, "sha256": kept.sha256, "size": kept.size, "at": now_us(), **new}
            connection.execute(sa.insert(s.statements).values(**values))
            return statement


def stage(store: Store, statement: str, lines: Sequence[Line]) -> None:
    """A page of its lines."""
    with store.write() as connection:
        _INSERT.run(connection, [{"statement": statement, **attrs.asdict(line)} for line in lines])


def record(
    connection: Connection, store: Store, row: Record, kind: str, by: str, body: Mapping[str, Any], **columns: Any
) -> None:
    """State a fact about it and write what follows."""
    recording.record(connection, store, s.statements, row, row.name, kind, by, body, **columns)


def staged(connection: Connection, statement: str) -> Record:
    """The row that is being staged."""
    return connection.execute(sa.select(s.statements).where(_s.id == statement)).one()


def lines(connection: Connection, statement: str, after: int = 0, size: int = PAGE) -> list[Record]:
    """The next lines after line `after`."""
    return list(_PAGE.rows(connection, w_statement=statement, w_after=after, w_size=size))


def pages(store: Store, statement: str, size: int = PAGE) -> Iterator[list[Record]]:
    """All of its lines."""
    after = 0
    while True:
        with store.read() as connection:
            page = lines(connection, statement, after, size)
        if not page:
            return
        yield page
        after = page[-1].n


def as_line(row: Record) -> Line:
    """A stored line."""
    return Line(*(getattr(row, name) for name in _COLUMNS))


def root_of(lines: Iterator[Line]) -> bytes:
    """The digest over lines in order."""
    root = Root()
    for line in lines:
        root.add(line.leaf())
    return root.value()


def standing(connection: Connection, payments: Collection[str]) -> dict[str, list[Record]]:
    """{payment: the lines about it that count}."""
    found: dict[str, list[Record]] = {}
    for row in _STANDING.run(connection, sorted(payments)) if payments else ():
        if row.decided != "declined" and (row.how != "proposed" or row.decided == "accepted"):
            found.setdefault(row.payment, []).append(row)
    return found


def loose(connection: Connection, statement: str, after: int = 0, size: int = PAGE) -> list[Record]:
    """Its next lines that name none of ours, or are only proposed, whatever was decided about them."""
    query = sa.select(s.statement_lines).where(_l.statement == statement, _l.n > after, sa.text(f"({s.LOOSE})"))
    return list(connection.execute(query.order_by(_l.n).limit(size)))


def payrolls_of(row: Record) -> list[str]:
    """The payrolls that a file is about."""
    return sorted({*json.loads(row.about or "[]"), *filter(None, [row.payroll])})


def about(connection: Connection, payroll: str) -> list[Record]:
    """The files that stand and are about a payroll."""
    return [row for row in listed(connection) if row.state == "applied" and payroll in payrolls_of(row)]


def decide(connection: Connection, statement: str, n: int, decided: str, by: str) -> None:
    """Note what a person decided about a line; the fact of it is the statement's."""
    here = sa.update(s.statement_lines).where(_l.statement == statement, _l.n == n)
    connection.execute(here.values(decided=decided, decided_by=by))


def explanations(connection: Connection, payroll: str) -> dict[tuple[str, str], Record]:
    """{(subject, kind): why that difference is none}."""
    e = s.explanations.c
    rows = connection.execute(sa.select(s.explanations).where(e.payroll == payroll))
    return {(row.subject, row.kind): row for row in rows}


def explain(connection: Connection, payroll: str, given: Sequence[tuple[str, str, int]], by: str, why: str) -> None:
    """Keep why these differences (subject, kind, delta) are none."""
    e = s.explanations.c
    for subject, kind, delta in given:
        where = (e.payroll == payroll, e.subject == subject, e.kind == kind)
        connection.execute(sa.delete(s.explanations).where(*where))
        new = {"payroll": payroll, "subject": subject, "kind": kind, "delta": delta, "by": by, "reason": why}
        connection.execute(sa.insert(s.explanations).values(at=now_us(), **new))
