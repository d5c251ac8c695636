"""What officers decide about single payments: cancel, retry, release what is held. Every decision is a fact."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..engine.batch import cancelling
from ..model.errors import NotFoundError, WrongState
from ..model.facts import Fact
from ..model.life import add, fold
from ..model.people import differ
from ..model.states import SENDS, UNSENT
from ..store import Result, Store, Write, journal, payments, payrolls, writes
from ..store import tables as t
from ..store.database import now_us
from ..store.payments import Line
from ..store.prepared import Prepared
from ..store.rivals import refuse_if_restored
from . import documents
from .cycles import caps

RELEASES = ("ready", "pending", "paid", "refused", "returned", "cancelled")
PAGE = 200
_p, _of = t.payments.c, t.releases.c
_PROPOSED = Prepared(sa.select(t.releases).where(_of.payment == sa.bindparam("w_payment")))
_FORGET = Prepared(sa.delete(t.releases).where(_of.payment == sa.bindparam("w_payment")))
_PROPOSE = Prepared(sa.insert(t.releases).values({column.name: sa.bindparam(column.name) for column in t.releases.c}))


def cancel(store: Store, payroll: str, by: str, reason: str, only: Sequence[str] = ()) -> int:
    """Withdraw unsent payments (all, or those named by payment or invoice id). Returns how many.

    A payment with a money intent is not cancelled: what was sent is the rail's to confirm. A line of a file that was
    never put has not been sent: such a file is given up, and its other lines go into another one. A name that is none
    of this payroll's cancels nothing: whom it was meant for would be paid.
    """
    count, after = 0, 0
    _known(store, payroll, only)
    _give_up_files(store, payroll, by, reason, only)
    chosen = [sa.or_(_p.id.in_(only), _p.invoice.in_(only))] if only else []
    while True:
        with store.write() as connection:
            refuse_if_restored(connection)
            row = payrolls.get(connection, payroll)
            if row.state not in SENDS:
                raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}; reject it instead")
            rows = payments.page(connection, row.id, after, PAGE, _p.state.in_(UNSENT), *chosen)
            facts = journal.facts_of_many(connection, [r.id for r in rows])
            for r in rows:
                line = payments.as_line(r, facts[r.id])
                if fold(line.facts).money is None:
                    _state(connection, store, line, "cancelled", by, "", {"reason": reason})
                    count += 1
            if not rows:
                payrolls.paid_out(connection, store, row.id)
                return count
            after = rows[-1].line


def _known(store: Store, payroll: str, only: Sequence[str]) -> None:
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        found = set[str]()
        for at in range(0, len(only), PAGE):
            some = only[at : at + PAGE]
            query = sa.select(_p.id, _p.invoice).where(
                _p.payroll == row.id, sa.or_(_p.id.in_(some), _p.invoice.in_(some))
            )
            found.update(name for names in connection.execute(query) for name in names)
    if missing := [name for name in only if name not in found]:
        raise NotFoundError(f"payroll {row.name!r} has no payment or invoice {missing[0]!r}; nothing was cancelled")


def _give_up_files(store: Store, payroll: str, by: str, reason: str, only: Sequence[str]) -> None:
    with store.read() as connection:
        refuse_if_restored(connection)
        row = payrolls.get(connection, payroll)
    if row.state in SENDS:
        documents.give_up(store, row.id, by, reason, only)


def retry(store: Store, payment: str, by: str, reason: str) -> None:
    """Try a refused payment again: attempt n+1, with the same approved content."""
    with store.write() as connection:
        line = _line(connection, payment)
        if line.state != "refused":
            raise WrongState(f"payment {payment} is {line.state}; only a refused one is tried again")
        _payroll_open(connection, line)
        caps.hold_again(connection, line)
        _state(connection, store, line, "retry", by, "", {"reason": reason})


def release(
    store: Store, payment: str, to: str, by: str, reason: str, *, reference: str = "", signature: str = ""
) -> bool:
    """Say what becomes of a held payment, or of a file. The first person proposes (False), a second agrees (True)."""
    if (document := documents.named(store, payment)) is not None:
        return documents.release(store, document, to, by, reason, signature=signature)
    if to not in RELEASES:
        raise WrongState(f"{to!r} is no release; say one of {', '.join(RELEASES)}")
    if not reason.strip():
        raise WrongState("a release needs a reason: what was seen, and where")
    with store.write() as connection:
        line = _line(connection, payment)
        why = _not_released(line, to)
        if to == "refused" and cancelling.undecided(connection, fold(line.facts)):
            why = "is to be cancelled, and the bank has not decided: if it confirms that it cancelled, say cancelled"
        if why:
            raise WrongState(f"payment {payment} {why}")
        _payroll_open(connection, line)
        first = next(iter(_PROPOSED.rows(connection, w_payment=line.payment.id)), None)
        if first is None or first.value != to or first.facts != len(line.facts):
            _propose(connection, line, to, by, reason, reference, signature)
            return False
        differ(first.by, by, "proposed this release")
        _FORGET.run(connection, [{"w_payment": line.payment.id}])
        body = {
            "reason": first.why, "first": first.by, "second": by, "second_reason": reason,
            "first_signature": first.signature, "signature": signature,
            "reference": reference or first.reference or line.reference,
        }  # fmt: skip
        if line.state != "held":
            _state(connection, store, line, "hold", by, "two people decide", {"reason": first.why})
            line = _line(connection, payment)
        _state(connection, store, line, "release", by, to, body)
        payrolls.paid_out(connection, store, line.payroll)
    return True


def _not_released(line: Line, to: str) -> str:
    """Why it cannot be released so; '' when it can. A line of a file may stay unknown until a statement, or people."""
    money = fold(line.facts).money
    in_file = money is not None and bool(money.document)
    if in_file and to == "ready":
        return "is a line of a file, which goes again only as a whole: release the file"
    return "" if line.state == "held" or (in_file and line.state == "unknown") else f"is {line.state}, not held"


def _propose(connection: Connection, line: Line, to: str, by: str, reason: str, reference: str, signature: str) -> None:
    said = {
        "payment": line.payment.id, "value": to, "by": by, "why": reason, "reference": reference,
        "signature": signature, "at": now_us(), "facts": len(line.facts),
    }  # fmt: skip
    _FORGET.run(connection, [{"w_payment": line.payment.id}])
    _PROPOSE.run(connection, [said])


def _state(
    connection: Connection, store: Store, line: Line, kind: str, by: str, value: str, body: dict[str, str]
) -> None:
    life = fold(line.facts)
    attempt, money = life.attempt, life.money
    fact = Fact(life.facts + 1, now_us(), kind, value, f"officer {by}", attempt, body=body)
    known = len(life.cases)
    add(life, fact)
    ended = attempt if kind == "retry" and money is not None else 0
    cases = tuple(life.cases[known:])
    who, before = (line.payment.id, line.payroll), len(line.facts)
    write = Write.of(*who, life, before, [fact], ended_attempt=ended, cases=cases)
    if writes.apply(connection, store, [write]) != [Result.OK]:
        raise WrongState(f"payment {line.payment.id} is being worked on just now; try again")


def _line(connection: Connection, payment: str) -> Line:
    line = payments.get(connection, payment)
    if line is None:
        raise NotFoundError(f"there is no payment {payment!r}")
    return line


def _payroll_open(connection: Connection, line: Line) -> None:
    row = payrolls.get(connection, line.payroll)
    if row.state not in SENDS:
        raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}; its payments are frozen")
