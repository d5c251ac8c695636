"""Cash: payment points, pay lists, and the proofs of officers' phones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from ..model.errors import InvalidPayroll, Mistake
from . import options as o
from .app import app, command
from .desk import Desk
from .errors import HELD, WAITS
from .output import counted, when

if TYPE_CHECKING:
    from ..cash.accounts import Account
    from ..cash.reviewing import ProofView

Panel = "Cash"
points = typer.Typer(help="Payment points and who runs them.")
lists = typer.Typer(help="Pay lists: issued by `gateway run`; counted by one person, sealed by another.")
proofs = typer.Typer(help="What officers' phones recorded: imported, looked at, accepted.")
for _name, _group in (("points", points), ("lists", lists), ("proofs", proofs)):
    app.add_typer(_group, name=_name, rich_help_panel=Panel)

ListName = Annotated[str, typer.Argument(metavar="LIST", help="A pay list, by the id on its paper.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="PROOF", help="A proof's id, or 8 of its first characters.")
]
Many = Annotated[list[str] | None, typer.Option(metavar="NAME")]
Degrees = Annotated[float, typer.Option(metavar="DEGREES")]


@command(Panel, "list", on=points)
def points_list(desk: Desk, group: str = "", location: str = "") -> int:
    """Every payment point; or those that serve a group or a location."""
    found = desk.open().points(group=group, location=location)
    rows = [
        (p.code, p.name, p.manager, ", ".join((*p.groups, *p.locations)), p.day_lines or "", _limit(p),
         "suspended" if p.suspended else "")
        for p in found
    ]  # fmt: skip
    if rows:
        columns = ("point", "name", "manager", "serves", ">lines a day", ">cash a day", "")
        desk.out.table(columns, rows)
    else:
        desk.out.say("no payment point yet; `gateway points set` adds one")
    desk.out.stream(attrs.asdict(one) for one in found)
    return 0


def _limit(point: Any) -> str:
    return f"{_text(point.day_amount, point.currency)} {point.currency}" if point.day_amount else ""


@command(Panel, "set", on=points)
def points_set(
    desk: Desk, code: Annotated[str, typer.Argument(metavar="POINT")], by: o.By, name: str = "", manager: str = "",
    group: Many = None, location: Many = None, officer: Many = None, latitude: Degrees = 0.0,
    longitude: Degrees = 0.0, radius: Annotated[int, typer.Option(metavar="METRES")] = 0,
    day_lines: Annotated[int, typer.Option(help="So many people it pays on one day; 0: no limit.")] = 0,
    day_amount: Annotated[str, typer.Option(metavar="AMOUNT", help="So much it pays on one day.")] = "",
    currency: str = "", suspended: bool = False,
) -> int:  # fmt: skip
    """Say what a payment point is from now on, in place of what was said of it before."""
    from ..cash.stations import DEGREE, Point

    point = Point(
        code=code, name=name, manager=manager, groups=tuple(group or ()), locations=tuple(location or ()),
        officers=tuple(officer or ()), latitude=round(latitude * DEGREE), longitude=round(longitude * DEGREE),
        radius=radius, day_lines=day_lines, day_amount=_minor("day_amount", day_amount, currency),
        currency=currency, suspended=suspended,
    )  # fmt: skip
    desk.open().set_point(point, by=by)
    desk.out.say(f"payment point {code} is as {by} says")
    desk.out.result(attrs.asdict(point))
    return 0


@command(Panel, "managers", on=points)
def points_managers(desk: Desk) -> int:
    """Who runs payment points."""
    found = desk.open().managers()
    if found:
        desk.out.table(("manager", "name", "kind", "contact"), [(m.code, m.name, m.kind, m.contact) for m in found])
    else:
        desk.out.say("no manager yet; `gateway points set-manager` adds one")
    desk.out.stream(attrs.asdict(one) for one in found)
    return 0


@command(Panel, "set-manager", on=points)
def points_set_manager(
    desk: Desk, code: Annotated[str, typer.Argument(metavar="MANAGER")], by: o.By,
    name: Annotated[str, typer.Option("--name", help="Who it is.")],
    kind: Annotated[str, typer.Option(help="person, organisation or provider.")] = "person", contact: str = "",
) -> int:  # fmt: skip
    """Say who runs payment points: a person, an organisation, or a provider."""
    from ..cash.stations import Manager

    manager = Manager(code=code, name=name, kind=kind, contact=contact)
    desk.open().set_manager(manager, by=by)
    desk.out.say(f"manager {code} is as {by} says")
    desk.out.result(attrs.asdict(manager))
    return 0


@command(Panel, "devices", on=points)
def points_devices(desk: Desk) -> int:
    """The phones that are known."""
    found = desk.open().devices()
    if found:
        desk.out.table(("device", "officer", "key"), [(d.code, d.officer, d.key or "unsigned") for d in found])
    else:
        desk.out.say("no device is known; `gateway points set-device` adds one")
    desk.out.stream(attrs.asdict(one) for one in found)
    return 0


@command(Panel, "set-device", on=points)
def points_set_device(
    desk: Desk, code: Annotated[str, typer.Argument(metavar="DEVICE")], by: o.By, officer: str = "",
    key: Annotated[str, typer.Option(metavar="BASE64", help="The Ed25519 key that signs what it sends.")] = "",
) -> int:  # fmt: skip
    """Say whose a phone is, and which key signs what it sends."""
    from ..cash.stations import Device

    device = Device(code=code, officer=officer, key=key)
    desk.open().set_device(device, by=by)
    desk.out.say(f"device {code} is as {by} says")
    desk.out.result(attrs.asdict(device))
    return 0


def _minor(field: str, text: str, currency: str) -> int:
    """An amount in smallest units; '' and 0 are none."""
    from ..model.money import AmountError, parse_amount

    if not text.strip("0. "):
        return 0
    try:
        return parse_amount(text, currency).minor
    except AmountError as error:
        raise InvalidPayroll([Mistake(0, field, str(error), error.mend)]) from None


def _text(minor: int, currency: str) -> str:
    """An amount for people."""
    from ..model.money import amount_text

    return amount_text(minor, currency)


# -- lists -------------------------------------------------------------------------------------------------------------


@command(Panel, "show", on=lists)
def lists_show(desk: Desk, payroll: o.AnyPayroll = None) -> int:
    """The issued pay lists, with their cash: handed out = paid + returned."""
    found = desk.open().lists(payroll)
    if found:
        columns = ("list", "point", "state", ">total", ">handed out", ">paid", ">returned", ">unproven", ">to check")
        desk.out.table(columns, [_account(one) for one in found])
    else:
        desk.out.say("no pay list is issued")
    desk.out.stream(attrs.asdict(one) | {"missing": one.missing} for one in found)
    return 0


def _account(a: Account) -> tuple[object, ...]:
    money = (_text(minor, a.currency) for minor in (a.total, a.handed_out, a.paid, a.returned, a.left))
    return (a.name, a.point, a.state, *money, a.undecided)


@command(Panel, "export", on=lists)
def lists_export(desk: Desk, name: ListName, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> int:
    """Write an issued list: to print (.pdf), as a sheet (.xlsx, .csv), or for a phone (.zip)."""
    desk.open().export_list(name, file)
    desk.out.say(f"wrote {file}")
    desk.out.result({"list": name, "file": str(file)})
    return 0


@command(Panel, "preview", on=lists)
def lists_preview(
    desk: Desk, payroll: o.Payroll, folder: Annotated[Path, typer.Argument(metavar="FOLDER")],
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="The channel for cash.")] = "",
    kind: Annotated[str, typer.Option("--as", metavar="SUFFIX", help="How: pdf, xlsx, csv, zip.")] = "pdf",
) -> int:  # fmt: skip
    """Write what would be issued now, marked as drafts: nobody pays by these."""
    count = desk.open().preview_lists(payroll, folder, channel=channel, kind=kind)
    desk.out.say(f"wrote {counted(count, 'draft')} into {folder}")
    desk.out.result({"payroll": payroll, "folder": str(folder), "drafts": count})
    return 0


@command(Panel, "count", on=lists)
def lists_count(
    desk: Desk, name: ListName, by: o.By,
    handed_out: Annotated[str, typer.Option(metavar="AMOUNT", help="The cash that the point was given for it.")],
    returned: Annotated[str, typer.Option(metavar="AMOUNT", help="The cash that came back.")],
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE=N", help="A phone that had the list, and the number of its last record."),
    ] = None,
    paper: Annotated[bool, typer.Option("--paper", help="The list on paper is back.")] = False,
    lost: Annotated[bool, typer.Option("--lost", help="The list is lost; say what is known.")] = False,
    reason: str = "",
) -> int:  # fmt: skip
    """The first person: nothing more can be paid by this list, and its cash is counted."""
    paymaster = desk.open()
    currency = paymaster.pay_list(name).currency
    if paper + lost + bool(device) != 1:
        raise typer.BadParameter("say one of --device, --paper and --lost: why nothing more can be paid by it")
    how = "lost" if lost else "paper" if paper else "devices"
    found = paymaster.count_list(
        name, by=by, how=how, handed_out=_minor("handed_out", handed_out, currency),
        returned=_minor("returned", returned, currency), devices=_devices(device or []), reason=reason,
    )  # fmt: skip
    return _told(desk, found, f"counted by {by}; next: gateway lists seal {name} --by <another person>")


def _devices(said: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in said:
        device, _, number = one.rpartition("=")
        if not device or not number.isdecimal():
            raise typer.BadParameter(f"{one!r}: write the device and its last record's number, as phone-1=57")
        found[device] = int(number)
    return found


@command(Panel, "seal", on=lists)
def lists_seal(desk: Desk, name: ListName, by: o.By) -> int:
    """The second person agrees: what nobody proved was not collected, and is refused."""
    return _told(desk, desk.open().seal_list(name, by=by), f"sealed by {by}")


def _told(desk: Desk, found: Account, said: str) -> int:
    if found.missing:
        side = "missing" if found.missing > 0 else "too much"
        said += f"; {_text(abs(found.missing), found.currency)} {found.currency} {side} so far"
    desk.out.say(f"list {found.name}: {said}")
    desk.out.result(attrs.asdict(found) | {"missing": found.missing})
    return 0


# -- proofs ------------------------------------------------------------------------------------------------------------


@command(Panel, "import", on=proofs)
def proofs_import(
    desk: Desk, source: Annotated[Path, typer.Argument(metavar="DIR|ZIP", help="What phones sent.")], by: o.By,
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="The channel for cash.")] = "",
) -> int:  # fmt: skip
    """Take records and photographs of phones: any order, again and again; the same changes nothing."""
    done = desk.open().submit_proofs(source, by=by, channel=channel)
    desk.out.say(f"{counted(done.records, 'record')}, {counted(done.photos, 'photograph')}, {done.new:,} new")
    desk.out.say(*(f"refused: {mistake.field}: {mistake.reason}" for mistake in done.refused))
    if done.strays:
        desk.out.say(f"{counted(done.strays, 'record')} about none of ours: `gateway answers` shows them")
    desk.out.result(attrs.asdict(done))
    return HELD if done.refused or done.strays else 0


@command(Panel, "show", on=proofs)
def proofs_show(desk: Desk, name: ListName, undecided: Annotated[bool, typer.Option("--undecided")] = False) -> int:
    """The records of a list, with the flags that a checker must look at."""
    paymaster = desk.open()

    def each() -> Iterator[ProofView]:
        after = ""
        while page := paymaster.proofs(name, after=after, undecided=undecided):
            yield from page
            after = page[-1].id

    if desk.as_json:
        desk.out.stream(attrs.asdict(one) for one in each())
        return 0
    rows = [
        (one.id[:12], one.invoice, one.kind, _text(one.amount, one.currency), one.officer,
         f"{one.device} {one.number}", when(one.at), one.decision or "to check", "; ".join(one.flags))
        for one in each()
    ]  # fmt: skip
    columns = ("proof", "invoice", "kind", ">amount", "officer", "record", "paid out", "decision", "flags")
    desk.out.table(columns, rows)
    return 0


@command(Panel, "accept", on=proofs)
def proofs_accept(desk: Desk, name: ListName, by: o.By, only: Only = None, reason: str = "") -> int:
    """The checker accepts a list's proofs: all without a flag, or those named, with a reason where they are flagged."""
    done = desk.open().accept_proofs(name, by=by, reason=reason, only=only or ())
    desk.out.say(f"{counted(done.decided, 'proof')} accepted by {by}")
    if done.flagged:
        desk.out.say(f"{done.flagged:,} flagged: look at each (`gateway proofs show {name} --undecided`), then --only")
    if done.left:
        desk.out.say(f"{done.left:,} decide nothing: settled otherwise, or another proof stands; see `gateway cases`")
    desk.out.result(attrs.asdict(done))
    return WAITS if done.flagged or done.left else 0


@command(Panel, "reject", on=proofs)
def proofs_reject(desk: Desk, name: ListName, by: o.By, reason: o.Reason, only: Only = None) -> int:
    """The checker says that these are no proofs: their lines are as if nothing had come."""
    done = desk.open().reject_proofs(name, by=by, reason=reason, only=only or ())
    desk.out.say(f"{counted(done.decided, 'proof')} rejected by {by}")
    desk.out.result(attrs.asdict(done))
    return 0
