"""Servers to rehearse with: the dummy gateway's, and the simulator that a plugin brings."""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from ..model.errors import NotFoundError
from . import options as o
from .app import app, command
from .desk import Desk
from .output import Output, counted

Panel = o.SETTING_UP

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")]
Chaos = Annotated[int | None, typer.Option("--chaos", metavar="SEED", help="Every fault at random, by this seed.")]
NoDedupe = Annotated[bool, typer.Option("--no-dedupe", help="A repeated key moves money again.")]

dummy = typer.Typer(invoke_without_command=True)
app.add_typer(dummy, name="dummy-server", rich_help_panel=Panel)


def _dummy() -> Any:
    """The plugin's own command line. It is a plugin like any other, so it may be missing."""
    try:
        return import_module("gateway_dummy_server.cli")
    except ModuleNotFoundError as error:
        raise NotFoundError(f"the dummy gateway is not installed ({error.name} is missing)") from None


@dummy.callback()
def dummy_server(
    context: typer.Context,
    port: Port = 8765,
    ledger: Annotated[str, typer.Option("--ledger", metavar="FILE", help="Its own SQLite file.")] = "dummy.db",
    chaos: Chaos = None,
    chaos_rate: Annotated[float, typer.Option("--chaos-rate", min=0, max=1, help="The share of faulty copies.")] = 0.3,
    no_dedupe: NoDedupe = False,
) -> None:
    """A payment provider that pays nobody and misbehaves on demand: run it, or report its `ledger`."""
    if context.invoked_subcommand is None:
        _dummy().serve(port, ledger, chaos, no_dedupe, chaos_rate)


@dummy.command("ledger")
def ledger_of(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The server's ledger.")], as_json: o.AsJson = False
) -> int:
    """What the server really did with the money: how often it moved, and for whom."""
    report = _dummy().ledger_report(str(file))
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
        return 0
    out = Output()
    rows = [(p["reference"], p["account"], f"{p['amount']} {p['currency']}", p["moved"], p["reversed"])
            for p in report["payments"]]  # fmt: skip
    out.table(("payment", "account", ">amount", ">moved", ">reversed"), rows)
    twice = sum(times > 1 for times in report["totals"].values())
    out.say(f"{counted(len(rows), 'payment')}; {twice} moved more than once")
    return 0


@command(Panel)
def simulator(
    desk: Desk, name: Annotated[str, typer.Argument(metavar="NAME", help="A gateway, from `gateway plugins`.")],
    port: Port = 8765, ledger: Annotated[str, typer.Option("--ledger", metavar="FILE")] = ":memory:",
    folder: Annotated[str, typer.Option("--folder", metavar="DIR", help="Of a rail of files: the bank's.")] = "bank",
    profile: Annotated[str | None, typer.Option("--profile", help="Of a gateway to several rails: which.")] = None,
    chaos: Chaos = None, no_dedupe: NoDedupe = False,
) -> int:  # fmt: skip
    """Run the simulator that a plugin brings, on this machine."""
    from ..channels.plugins import load_gateway
    from ..channels.problems import Wrong

    try:
        gateway = load_gateway(name)
    except Wrong as wrong:
        raise NotFoundError(f"{wrong.reason}; {wrong.mend}") from None
    brings = getattr(gateway, "simulator", None)
    if brings is None:
        raise NotFoundError(f"the gateway {name!r} brings no simulator")
    make = brings()
    given = {"ledger": ledger, "folder": folder, "chaos": chaos, "dedupe": not no_dedupe}
    given |= {"profile": profile} if profile is not None else {}
    known = inspect.signature(make).parameters
    if "profile" not in given and "profile" in known and known["profile"].default is inspect.Parameter.empty:
        raise typer.BadParameter(f"{name} speaks to several rails: say which, as a channel's setting `profile` does")
    try:
        made = make(**{key: value for key, value in given.items() if key in known})
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    # A rail of files brings its own way to serve; every other one an ASGI application.
    serve = getattr(made, "serve", None)
    serve(port, desk.out.say) if serve else _serve(made, port, desk.out)
    return 0


def _serve(application: Any, port: int, out: Output) -> None:
    import uvicorn

    from ..engine.listener import listen

    with listen(port) as listening:
        out.say(f"listening on http://127.0.0.1:{listening.getsockname()[1]}")
        config = uvicorn.Config(application, http="httptools", log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])
