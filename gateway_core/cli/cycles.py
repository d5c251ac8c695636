"""Programmes and payment cycles: made, suspended, generated from beneficiaries, and chosen from into payrolls."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from . import options as o
from .app import command
from .desk import Desk
from .output import counted
from .payrolls import reading_of, show_warnings
from .progress import progress

if TYPE_CHECKING:
    from ..lifecycle.cycles.keeping import CycleView
    from ..lifecycle.cycles.pool import Pooled

Panel = o.CYCLES
SHOWN = 200
Address = Annotated[str, typer.Argument(metavar="PROGRAMME/CYCLE", help="A cycle of a programme.")]
Either = Annotated[str, typer.Argument(metavar="PROGRAMME[/CYCLE]", help="A programme, or one cycle of it.")]
Any_ = Annotated[str, typer.Argument(metavar="[PROGRAMME[/CYCLE]]", help="Only these; default: all.")]
TermsFile = Annotated[Path | None, typer.Option("--terms", metavar="FILE", help="All of its terms, as TOML.")]
Amount = Annotated[str, typer.Option("--amount", help="What each beneficiary is owed, such as 500.00.")]
Currency = Annotated[str, typer.Option("--currency", help="An ISO 4217 code.")]
Pays = Annotated[str, typer.Option("--channel", metavar="NAME", help="The configured channel that pays.")]
Starts = Annotated[str, typer.Option("--starts", metavar="DATE", help="Its first day, such as 2026-11-01.")]
Ends = Annotated[str, typer.Option("--ends", metavar="DATE", help="Its last day.")]
Tag = Annotated[list[str] | None, typer.Option("--tag", help="A word to find its invoices by; can be repeated.")]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="FILTER", help="FIELD=VALUE, also !=, ^=, <, <=, >, >=; all must fit."),
]
SplitBy = Annotated[
    list[str] | None, typer.Option("--split-by", metavar="FIELD", help="A payroll per value; can be repeated.")
]
Over = Annotated[
    list[str] | None, typer.Option("--over", metavar="VALUE=CHANNEL", help="The channel of a value; can be repeated.")
]


@command(Panel)
def set_programme(
    desk: Desk, name: Annotated[str, typer.Argument(metavar="NAME")], by: o.By, terms: TermsFile = None,
    amount: Amount = "", currency: Currency = "", channel: Pays = "", starts: Starts = "", ends: Ends = "",
    tag: Tag = None,
) -> int:  # fmt: skip
    """Make a programme, or give it other terms: all of them, what is not said is taken back."""
    given = _terms(terms, amount, currency, channel, starts, ends, tag)
    return _set(desk, desk.open().set_programme(name, by=by, **given))


@command(Panel)
def set_cycle(
    desk: Desk, address: Address, by: o.By, terms: TermsFile = None, amount: Amount = "", currency: Currency = "",
    channel: Pays = "", starts: Starts = "", ends: Ends = "", tag: Tag = None,
) -> int:  # fmt: skip
    """Make a payment cycle, or give it other terms. What it does not say, its programme does."""
    programme, _, name = address.partition("/")
    if not name:
        raise typer.BadParameter(f"{address!r} names no cycle; write PROGRAMME/CYCLE")
    given = _terms(terms, amount, currency, channel, starts, ends, tag)
    return _set(desk, desk.open().set_cycle(programme, name, by=by, **given))


def _terms(
    file: Path | None, amount: str, currency: str, channel: str, starts: str, ends: str, tag: list[str] | None
) -> dict[str, Any]:
    """The terms of a file, and over them those of the options."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} is not TOML: {error}") from None
    given = {"amount": amount, "currency": currency, "channel": channel, "starts": starts, "ends": ends, "tags": tag}
    return {**found, **{name: value for name, value in given.items() if value}}


