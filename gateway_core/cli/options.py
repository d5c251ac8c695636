"""Arguments and options that several commands share: one spelling and one explanation each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..model.people import normal

CYCLES, MAKING, SENDING, LOOKING, DECIDING, CLOSING, SETTING_UP = (
    "Programmes and cycles", "Before the money", "The money", "Looking", "What people decide", "After the money",
    "Setting up",
)  # fmt: skip


def _person(name: str | None) -> str | None:
    try:
        return name if name is None or normal(name) else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _people(names: list[str] | None) -> list[str] | None:
    for name in names or []:
        _person(name)
    return names


def _given(text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise typer.BadParameter("it is empty; say why, for those who read this later")
    return text


By = Annotated[str, typer.Option("--by", metavar="PERSON", callback=_person, help="Who does this.")]
Two = Annotated[list[str], typer.Option("--by", metavar="PERSON", callback=_people, help="Two people, --by A --by B.")]
ApproveBy = Annotated[
    str, typer.Option("--approve-by", metavar="PERSON", callback=_person, help="The second person, who approves.")
]
Reason = Annotated[str, typer.Option("--reason", callback=_given, help="Why; it is kept for ever.")]
Despite = Annotated[
    str, typer.Option("--despite", metavar="REASON", help="Go on in spite of the objections, for this reason.")
]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Kept with the approval.")]
Signature = Annotated[
    str, typer.Option("--signature", metavar="BASE64", help="Your Ed25519 signature, where approvers are configured.")
]
ShowMessage = Annotated[bool, typer.Option("--show-message", help="Print the bytes to sign, and do nothing else.")]

Payroll = Annotated[str, typer.Argument(metavar="PAYROLL", help="A payroll's name or id.")]
AnyPayroll = Annotated[str | None, typer.Argument(metavar="[PAYROLL]", help="A payroll's name or id; default: all.")]
Payment = Annotated[str, typer.Argument(metavar="PAYMENT", help="A payment's id.")]
PayrollFile = Annotated[Path, typer.Argument(metavar="FILE", help="A payroll as CSV or JSON Lines.")]

Channel = Annotated[str, typer.Option("--channel", metavar="NAME", help="The configured channel that pays.")]
Name = Annotated[str, typer.Option("--name", help="The payroll's name; default: the file's, without its suffix.")]
ControlTotal = Annotated[
    str | None, typer.Option("--control-total", metavar="AMOUNT", help="What all amounts must add up to.")
]
ControlCount = Annotated[
    int | None, typer.Option("--control-count", metavar="N", min=0, help="How many lines there must be.")
]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", metavar="CHAR", help="What separates the columns; default: found out.")
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="The file's encoding; default: UTF-8.")]
# A year at most: no clock counts further than it knows numbers.
Wait = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0, max=31_536_000, help="Wait so long for what is not due yet."),
]

# What every command has, and the application itself too: `gateway --config X status` is `gateway status --config X`.
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration; default: $GATEWAY_CONFIG, or gateway.toml."),
]
StoreUrl = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Another address of the store than the configuration's.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable JSON on stdout.")]
Verbose = Annotated[int, typer.Option("-v", "--verbose", count=True, help="Say more on stderr; -vv still more.")]
LogFile = Annotated[Path | None, typer.Option("--log-file", metavar="FILE", help="Append a log to this file.")]
