"""The application: what every command shares, and the one place where errors become words and exit codes."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from . import options as o
from .desk import CONFIG, Desk
from .errors import tell

app = typer.Typer(
    name="gateway",
    help="Pay a payroll over any rail: each person exactly what was approved, once, with proof.",
    epilog="Exit codes: 0 nothing is left, 4 something waits, 3 something is held, 2 bad input or usage, "
    "5 not permitted, 1 the rest.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Command = Callable[..., int | None]
SHARED: dict[str, tuple[Any, Any]] = {
    "config": (o.Config, None),
    "store": (o.StoreUrl, None),
    "as_json": (o.AsJson, False),
    "verbose": (o.Verbose, 0),
    "log_file": (o.LogFile, None),
}


def command(panel: str, name: str = "", on: typer.Typer = app) -> Callable[[Command], Command]:
    """Register a function as a command. It is given a Desk first, and returns an exit code or nothing for 0."""

    def register(function: Command) -> Command:
        on.command(name or function.__name__.replace("_", "-"), rich_help_panel=panel)(with_desk(function))
        return function

    return register


def with_desk(function: Command) -> Command:
    """The function as typer wants it: with the shared options behind its own, and without the Desk."""

    def call(context: typer.Context, **given: Any) -> int:
        shared = {name: given.pop(name) or (context.obj or {}).get(name) for name in SHARED}
        with Desk(
            config=shared["config"] or Path(os.environ.get("GATEWAY_CONFIG", CONFIG)), store_url=shared["store"],
            as_json=bool(shared["as_json"]), verbose=shared["verbose"] or 0, log_file=shared["log_file"],
        ) as desk:  # fmt: skip
            try:
                return function(desk, **given) or 0
            except KeyboardInterrupt as error:
                # Here and not outside: the framework would make its own exit code of it.
                return tell(error, desk.as_json)

    hints = get_type_hints(function, include_extras=True)
    own = list(inspect.signature(function).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("context", keyword, annotation=typer.Context),
        *(p.replace(kind=keyword, annotation=hints[p.name]) for p in own),
        *(inspect.Parameter(n, keyword, annotation=a, default=d) for n, (a, d) in SHARED.items()),
    ]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__doc__ = function.__doc__
    return call


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"gateway-core {version('gateway-core')}\n")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: o.Config = None,
    store: o.StoreUrl = None,
    as_json: o.AsJson = False,
    verbose: o.Verbose = 0,
    log_file: o.LogFile = None,
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version)] = False,
) -> None:
    """Pay a payroll over any rail: each person exactly what was approved, once, with proof."""
    context.obj = {"config": config, "store": store, "as_json": as_json, "verbose": verbose, "log_file": log_file}


def run_command(arguments: Sequence[str]) -> int:
    """Run one command as the shell would. Returns the exit code."""
    try:
        code = app(args=list(arguments) or ["--help"], prog_name="gateway", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except (Exception, KeyboardInterrupt) as error:
        return tell(error, "--json" in arguments)


def main() -> None:
    """The entry point `gateway`."""
    code = run_command(sys.argv[1:])
    guard = sys.modules.get("gateway_core.contract.guard")
    if guard is not None and guard.running():
        # The interpreter would wait at its end for a plugin that does not return.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