def _set(desk: Desk, view: CycleView) -> int:
    desk.out.say(f"{view.address} is {view.state}: {_about(view.terms)}")
    if view.cycle:
        desk.out.say(f"next: gateway generate {view.address} BENEFICIARIES --by <person>")
    else:
        desk.out.say(f"next: gateway set-cycle {view.address}/CYCLE --by <person>")
    desk.out.result(_row(view))
    return 0


def _about(terms: Mapping[str, Any]) -> str:
    """Terms in one line."""
    plain = [f"{name} {value}" for name, value in terms.items() if isinstance(value, str)]
    listed = [f"tags {', '.join(terms['tags'])}"] if terms.get("tags") else []
    caps = [f"{name} at most {value}" for name, value in terms.get("caps", {}).items()]
    rules = [counted(len(terms["rules"]), "rule")] if terms.get("rules") else []
    return ", ".join([*plain, *listed, *caps, *rules]) or "no terms of its own"


def _row(view: CycleView) -> dict[str, Any]:
    return attrs.asdict(view)


@command(Panel)
def programmes(desk: Desk) -> int:
    """Every programme, with its terms."""
    return _listed(desk, desk.open().programmes(), "programme")


@command(Panel)
def cycles(desk: Desk, programme: Annotated[str, typer.Argument(metavar="[PROGRAMME]")] = "") -> int:
    """Every payment cycle, or those of one programme. What a cycle does not say, its programme does."""
    return _listed(desk, desk.open().cycles(programme), "cycle")


def _listed(desk: Desk, views: list[CycleView], kind: str) -> int:
    rows = [(v.address, v.state, v.suspended_by and f"{v.suspended_by}: {v.why}", _about(v.terms)) for v in views]
    if rows:
        desk.out.table((kind, "state", "suspended by", "terms"), rows)
    else:
        desk.out.say(f"there is no {kind}; gateway set-{kind} makes one")
    desk.out.stream(map(_row, views))
    return 0


@command(Panel)
def suspend(desk: Desk, address: Either, by: o.By, reason: o.Reason) -> int:
    """Propose, approve and send nothing of a programme or cycle; what was sent is still asked about."""
    desk.open().suspend(address, by=by, reason=reason)
    desk.out.say(f"{address} is suspended by {by}: {reason}")
    desk.out.result(_row(desk.open().cycle(address)))
    return 0


@command(Panel)
def activate(
    desk: Desk, address: Either, by: o.By, reason: Annotated[str, typer.Option("--reason", help="Why.")] = ""
) -> int:
    """Let a suspended programme or cycle go on."""
    desk.open().activate(address, by=by, reason=reason)
    desk.out.say(f"{address} is active again, says {by}", "next: gateway run")
    desk.out.result(_row(desk.open().cycle(address)))
    return 0


@command(Panel)
def generate(
    desk: Desk, address: Address,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Beneficiaries as CSV or JSON Lines.")], by: o.By,
    replace: Annotated[str, typer.Option("--replace", metavar="REASON", help="Why others take their place.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read and calculate; write nothing.")] = False,
    control_total: o.ControlTotal = None, control_count: o.ControlCount = None, delimiter: o.Delimiter = None,
    encoding: o.Encoding = None,
) -> int:  # fmt: skip
    """Make a cycle's invoices by its rules, into the pool. All mistakes are listed at once; then nothing is written."""
    reading = reading_of(control_total, control_count, delimiter, encoding)
    if dry_run:
        return _tried(desk, address, file, reading)
    with progress(desk.out, "generating") as step:
        made = desk.open().generate(address, file, by=by, replace=replace, progress=step, **reading)
    total = str(made.total) if made.fresh or made.replaced else "nothing new"
    desk.out.say(f"{address}: {made.fresh:,} new, {made.replaced:,} replaced, {made.same:,} as before; {total}")
    desk.out.say(f"next: gateway pool {address}, gateway select NAME {address} --by <person>")
    desk.out.result({**attrs.asdict(made), "total": made.total.text if made.total else "0"})
    return 0


