"""Payrolls in the store: their rows, their own facts, and the one row that switches a staged proposal on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.facts import Fact
from ..model.identity import digest
from ..model.states import PAYROLL, SENDS
from . import journal
from . import tables as t
from .database import Record, Store, now_us

_r = t.payrolls.c
_p = t.payments.c


def get(connection: Connection, payroll: str) -> Record:
    """A payroll by id or by name. Raises NotFoundError."""
    # Nobody takes another payroll's place by a name that is its id.
    here = sa.or_(_r.id == payroll, _r.name == payroll)
    query = sa.select(t.payrolls).where(here, _r.complete).order_by(_r.id != payroll)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"there is no payroll {payroll!r}; `gateway status` lists them")
    return row


def listed(connection: Connection) -> list[Record]:
    """All payrolls, oldest first."""
    return list(connection.execute(sa.select(t.payrolls).where(_r.complete).order_by(_r.proposed_at, _r.id)))


def record(
    connection: Connection, store: Store, row: Record, kind: str, by: str, body: Mapping[str, Any], **columns: Any
) -> None:
    """State a fact about a payroll and write what follows from it. `state=` must be an edge of the table of states."""
    state = columns.get("state", row.state)
    if state != row.state and state not in PAYROLL[row.state]:
        raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}; it cannot become {state}")
    value = str(columns.get("state", ""))
    fact = Fact(row.facts + 1, now_us(), kind, value, by, body=body)
    journal.append(connection, store, [(row.id, "", fact)])
    changed = sa.update(t.payrolls).where(_r.id == row.id, _r.facts == row.facts)
    if connection.execute(changed.values(facts=row.facts + 1, **columns)).rowcount != 1:
        raise WrongState(f"payroll {row.name!r} was changed by someone else just now; look again")


def begun(connection: Connection, store: Store, payroll: str) -> None:
    """Something of an approved payroll is being worked on: it is ongoing from now on."""
    row = get(connection, payroll)
    if row.state in ("approved", "awaiting_reconciliation"):
        record(connection, store, row, "begun", "driver", {}, state="ongoing")


def paid_out(connection: Connection, store: Store, payroll: str) -> None:
    """Nothing of it is open any more: it awaits reconciliation. Held payments count as done: people have them.

    A comparison made before the last payment was settled does not count. One of which nothing was ever begun is over.
    """
    row = get(connection, payroll)
    open_ = sa.select(_p.id).where(_p.payroll == row.id, _p.open).limit(1)
    if row.state not in ("approved", "ongoing") or connection.execute(open_).first() is not None:
        return
    if row.state == "approved":
        record(connection, store, row, "cancelled", "driver", {}, state="cancelled")
    else:
        record(connection, store, row, "paid_out", "driver", {}, state="awaiting_reconciliation", reconciled_by="")


def sends(connection: Connection, payroll: str) -> bool:
    """Whether its unsent lines may go now: approved, not paused, not expired. It may change at any time."""
    query = sa.select(_r.state, _r.paused, _r.approval_ends).where(_r.id == payroll)
    row = connection.execute(query).one()
    return row.state in SENDS and not row.paused and not (row.approval_ends and row.approval_ends < now_us())


def sending(connection: Connection) -> list[Record]:
    """Payrolls that may send and have something open, in the order of their approval."""
    query = (
        sa.select(t.payrolls)
        .where(_r.state.in_(SENDS), _r.complete, sa.exists().where(_p.payroll == _r.id, _p.open))
        .order_by(_r.approved_at, _r.id)
    )
    return list(connection.execute(query))


def channels_of(row: Record) -> dict[str, str]:
    """{channel: fingerprint} of a payroll, as proposed or as approved last."""
    return dict(json.loads(row.channels))


def approval_digest(store: str, row: Record, fingerprints: Mapping[str, str]) -> bytes:
    """What a checker approves: the ordered lines, their sum, and every channel's fingerprint, in this store (law 5)."""
    return digest(
        ["gateway_core approval v1", store, row.id, row.root.hex(), row.lines, row.total, row.currency,
         dict(fingerprints)]
    )  # fmt: skip
