"""Looking: status, payments, holds, cases, events. Nothing here changes anything."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from ..model.states import STATES
from . import options as o
from .app import command
from .desk import Desk
from .output import counted, when

if TYPE_CHECKING:
    from ..store.views import PaymentView

Panel = o.LOOKING
PAGE = 500
AT = ("at", "opened_at", "planned_at")


@command(Panel)
def status(desk: Desk, payroll: o.AnyPayroll = None) -> int:
    """Every payroll, or one: its state, and how many payments and how much money are in which state."""
    found = desk.open().status(payroll)
    planned = {one.payroll: one.shown for one in desk.open().schedules()}
    for one in found:
        paused = f", PAUSED: {one.paused}" if one.paused else ""
        paused += f", SCHEDULED: {planned[one.id]}" if one.id in planned else ""
        about = f"{one.name} ({one.id}): {one.state.replace('_', ' ')}{paused}"
        rows = [(state, one.counts[state], one.sums[state]) for state in STATES if state in one.counts]
        desk.out.table(("state", ">payments", f">{one.currency}"), [*rows, ("all", one.lines, one.total)], about)
        if one.documents:
            files = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in one.documents.items())
            desk.out.say(f"{counted(sum(one.documents.values()), 'file')} ({files}): `gateway documents {one.id}`")
        if one.cases:
            desk.out.say(f"{counted(one.cases, 'open case')}: `gateway cases {one.id}` lists them")
    if not found:
        desk.out.say("no payroll yet; `gateway propose` makes one")
    shown = [{**attrs.asdict(one), "scheduled": planned.get(one.id, "")} for one in found]
    desk.out.result({"payrolls": shown})
    return 0


@command(Panel)
def payments(
    desk: Desk, payroll: o.AnyPayroll = None,
    state: Annotated[str, typer.Option("--state", metavar="STATE", help=", ".join(STATES))] = "",
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="In ids, accounts and names.")] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most so many; 0: all.")] = 0,
) -> int:  # fmt: skip
    """Payments, all or by state or text; a stream that stays small in memory."""
    if state and state not in STATES:
        raise typer.BadParameter(f"{state!r} is no state; say one of {', '.join(STATES)}")
    found: Iterable[PaymentView] = desk.open().all_payments(payroll, state=state, search=search)
    found = islice(found, limit or None)
    if desk.as_json:
        desk.out.stream(_without_cursor(view) for view in found)
        return 0
    columns = ("payment", "invoice", "account", "state", ">amount", "reason", "file")
    shown = 0
    for page in _pages(found):
        rows = [
            (p.id, p.invoice, p.account, state_of(p), f"{p.amount} {p.currency}", p.reason, p.document) for p in page
        ]
        shown_columns = len(columns) - (not any(p.document for p in page))
        desk.out.table(columns[:shown_columns], [row[:shown_columns] for row in rows])
        shown += len(page)
    desk.out.say(counted(shown, "payment"))
    return 0


def state_of(view: PaymentView) -> str:
    """Its state, and what its invoice shows where that says more."""
    said = view.invoice_state
    return view.state if said == view.state else f"{view.state}, {said.replace('_', ' ')}"


def _without_cursor(view: PaymentView) -> dict[str, Any]:
    values = attrs.asdict(view)
    del values["cursor"]
    return values


def _pages(items: Iterable[PaymentView]) -> Iterator[list[PaymentView]]:
    iterator = iter(items)
    while page := list(islice(iterator, PAGE)):
        yield page


@command(Panel)
def holds(desk: Desk, payroll: o.AnyPayroll = None) -> int:
    """Payments that only people can release, with the reasons."""
    found = desk.open().holds(payroll)
    rows = [
        (h.payment, h.invoice, h.name, h.account, f"{h.amount} {h.currency}", "sent" if h.sent else "not sent",
         h.reason, f"{h.proposed} by {h.proposed_by}" if h.proposed else "")
        for h in found
    ]  # fmt: skip
    if rows:
        columns = ("payment", "invoice", "name", "account", ">amount", "money", "why it is held", "first person says")
        desk.out.table(columns, rows)
        desk.out.say("two people say what becomes of each: gateway release PAYMENT --to WHAT --by PERSON --reason WHY")
    else:
        desk.out.say("nothing is held")
    desk.out.stream(attrs.asdict(h) for h in found)
    return 0


@command(Panel)
def cases(desk: Desk, payroll: o.AnyPayroll = None) -> int:
    """What people must look at: a possible double payment, a contradiction."""
    found = desk.open().cases(payroll)
    if found:
        rows = [(c.id, c.kind, c.payment, c.payroll, when(c.opened_at)) for c in found]
        desk.out.table((">case", "what", "payment", "payroll", "opened"), rows)
        desk.out.say("gateway events PAYMENT tells the story; gateway close-case CASE --by ... --reason ... ends it")
    else:
        desk.out.say("no open cases")
    desk.out.stream(timed(attrs.asdict(c)) for c in found)
    return 0


@command(Panel)
def events(
    desk: Desk,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="A payment, an invoice, a payroll, or a file.")],
) -> int:
    """What happened to a payment, an invoice or a payroll, in order, with the notes about it."""
    found = desk.open().events(subject)
    rows = [
        (when(e.at), e.attempt or "", e.step, e.kind, e.value, e.source,
         json.dumps(dict(e.details), default=str) if e.details else "")
        for e in found
    ]  # fmt: skip
    desk.out.table(("at", ">attempt", "step", "what", "value", "source", "details"), rows)
    desk.out.stream(timed(attrs.asdict(e)) for e in found)
    return 0


def timed(values: dict[str, Any]) -> dict[str, Any]:
    """Moments for machines: ISO 8601 in UTC, with microseconds."""
    for key in AT:
        if isinstance(us := values.get(key), int):
            whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 1_000_000))
            values[key] = f"{whole}.{us % 1_000_000:06d}Z"
    return values
