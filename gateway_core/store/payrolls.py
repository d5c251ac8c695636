"""Payrolls in the store: their rows, their own facts, and the one row that switches a staged proposal on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.facts import Fact
from ..model.identity import digest
from ..model.states import PAYROLL, SENDS
from . import journal, suspension
from . import tables as t
from .database import NotAlone, Record, Store, now_us
from .prepared import Prepared

_r = t.payrolls.c
_p = t.payments.c
_wanted: sa.BindParameter[str] = sa.bindparam("w_payroll")
# Nobody takes another payroll's place by a name that is its id.
_GET = Prepared(
    sa.select(t.payrolls)
    .where(sa.or_(_r.id == _wanted, _r.name == _wanted), _r.complete)
    .order_by(_r.id != _wanted)
    .limit(1)
)
_MAY_SEND = Prepared(
    sa.select(
        _r.state, _r.paused, _r.approval_ends, _r.pay_at, suspension.among(_r.id).label("suspended")
    ).where(_r.id == _wanted)
)  # fmt: skip
_STATE = Prepared(sa.select(_r.state).where(_r.id == _wanted))
_LISTED = Prepared(sa.select(t.payrolls).where(_r.complete).order_by(_r.proposed_at, _r.id))
_some_open = sa.exists().where(_p.payroll == _r.id, _p.open)
_SENDING = Prepared(
    sa.select(t.payrolls)
    .where(sa.or_(*(_r.state == state for state in sorted(SENDS))), _r.complete, _some_open)
    .order_by(_r.approved_at, _r.id)
)
_OPEN = Prepared(sa.select(_p.id).where(_p.payroll == _wanted, _p.open).limit(1))


def get(connection: Connection, payroll: str) -> Record:
    """A payroll by id or by name. Raises NotFoundError."""
    rows = _GET.rows(connection, w_payroll=payroll)
    if not rows:
        raise NotFoundError(f"there is no payroll {payroll!r}; `gateway status` lists them")
    return rows[0]


def listed(connection: Connection) -> list[Record]:
    """All payrolls, oldest first."""
    return list(_LISTED.rows(connection))


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
    given = {f"b_{name}": column for name, column in columns.items()}
    now = {"w_payroll": row.id, "w_facts": row.facts, "b_facts": row.facts + 1}
    if not _change(frozenset(columns)).rows(connection, **now, **given):
        raise WrongState(f"payroll {row.name!r} was changed by someone else just now; look again")


@lru_cache(64)
def _change(columns: frozenset[str]) -> Prepared:
    """Writes these columns of a payroll that nobody else has changed; returns its id if it did."""
    new: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(f"b_{name}") for name in ("facts", *sorted(columns))}
    same = sa.update(t.payrolls).where(_r.id == _wanted, _r.facts == sa.bindparam("w_facts"))
    return Prepared(same.values(new).returning(_r.id))


def begun(connection: Connection, store: Store, payroll: str) -> None:
    """Something of an approved payroll is being worked on: it is ongoing from now on."""
    (now,) = _STATE.rows(connection, w_payroll=payroll)
    if now.state in ("approved", "awaiting_reconciliation"):
        if not store.alone:
            raise NotAlone
        record(connection, store, get(connection, payroll), "begun", "driver", {}, state="ongoing")


def paid_out(connection: Connection, store: Store, payroll: str) -> None:
    """Nothing of it is open any more: it awaits reconciliation. Held payments count as done: people have them.

    A comparison made before the last payment was settled does not count. One of which nothing was ever begun is over.
    """
    row = get(connection, payroll)
    if row.state not in ("approved", "ongoing") or _OPEN.rows(connection, w_payroll=row.id):
        return
    if row.state == "approved":
        record(connection, store, row, "cancelled", "driver", {}, state="cancelled")
    else:
        record(connection, store, row, "paid_out", "driver", {}, state="awaiting_reconciliation", reconciled_by="")


def sends(connection: Connection, payroll: str) -> bool:
    """Whether its unsent lines may go now: approved, not paused, suspended or expired, waiting for no moment.

    It may change at any time.
    """
    (row,) = _MAY_SEND.rows(connection, w_payroll=payroll)
    kept = row.paused or row.suspended or row.pay_at or (row.approval_ends and row.approval_ends < now_us())
    return row.state in SENDS and not kept


def sending(connection: Connection) -> list[Record]:
    """Payrolls that may send and have something open, in the order of their approval."""
    return list(_SENDING.rows(connection))


def channels_of(row: Record) -> dict[str, str]:
    """{channel: fingerprint} of a payroll, as proposed or as approved last."""
    return dict(json.loads(row.channels))


def approval_digest(store: str, row: Record, fingerprints: Mapping[str, str]) -> bytes:
    """What a checker approves: the ordered lines, their sum, and every channel's fingerprint, in this store (law 5)."""
    return digest(
        ["gateway_core approval v1", store, row.id, row.root.hex(), row.lines, row.total, row.currency,
         dict(fingerprints)]
    )  # fmt: skip
