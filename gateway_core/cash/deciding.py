"""The checker's half: proofs accepted or rejected, by another person than who paid out and who gave the proofs in.

Only an accepted proof makes a payment paid. One with flags is accepted by its id, with a reason; never with the rest.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

import attrs
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.facts import Fact
from ..model.life import Life, fold
from ..model.people import differ, differ_shown
from ..model.states import SENDS, UNPAID
from ..store import Store, cash, document_lines, journal, payrolls, proofs
from ..store.database import Record, now_us
from . import stating
from .reviewing import Reviewer

ACCEPTED, REJECTED = "accepted", "rejected"
OPEN = frozenset({"pending", "unknown"})
SHORTEST = 8
PAGE = 100


@attrs.define
class Decided:
    """`decided` proofs; `flagged` ones are left for a decision of their own, by id; `left` ones have a case."""

    decided: int = 0
    flagged: int = 0
    left: int = 0


@attrs.define
class _Lines:
    """The payments of a page of proofs, each with its life; facts that are stated are in it at once."""

    rows: Mapping[str, Record]
    lives: Mapping[str, Life]

    @classmethod
    def of(cls, connection: Connection, page: Sequence[Record]) -> _Lines:
        rows = document_lines.payments(connection, {row.payment for row in page})
        facts = journal.facts_of_many(connection, sorted(rows))
        return cls(rows, {payment: fold(facts[payment]) for payment in rows})

    def life(self, row: Record) -> Life | None:
        """The life of the payment of a proof that stands; None where this one decides nothing."""
        life = self.lives.get(row.payment)
        if life is None or life.money is None or life.attempt != row.attempt or life.money.proof != row.id:
            return None
        return life


def accept(store: Store, name: str, by: str, reason: str, only: Collection[str], reviewer: Reviewer) -> Decided:
    """Accept all proofs of a list that no flag speaks against, or those named. Can be repeated after a crash."""
    with store.read() as connection:
        document = cash.find(connection, name)
    done, after = Decided(), ""
    while True:
        with store.read() as connection:
            page = proofs.of_list(connection, document.id, after, PAGE, undecided=True)
        if not page:
            return _complete(done, only)
        after, wanted = page[-1].id, [row for row in page if not only or _named(row, only)]
        flags = reviewer.flags(document, wanted)
        with store.read() as connection:
            _another_person(connection, wanted, by)
        if only and not reason.strip() and (bad := next((row.id for row in wanted if flags[row.id]), "")):
            raise WrongState(f"proof {bad[:12]} is flagged ({flags[bad][0]}): accepting it needs a reason")
        good = [row for row in wanted if only or not flags[row.id]]
        done.flagged += len(wanted) - len(good)
        if good:
            with store.write() as connection:
                _accept(connection, store, document, good, by, reason, flags, done)


def _named(row: Record, only: Collection[str]) -> bool:
    return any(len(one) >= SHORTEST and row.id.startswith(one) for one in only)


def _complete(done: Decided, only: Collection[str]) -> Decided:
    if only and not (done.decided or done.left):
        raise NotFoundError(f"no proof of that id awaits a decision; give {SHORTEST} or more of its characters")
    return done


def _another_person(connection: Connection, rows: Sequence[Record], by: str) -> None:
    """Before anything of a page is written."""
    phones = cash.places(connection, cash.DEVICE)
    for row in rows:
        differ_shown(row.officer, by, "paid this out")
        # Whatever name it says: a phone's records are of whoever has it.
        differ_shown(phones.get(row.device, {}).get("officer", ""), by, "has the phone that recorded this")
        differ(row.by, by, "gave this proof in")


def _accept(
    connection: Connection, store: Store, document: Record, rows: Sequence[Record], by: str, reason: str,
    flags: Mapping[str, Sequence[str]], done: Decided,
) -> None:  # fmt: skip
    fresh = [row for row in proofs.these(connection, [row.id for row in rows]) if not row.decision]
    lines, ids = _Lines.of(connection, fresh), list[str]()
    open_ = payrolls.get(connection, document.payroll).state in SENDS
    for row in fresh:
        life = lines.life(row) if open_ else None
        # Late, after the line was refused: it is paid after all, and there is a case; only ever by its own id.
        if life is not None and (life.state in OPEN or (life.state in UNPAID and flags[row.id])):
            _paid(connection, store, lines.rows[row.payment], life, row, by, reason)
            ids.append(row.id)
        elif life is not None and life.state == "paid":
            # By two people, who could not wait for it: the proof agrees.
            ids.append(row.id)
    if ids:
        said = {one: json.dumps(list(flags[one])) if flags[one] else "" for one in ids}
        proofs.decide(connection, ids, ACCEPTED, by, reason, said)
        cash.record(connection, store, document.id, ACCEPTED, by, {"proofs": ids, "reason": reason, "flags": said})
        payrolls.paid_out(connection, store, document.payroll)
    done.decided += len(ids)
    done.left += len(fresh) - len(ids)


def _paid(connection: Connection, store: Store, line: Record, life: Life, row: Record, by: str, reason: str) -> None:
    assert life.money is not None
    body = {
        "proof": row.id, "reference": row.id, "first": row.officer, "given_by": row.by, "second": by,
        "reason": reason, "moves_money": True,
    }  # fmt: skip
    fact = Fact(0, now_us(), "answer", "done", stating.SOURCE, life.attempt, life.money.name, row.id, body)
    stating.state(connection, store, line, life, [fact])


def reject(store: Store, name: str, by: str, reason: str, only: Collection[str]) -> Decided:
    """Say of proofs that they are none: their lines are as if nothing had come."""
    if not reason.strip():
        raise WrongState("rejecting a proof needs a reason: what is wrong with it")
    if not only:
        raise WrongState("say which proofs are rejected")
    with store.read() as connection:
        document = cash.find(connection, name)
    done, after = Decided(), ""
    while True:
        with store.write() as connection:
            page = proofs.of_list(connection, document.id, after, PAGE, undecided=True)
            if not page:
                break
            after, wanted = page[-1].id, [row for row in page if _named(row, only)]
            _another_person(connection, wanted, by)
            if wanted:
                _reject(connection, store, document, wanted, by, reason)
            done.decided += len(wanted)
    return _complete(done, only)


def _reject(
    connection: Connection, store: Store, document: Record, rows: Sequence[Record], by: str, reason: str
) -> None:
    ids, lines = [row.id for row in rows], _Lines.of(connection, rows)
    proofs.decide(connection, ids, REJECTED, by, reason, {})
    cash.record(connection, store, document.id, REJECTED, by, {"proofs": ids, "reason": reason})
    for row in rows:
        life = lines.lives.get(row.payment)
        if life is None or life.money is None or life.attempt != row.attempt or life.state not in OPEN:
            continue
        # What another record says of the line still stands.
        value = "unknown" if life.money.proofs == [row.id] else "waiting"
        body = {"proof_rejected": row.id, "reason": reason}
        fact = Fact(0, now_us(), "word", value, f"officer {by}", life.attempt, life.money.name, "", body)
        stating.state(connection, store, lines.rows[row.payment], life, [fact])
