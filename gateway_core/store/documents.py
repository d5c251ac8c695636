"""Documents in the store: their rows, their facts, and what their lines are still to be told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model import document as documents
from ..model.document import DocumentLife
from ..model.errors import NotFoundError
from ..model.facts import Fact
from ..model.identity import Root, digest
from ..model.states import DELIVERED, DOCUMENT
from . import cases, journal
from . import document_tables as d
from . import tables as t
from .database import Record, Store, now_us
from .prepared import Prepared

_d = d.documents.c
_l = d.lines.c
_p = t.payments.c
# What its lines become when a document comes into a state: written to them in pages, after the one row that decides.
TELLS = {"handed_over": "pending", "refused": "refused", "held": "unknown", "withdrawn": "ready"}
NEVER = 1 << 62
_wanted: sa.BindParameter[str] = sa.bindparam("w_document")
_FIND = Prepared(
    sa.select(d.documents)
    .where(sa.or_(_d.id == _wanted, _d.name == _wanted), _d.facts > 0)
    .order_by(_d.id != _wanted, _d.planned_at.desc())
    .limit(1)
)


class Changed(Exception):
    """Somebody else stated a fact about the document first: look again."""


@attrs.frozen
class Place:
    """Line `n` of a document, from 1. `amount` in minor units."""

    n: int
    payment: str
    attempt: int
    key: str
    amount: int


def allocation(lines: Iterable[Place]) -> bytes:
    """Digest over which payment is which line, in order."""
    root = Root()
    for line in lines:
        root.add(digest([line.n, line.payment, line.attempt, line.key, line.amount]))
    return root.value()


def find(connection: Connection, document: str) -> Record:
    """A document by its id or its file's name. Raises NotFoundError."""
    rows = _FIND.rows(connection, w_document=document)
    if not rows:
        raise NotFoundError(f"there is no document {document!r}; `gateway documents` lists them")
    return rows[0]


def fixed(row: Record) -> dict[str, Any]:
    """What is fixed of a document before anything of it leaves: its fact `planned` says it, and it never changes."""
    said = (
        "channel", "number", "name", "sha256", "size", "lines", "total", "currency", "fingerprint", "payroll",
        "cancels",
    )  # fmt: skip
    return {name: getattr(row, name) for name in said} | {"allocation": bytes(row.allocation).hex()}


def by_name(connection: Connection, channel: str, name: str) -> Record | None:
    """The document that the bank on this channel knows by this name."""
    query = sa.select(d.documents).where(_d.channel == channel, _d.name == name, _d.facts > 0)
    return connection.execute(query).first()


def look(connection: Connection, document: str) -> tuple[Record, DocumentLife]:
    """A document as it is now: its row, and its life folded from its facts."""
    row = connection.execute(sa.select(d.documents).where(_d.id == document)).one()
    return row, documents.fold(journal.facts_of_payroll(connection, document))


def next_number(connection: Connection, payroll: str, channel: str) -> int:
    """The number of the payroll's next file on this channel, from 1."""
    last = sa.select(sa.func.max(_d.number)).where(_d.payroll == payroll, _d.channel == channel, _d.facts > 0)
    return int(connection.execute(last).scalar() or 0) + 1


def tell(
    connection: Connection, store: Store, row: Record, life: DocumentLife, facts: Sequence[Fact], **columns: Any
) -> None:
    """State facts about a document, which `life` holds already. Raises Changed if it is not as `row` says any more.

    `telling` in `columns` overrides what its lines are told.
    """
    old, state = row.state, life.state
    if state != old and state not in DOCUMENT[old] and not any(state in DOCUMENT[middle] for middle in DOCUMENT[old]):
        raise AssertionError(f"{row.id}: {old} -> {state} is no edge of the table of states")
    journal.append(connection, store, [(row.id, "", fact) for fact in facts])
    values: dict[str, Any] = {
        "state": state, "facts": row.facts + len(facts), "reason": life.reason, "reference": life.reference,
    }  # fmt: skip
    if state != old or any(fact.kind in ("release", "outcome") for fact in facts):
        values |= {"telling": TELLS.get(state, ""), "told": 0}
    rests = state in DELIVERED or state == "held"
    values["due"] = NEVER if rests and state != "handed_over" else 0
    if rests:
        values["sender"] = None
    same = sa.update(d.documents).where(_d.id == row.id, _d.facts == row.facts)
    if connection.execute(same.values(values | columns)).rowcount != 1:
        raise Changed(row.id)
    for kind, attempt in life.cases:
        cases.open_case(connection, row.id, row.payroll, kind, attempt)


def cancelling(connection: Connection, document: str) -> list[Record]:
    """The requests to cancel a document, or lines of it, oldest first."""
    query = sa.select(d.documents).where(_d.cancels == document, _d.facts > 0)
    return list(connection.execute(query.order_by(_d.number.desc())))


