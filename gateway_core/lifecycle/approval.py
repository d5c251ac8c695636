"""Approval: the maker is never the checker, and what is approved is a digest over everything that will be paid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import Altered, NotPermitted, ObjectionsStand, WrongState
from ..model.facts import Fact
from ..model.identity import Root, digest
from ..model.moments import HOUR
from ..model.people import differ
from ..model.roles import OPEN, Matrix
from ..model.states import PAYROLL
from ..store import Store, journal, payments, payrolls, suspension
from ..store import tables as t
from ..store.database import Record, now_us
from ..store.rivals import refuse_if_restored
from . import levels
from .cycles import caps
from .levels import PAUSED_FOR_APPROVAL
from .scheduling import MISSED
from .signatures import verify

_o = t.objections.c
# No approvers are configured: the host vouches for who approves.
UNSIGNED: Mapping[str, str] = MappingProxyType({})


def approval_digest(store: Store, row: Record, fingerprints: Mapping[str, str]) -> bytes:
    """What a checker approves and signs: the ordered lines, their sum, and every channel's fingerprint (law 5)."""
    return payrolls.approval_digest(store.identity, row, fingerprints)


def message(what: str, payload: bytes) -> bytes:
    """The bytes that an approver signs: `gateway_core WHAT v1` and the hexadecimal digest, a line each."""
    return f"gateway_core {what} v1\n{payload.hex()}\n".encode()


def confirm_message(file: str, sha256: str) -> bytes:
    """The bytes that an approver signs to agree with a file: exactly its bytes, as they were given."""
    return message("confirmation", digest(["gateway_core confirmation v1", file, sha256]))


def statement_message(answer: str, sha256: str) -> bytes:
    """The bytes that an approver signs to say that a file which came by hand is the bank's."""
    return message("statement", digest(["gateway_core statement v1", answer, sha256]))


def release_message(payment: str, to: str, facts: int) -> bytes:
    """The bytes that an approver signs to release a held payment: as it is now, so that a signature serves once."""
    return message("release", digest(["gateway_core release v1", payment, to, facts]))


def approve(
    store: Store, payroll: str, by: str, fingerprints: Mapping[str, str], *, despite: str = "",
    valid_hours: float = 0.0, signature: str = "", note: str = "", matrix: Matrix = OPEN,
) -> bytes:  # fmt: skip
    """Approve a payroll, or the rest of one that waits for approval again. Returns the digest.

    Where the matrix wants several approvals, each by another person, the last of them approves it. Nobody who proposed
    it, or agreed already, approves it.
    """
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    differ(row.proposed_by, by, "proposed this payroll")
    _waits_for_approval(row)
    _verify_content(store, row)
    caps.hold(store, row.id)
    with store.write() as connection:
        row = payrolls.get(connection, row.id)
        again = _waits_for_approval(row)
        suspension.refuse(connection, row.id)
        digested = approval_digest(store, row, fingerprints)
        facts = journal.facts_of_payroll(connection, row.id)
        agreed = levels.standing(facts, digested, now_us() - int(valid_hours * HOUR) if valid_hours else 0)
        role, last = levels.next_level(row, facts, agreed, by, matrix)
        _objections_released(connection, row.id, by, despite)
        ends = now_us() + int(valid_hours * HOUR) if valid_hours else 0
        body: dict[str, Any] = {
            "digest": digested.hex(), "channels": dict(fingerprints), "signature": signature, "despite": despite,
            "role": role, "note": note, "agreed": [one.by for one in agreed],
        }  # fmt: skip
        if not last:
            payrolls.record(connection, store, row, "agreed", by, body)
            return digested
        body |= {"ends": ends, "paused": "" if again else row.paused}
        columns = {} if again else {"state": "approved"}
        payrolls.record(
            connection, store, row, "approved", by, body, approved_by=by, approved_at=now_us(), approval_ends=ends,
            paused=body["paused"], channels=json.dumps(dict(fingerprints)), **columns,
        )  # fmt: skip
        journal.record_head(connection, store, f"approval of {row.id}")
    return digested


def _waits_for_approval(row: Record) -> bool:
    """Whether it is the rest of a payroll that waits for approval again. Raises WrongState when nothing waits."""
    again = bool(row.paused.startswith(PAUSED_FOR_APPROVAL))
    if row.state != "awaiting_approval" and not again:
        raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}, not awaiting approval")
    return again


def reject(store: Store, payroll: str, by: str, reason: str) -> None:
    """Refuse a proposal: its lines are cancelled, its invoices are free."""
    with store.write() as connection:
        refuse_if_restored(connection)
        row = payrolls.get(connection, payroll)
        payrolls.record(connection, store, row, "rejected", by, {"reason": reason}, state="rejected")


def send_back(store: Store, payroll: str, by: str, reason: str) -> None:
    """Return a proposal for correction: a draft, until it is proposed anew under the same name, or withdrawn."""
    if not reason.strip():
        raise WrongState("say what is to be corrected")
    with store.write() as connection:
        row = payrolls.get(connection, payroll)
        payrolls.record(connection, store, row, "sent_back", by, {"reason": reason}, state="draft")