def _tried(desk: Desk, address: str, file: Path, reading: dict[str, Any]) -> int:
    with desk.open().preview(address, file, **reading) as taken:
        show_warnings(desk.out, taken.warnings, taken.more_warnings)
        if taken.mistakes:
            from ..model.errors import InvalidPayroll

            raise InvalidPayroll(taken.mistakes, taken.more)
        desk.out.say(f"{counted(taken.count, 'invoice')}, {taken.total} in all; nothing was written")
        desk.out.result({"lines": taken.count, "total": taken.total.text if taken.total else "0"})
    return 0


@command(Panel)
def pool(
    desk: Desk, address: Any_ = "", where: Where = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that lie in payrolls.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 0,
) -> int:  # fmt: skip
    """Invoices that were generated and lie in no live payroll, also those that came back."""
    found = desk.open().pool(address, where=where or (), free=not everything)
    found = islice(found, limit) if limit else found
    if desk.out.as_json:
        desk.out.stream(map(_pooled, found))
        return 0
    rows = list(islice(found, SHOWN))
    count = len(rows) + sum(1 for _ in found)
    if rows:
        columns = ("invoice", "beneficiary", "name", ">amount", "account", "lies in", "state")
        desk.out.table(columns, [_cells(one) for one in rows])
    more = f", the first {SHOWN} shown; --json lists all" if count > SHOWN else ""
    desk.out.say(counted(count, "invoice") + more)
    return 0


def _cells(one: Pooled) -> tuple[object, ...]:
    i = one.invoice
    return i.id, i.beneficiary, i.name, i.amount, i.account, one.payroll or "the pool", one.state


def _pooled(one: Pooled) -> dict[str, Any]:
    i = one.invoice
    return {
        "cycle": one.cycle, "invoice": i.id, "beneficiary": i.beneficiary, "name": i.name, "instalment": i.instalment,
        "account_type": i.account.type, "account": i.account.value, "amount": i.amount.text,
        "currency": i.amount.currency, "channel": i.channel, "reference": i.reference, "extra": dict(i.extra),
        "payroll": one.payroll, "state": one.state,
    }  # fmt: skip


@command(Panel)
def select(
    desk: Desk, name: Annotated[str, typer.Argument(metavar="NAME", help="The payroll's name, or its beginning.")],
    by: o.By, address: Any_ = "", where: Where = None, split_by: SplitBy = None, over: Over = None,
    at_most: Annotated[int, typer.Option("--at-most", min=0, help="So many payments per payroll.")] = 0,
    at_most_amount: Annotated[str, typer.Option("--at-most-amount", help="So much money per payroll.")] = "",
    channel: Pays = "", despite: o.Despite = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which payrolls it would make.")] = False,
) -> int:  # fmt: skip
    """Choose invoices from the pool and propose them, as one payroll or split by rule into several."""
    made = desk.open().propose_from_pool(
        name, address, by=by, where=where or (), split_by=split_by or (), at_most=at_most,
        at_most_amount=at_most_amount, channel=channel, channels=_pairs(over or []), dry_run=dry_run, despite=despite,
    )  # fmt: skip
    rows = [(one.name, one.channel or "as each says", one.lines, one.total, one.payroll) for one in made]
    desk.out.table(("payroll", "channel", ">payments", ">amount", "id"), rows)
    if dry_run:
        desk.out.say("nothing was written")
    else:
        desk.out.say("next: gateway check PAYROLL, then gateway approve PAYROLL --by <another person>")
    desk.out.stream({**attrs.asdict(one), "total": one.total.text, "currency": one.total.currency} for one in made)
    return 0


def _pairs(given: list[str]) -> dict[str, str]:
    wrong = [one for one in given if "=" not in one]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r}: write VALUE=CHANNEL")
    return {value: channel for value, _, channel in (one.rpartition("=") for one in given)}
