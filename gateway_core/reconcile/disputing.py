"""Disputes: a complaint about a payment or a payroll, until a person resolves it. Every step is a fact of its own."""

from __future__ import annotations

from ..model.errors import NotFoundError, WrongState
from ..store import Store, disputes, payments, payrolls
from ..store.disputes import OPEN, PRIORITIES

LONGEST = 4000


def open_dispute(
    store: Store, text: str, kept_by: str, *, payroll: str = "", payment: str = "", by: str = "",
    priority: str = "normal", handler: str = "",
) -> int:  # fmt: skip
    """Note a complaint. `by` is who complains, '' for nobody that is named; `kept_by` is who took it down."""
    _said(text, "a dispute needs a text: what is complained of")
    if priority not in PRIORITIES:
        raise WrongState(f"{priority!r} is no priority; say one of {', '.join(PRIORITIES)}")
    if not payroll and not payment:
        raise WrongState("a dispute is about a payment or a payroll: say which")
    with store.write() as connection:
        if payment:
            line = payments.get(connection, payment)
            if line is None:
                raise NotFoundError(f"there is no payment {payment!r}")
            payroll = line.payroll
        about = {"payroll": payrolls.get(connection, payroll).id, "payment": payment, "by": by}
        return disputes.new(
            connection, store, {**about, "text": text, "priority": priority, "handler": handler}, kept_by
        )


def answer(store: Store, number: int, by: str, text: str) -> None:
    """Answer it; it stays open until it is resolved."""
    _said(text, "an answer needs a text")
    with store.write() as connection:
        row = disputes.get(connection, number)
        _open(row.number, row.state)
        disputes.record(connection, store, row, "answered", by, {"text": text}, state="answered")


def assign(store: Store, number: int, by: str, handler: str, priority: str = "") -> None:
    """Say who sees to it, and how urgent it is."""
    if priority and priority not in PRIORITIES:
        raise WrongState(f"{priority!r} is no priority; say one of {', '.join(PRIORITIES)}")
    with store.write() as connection:
        row = disputes.get(connection, number)
        _open(row.number, row.state)
        columns = {"handler": handler or row.handler, "priority": priority or row.priority}
        disputes.record(connection, store, row, "assigned", by, columns, **columns)


def resolve(store: Store, number: int, by: str, resolution: str) -> None:
    """End it, with what came of it."""
    _said(resolution, "resolving a dispute needs a text: what came of it")
    with store.write() as connection:
        row = disputes.get(connection, number)
        _open(row.number, row.state)
        columns = {"state": "resolved", "resolution": resolution, "resolved_by": by}
        disputes.record(connection, store, row, "resolved", by, {"text": resolution}, **columns)


def reopen(store: Store, number: int, by: str, reason: str) -> None:
    """It was not resolved after all."""
    _said(reason, "opening it again needs a reason")
    with store.write() as connection:
        row = disputes.get(connection, number)
        if row.state in OPEN:
            raise WrongState(f"dispute {number} is {row.state}")
        columns = {"state": "open", "resolution": "", "resolved_by": ""}
        disputes.record(connection, store, row, "reopened", by, {"text": reason}, **columns)


def _open(number: int, state: str) -> None:
    if state not in OPEN:
        raise WrongState(f"dispute {number} is {state}; open it again first")


def _said(text: str, why: str) -> None:
    if not text.strip():
        raise WrongState(why)
    if len(text) > LONGEST:
        raise WrongState(f"it has {len(text):,} characters, at most {LONGEST:,} are kept")