def withdraw(store: Store, payroll: str, by: str, reason: str) -> None:
    """The whole payroll is withdrawn before anything of it was sent."""
    with store.write() as connection:
        refuse_if_restored(connection)
        row = payrolls.get(connection, payroll)
        payrolls.record(connection, store, row, "cancelled", by, {"reason": reason}, state="cancelled")


def _verify_content(store: Store, row: Record) -> None:
    root = Root()
    for page in payments.pages(store.read, row.id, 1000):
        for line in page:
            root.add(payments.as_payment(line).leaf())
    if root.value() != row.root:
        raise Altered(f"the lines of {row.name!r} differ from what was proposed; reject it and propose it anew")


def _objections_released(connection: Connection, payroll: str, by: str, despite: str) -> None:
    """Every blocking objection needs two different people; the checker may be the second, with a reason."""
    stand = sa.and_(_o.payroll == payroll, _o.blocks, _o.second_by == "")
    first = connection.execute(sa.select(_o.message).where(stand).order_by(_o.id).limit(1)).scalar()
    if first is None:
        return
    people = list(connection.execute(sa.select(_o.released_by).where(stand).distinct()).scalars())
    if not despite or "" in people:
        raise ObjectionsStand(int(connection.execute(sa.select(sa.func.count()).where(stand)).scalar() or 0), first)
    for person in people:
        differ(person, by, "released the objections first")
    connection.execute(sa.update(t.objections).where(stand).values(second_by=by))


def release_objections(store: Store, payroll: str, by: str, reason: str) -> int:
    """The first of two people says that a payroll may go in spite of its objections. Returns how many."""
    if not reason.strip():
        raise WrongState("releasing an objection needs a reason")
    with store.write() as connection:
        row = _unended(connection, payroll)
        standing = sa.update(t.objections).where(_o.payroll == row.id, _o.blocks, _o.released_by == "")
        count = connection.execute(standing.values(released_by=by, why=reason)).rowcount
        payrolls.record(connection, store, row, "objections_released", by, {"reason": reason, "count": count})
    return count


def _unended(connection: Connection, payroll: str) -> Record:
    row = payrolls.get(connection, payroll)
    if not PAYROLL[row.state]:
        raise WrongState(f"payroll {row.name!r} is {row.state}: nothing of it goes any more")
    return row


def pause(store: Store, payroll: str, by: str, reason: str) -> None:
    """Nothing new of it is sent; what was sent is still asked about."""
    with store.write() as connection:
        row = _unended(connection, payroll)
        # These words are ours: what a person paused is not for the next start, or a schedule, to let go on.
        said = f"paused: {reason}" if reason.startswith((PAUSED_FOR_APPROVAL, MISSED)) else reason or "paused"
        payrolls.record(connection, store, row, "paused", by, {"reason": said}, paused=said)


def resume(store: Store, payroll: str, by: str) -> None:
    """Let a paused payroll go on. One that waits for a new approval needs that."""
    with store.write() as connection:
        row = _unended(connection, payroll)
        if row.paused.startswith(PAUSED_FOR_APPROVAL):
            raise WrongState(f"payroll {row.name!r} is paused ({row.paused}); a checker approves the rest")
        payrolls.record(connection, store, row, "resumed", by, {}, paused="")


def fit_to_send(
    store: Store, row: Record, fingerprints: Mapping[str, str], approvers: Mapping[str, str] = UNSIGNED
) -> str:
    """Law 5 at every start: '' when the payroll may be sent, otherwise why its unsent lines must wait."""
    with store.read() as connection:
        facts = journal.facts_of_payroll(connection, row.id)
    approvals = [fact for fact in facts if fact.kind == "approved"]
    root = Root()
    for leaf in payments.leaves(store.read, row.id):
        root.add(leaf)
    approved = payrolls.channels_of(row)
    if not approvals or root.value() != row.root:
        return PAUSED_FOR_APPROVAL + "its lines differ from what was approved"
    if approvals[-1].body.get("digest") != approval_digest(store, row, approved).hex():
        return PAUSED_FOR_APPROVAL + "the payroll differs from what was approved"
    if dict(fingerprints) != approved:
        changed = sorted(name for name in approved if approved[name] != fingerprints.get(name))
        return PAUSED_FOR_APPROVAL + f"channel {', '.join(changed)} was configured otherwise when it was approved"
    if row.approval_ends and row.approval_ends < now_us():
        return PAUSED_FOR_APPROVAL + "the approval has expired"
    try:
        _signed(facts, approvals[-1], approvers)
    except NotPermitted as error:
        return PAUSED_FOR_APPROVAL + str(error)
    return ""


def _signed(facts: Sequence[Fact], last: Fact, approvers: Mapping[str, str]) -> None:
    """Who approved may have done so under another configuration, which asked for no signature, or for another's.

    Raises NotPermitted unless everybody of the last round of approvals is an approver by now, and signed it.
    """
    approved = str(last.body["digest"])
    given = {fact.source: fact for fact in facts if fact.kind == "agreed" and fact.body.get("digest") == approved}
    for by, fact in (*((name, given.get(name)) for name in last.body.get("agreed", ())), (last.source, last)):
        # Of whom nothing is on record, nothing is signed.
        signature = str(fact.body.get("signature", "")) if fact is not None else ""
        verify(approvers, by, message("approval", bytes.fromhex(approved)), signature)
