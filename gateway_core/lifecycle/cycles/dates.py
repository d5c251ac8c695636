"""The dates of cycles. Nothing is sent before a cycle begins, unless two people say so; after it, it is paid late.

What counts is the day on which a payroll is paid, in the configured time zone: that of its schedule, else today. So
a payroll can be prepared before its cycle begins: whoever schedules it may approve it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...model.moments import local
from ...model.payment import Objection
from ...store import cycle_tables as c
from ...store import needs
from ...store.database import Record
from ...store.prepared import Prepared
from .terms import merged

NOT_BEGUN = "cycle_not_begun"
CODES = (NOT_BEGUN, "cycle_over")
_c, _of = c.cycles.c, c.payroll_cycles.c
_TERMS = Prepared(
    sa.select(_of.programme, _of.cycle, _c.name, _c.terms)
    .join(c.cycles, sa.and_(_c.programme == _of.programme, sa.or_(_c.name == "", _c.name == _of.cycle)))
    .where(_of.payroll == sa.bindparam("w_payroll"))
    .order_by(_of.programme, _of.cycle)
)


@attrs.frozen
class Round:
    """The dates of one cycle that a payroll has lines in; '' where it has none."""

    address: str
    starts: str
    ends: str


def judged(connection: Connection, row: Record, now: int, zone: tzinfo) -> list[Objection]:
    """What the dates of its cycles say against paying a payroll when it is to be paid."""
    day, found = _day(row.pay_at or now, zone), []
    for one in _rounds(connection, row.id):
        if day < one.starts:
            text = f"cycle {one.address} begins on {one.starts}; schedule the payroll, or let two people release this"
            found.append(Objection(NOT_BEGUN, text, "cycle"))
        if one.ends and day > one.ends:
            found.append(Objection("cycle_over", f"cycle {one.address} ended on {one.ends}", "cycle", blocks=False))
    return found


def keeps(connection: Connection, row: Record, now: int, zone: tzinfo) -> str:
    """Which cycle that has not begun keeps a payroll from being sent now, or ''."""
    day = _day(now, zone)
    early = next((one for one in _rounds(connection, row.id) if day < one.starts), None)
    if early is None or needs.despite(connection, row.id, (NOT_BEGUN,)):
        return ""
    return f"cycle {early.address} begins on {early.starts}"


def _day(moment: int, zone: tzinfo) -> str:
    return local(moment, zone).date().isoformat()


def _rounds(connection: Connection, payroll: str) -> Iterator[Round]:
    """Of each of its cycles, in order."""
    terms = defaultdict[tuple[str, str], dict[str, Mapping[str, Any]]](dict)
    for row in _TERMS.rows(connection, w_payroll=payroll):
        terms[row.programme, row.cycle][row.name] = json.loads(row.terms)
    for (programme, cycle), said in terms.items():
        known = merged(said.get("", {}), said.get(cycle, {}))
        yield Round(f"{programme}/{cycle}" if cycle else programme, known.get("starts", ""), known.get("ends", ""))