def unfinished(connection: Connection, payroll: str, channel: str) -> list[Record]:
    """Documents of a payroll with which something may still be done, in their order."""
    query = sa.select(d.documents).where(_d.payroll == payroll, _d.channel == channel, _d.open, _d.facts > 0)
    return list(connection.execute(query.order_by(_d.number)))


def handed_over(connection: Connection, channel: str) -> list[Record]:
    """Documents that the bank on this channel has, and of which something is open, oldest first."""
    query = sa.select(d.documents).where(_d.channel == channel, _d.open, _d.facts > 0, _d.state == "handed_over")
    query = query.where(_d.cancels == "")
    return list(connection.execute(query.order_by(_d.planned_at, _d.id)))


def claim(connection: Connection, token: int, document: str) -> bool:
    """Become the one who works on a document; False while another living sender does."""
    s = t.senders.c
    alive = sa.select(s.id).where(sa.not_(s.ended), s.until > now_us())
    free = sa.or_(_d.sender.is_(None), _d.sender == token, _d.sender.not_in(alive))
    mine = sa.update(d.documents).where(_d.id == document, free)
    return connection.execute(mine.values(sender=token)).rowcount == 1


def exists(connection: Connection, document: str) -> bool:
    """Whether there is a row of it, seen or not yet."""
    return connection.execute(sa.select(_d.id).where(_d.id == document)).first() is not None


def stages(connection: Connection, document: str, sender: int) -> bool:
    """Whether this sender is still writing down its lines."""
    mine = sa.select(_d.id).where(_d.id == document, _d.state == "planned", _d.sender == sender)
    return connection.execute(mine).first() is not None


def let_go(connection: Connection, token: int, document: str, due: int) -> None:
    """Done with it for now; it is due again at `due`."""
    mine = sa.update(d.documents).where(_d.id == document, _d.sender == token)
    connection.execute(mine.values(sender=None, due=due))


def close_finished(connection: Connection, ids: Collection[str]) -> None:
    """Nothing more can happen with a document whose lines are all told and none of them open."""
    connection.execute(sa.update(d.documents).where(_d.id.in_(ids), _d.open, _over()).values(open=False))


def _over() -> sa.ColumnElement[bool]:
    open_line = (
        sa.select(_l.n)
        .join(t.payments, _p.id == _l.payment)
        .where(_l.document == _d.id, _p.open, _p.attempt == _l.attempt)
        .correlate(d.documents)
    )
    return sa.and_(_d.state.in_(DELIVERED), _d.telling == "", sa.not_(open_line.exists()))


def restored(store: Store, by: str, second: str) -> None:
    """The store is older than what was sent from it: any file that it does not know as handed over may be."""
    with store.read() as connection:
        query = sa.select(_d.id).where(_d.open, _d.facts > 0, _d.state.not_in(DELIVERED)).order_by(_d.planned_at)
        ids = list(connection.execute(query).scalars())
    for document in ids:
        with store.write() as connection:
            row, life = look(connection, document)
            fact = documents.note(life, now_us(), "restored", by=by, second=second)
            tell(connection, store, row, life, [fact], sender=None)


def due_at(store: Store, document: str, due: int) -> None:
    """It is due again then."""
    with store.write() as connection:
        connection.execute(sa.update(d.documents).where(_d.id == document).values(due=due))


def finished(connection: Connection, payroll: str, channel: str) -> list[str]:
    """Documents of a payroll that `close_finished` would close."""
    query = sa.select(_d.id).where(_d.payroll == payroll, _d.channel == channel, _d.open, _over())
    return list(connection.execute(query).scalars())


def forget(connection: Connection, document: str, size: int) -> bool:
    """Remove one whose allocation was never written to its end: nobody ever saw it. False when nothing is left."""
    some = sa.select(_l.n).where(_l.document == document).limit(size)
    if connection.execute(sa.delete(d.lines).where(_l.document == document, _l.n.in_(some))).rowcount:
        return True
    connection.execute(sa.delete(d.documents).where(_d.id == document, _d.facts == 0))
    return False


def untold(connection: Connection, channel: str) -> list[str]:
    """Documents on a channel of which something is still to be told to their lines."""
    query = sa.select(_d.id).where(_d.channel == channel, _d.telling != "", _d.facts > 0).order_by(_d.id)
    return list(connection.execute(query).scalars())


def told_to(connection: Connection, row: Record, line: int) -> None:
    """The lines of the file that it is about were told of it up to this one."""
    connection.execute(sa.update(d.documents).where(_d.id == row.id).values(told=line))


def told(connection: Connection, row: Record, line: int | None = None) -> None:
    """Its lines were told up to this one; None: all of them."""
    here = sa.update(d.documents).where(_d.id == row.id)
    connection.execute(here.values(telling="", told=0) if line is None else here.values(told=line))
    if line is None:
        close_finished(connection, [row.id])
