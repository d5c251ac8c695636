"""What people decide about a whole file: two of them, with a reason, as for a payment. Giving up what was not put."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..contract.gateway import Capabilities
from ..engine.batch.lines import all_of, tell
from ..engine.decide import Rules
from ..model.document import DocumentLife, note
from ..model.errors import NotFoundError, WrongState
from ..model.people import differ
from ..store import Store, document_lines, documents
from ..store import document_tables as d
from ..store import tables as t
from ..store.database import Record, now_us

RELEASES = ("ready", "pending", "handed_over", "refused", "withdrawn")
_d = d.documents.c
_l = d.lines.c
_p = t.payments.c
_x = t.releases.c
# A request to cancel that never went, or was not taken.
NOT_ASKED = frozenset({"refused", "withdrawn"})
OPEN = frozenset({"sending", "pending", "unknown"})
# What lines are told here depends on no promise of the rail's.
RULES = Rules.of(Capabilities())


def named(store: Store, subject: str) -> str | None:
    """The id of the document that this is the id or the file's name of."""
    with store.read() as connection:
        try:
            return str(documents.find(connection, subject).id)
        except NotFoundError:
            return None


def release(store: Store, document: str, to: str, by: str, reason: str, *, signature: str = "") -> bool:
    """Say what becomes of a document. The first person proposes (False), a second one agrees (True).

    ready: the same bytes again, because the bank surely has none of it. pending: look for it again. handed_over: the
    bank has it. refused: it will never carry it out; its lines may be retried. withdrawn: nothing of it ever left.
    """
    if to not in RELEASES:
        raise WrongState(f"{to!r} is no release of a document; say one of {', '.join(RELEASES)}")
    if not reason.strip():
        raise WrongState("a release needs a reason: what the bank said, who said it, and when")
    with store.write() as connection:
        row, life = documents.look(connection, document)
        if why := _refused(connection, row, life, to):
            raise WrongState(f"document {row.name}: {why}")
        first = connection.execute(sa.select(t.releases).where(_x.payment == row.id)).first()
        connection.execute(sa.delete(t.releases).where(_x.payment == row.id))
        if first is None or first.value != to or first.facts != row.facts:
            proposed = {"value": to, "by": by, "why": reason, "signature": signature, "facts": row.facts}
            connection.execute(sa.insert(t.releases).values(payment=row.id, reference="", at=now_us(), **proposed))
            return False
        differ(first.by, by, "proposed this release")
        body = {
            "reason": first.why, "first": first.by, "second": by, "second_reason": reason,
            "first_signature": first.signature, "signature": signature,
        }  # fmt: skip
        fact = note(life, now_us(), "release", to, f"officer {by}", **body)
        documents.tell(connection, store, row, life, [fact])
    # How long lines may be pending is the channel's to say: the next run tells them that.
    if to != "handed_over":
        all_of(partial(tell, store, row.id, RULES, now_us()))
    return True


def _refused(connection: Connection, row: Record, life: DocumentLife, to: str) -> str:
    """Why it cannot be released so; '' when it can."""
    if to == "withdrawn":
        free = life.may_be_withdrawn and row.state in ("planned", "ready", "held")
        return "" if free else f"it is {_said(row)}; only what provably never left is withdrawn"
    if row.state not in ("held", "unknown", "handed_over"):
        return f"it is {_said(row)}, neither held nor unknown"
    if row.state == "handed_over" and life.heard:
        return "the bank has spoken of its lines: they are decided one by one"
    if to == "ready" and any(one.state not in NOT_ASKED for one in documents.cancelling(connection, row.id)):
        return "the bank was asked to cancel it, and must not get it again"
    if to == "pending" and life.put.money is None:
        return "it was never put, so there is nothing to look for"
    states = document_lines.states(connection, row.id)
    if to == "ready" and (life.heard or sum(count for s, (count, _) in states.items() if s in OPEN) != row.lines):
        return "some of its lines were settled or spoken of, and the same file would pay them again"
    if to == "refused" and {"paid", "returned"} & set(states):
        return "some of its lines were paid"
    return ""


def _said(row: Record) -> str:
    return str(row.state).replace("_", " ")


def give_up(store: Store, payroll: str, by: str, reason: str, only: Sequence[str] = ()) -> None:
    """Give up the payroll's files that were never put and hold one of these payments (all, if none is named).

    Their lines are free then: those that are not cancelled go into another file. In a restored store a file may have
    been put although we do not know it; such a one is left alone.
    """
    chosen = sa.or_(_p.id.in_(only), _p.invoice.in_(only)) if only else sa.true()
    holds = sa.select(_l.n).join(t.payments, _p.id == _l.payment).where(_l.document == _d.id, chosen)
    query = sa.select(_d.id).where(_d.payroll == payroll, _d.state.in_(("planned", "ready")), holds.exists())
    with store.read() as connection:
        ids = list(connection.execute(query.order_by(_d.number)).scalars())
    for document in ids:
        with store.write() as connection:
            row, life = documents.look(connection, document)
            if row.state not in ("planned", "ready") or life.put.money is not None or life.put.restored:
                continue
            fact = note(life, now_us(), "withdrawn", f"a line of it was cancelled: {reason}", f"officer {by}")
            documents.tell(connection, store, row, life, [fact])
        all_of(partial(tell, store, document, RULES, now_us()))
