"""What a command says and how it exits when it cannot do what it was asked: one table, no tracebacks for the expected.

| code | meaning |
|---|---|
| 0 | done; nothing is left |
| 1 | the rest: the store cannot be used, the step does not begin here, something broke |
| 2 | bad input or usage; every mistake is listed |
| 3 | something is held: people must say what becomes of it |
| 4 | something still waits (wins over 3) |
| 5 | not permitted |
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import typer

from ..model.errors import (
    ConfigurationError,
    GatewayCoreError,
    InvalidPayroll,
    NotFoundError,
    NotPermitted,
    ObjectionsStand,
)

DONE, REST, INPUT, HELD, WAITS, FORBIDDEN = 0, 1, 2, 3, 4, 5

# The framework that parses options keeps its own base class to itself: typer vendors it since 0.20 or so.
UsageError: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError")

# The first row that fits decides.
EXITS: tuple[tuple[type[BaseException], int], ...] = (
    (NotPermitted, FORBIDDEN),
    (InvalidPayroll, INPUT),
    (ConfigurationError, INPUT),
    (NotFoundError, INPUT),
    (ObjectionsStand, INPUT),
    (UsageError, INPUT),
    (FileNotFoundError, INPUT),
    (IsADirectoryError, INPUT),
    (PermissionError, INPUT),
    (FileExistsError, INPUT),
    (GatewayCoreError, REST),
    (OSError, REST),
    (KeyboardInterrupt, REST),
    (typer.Abort, REST),
)


def exit_code(error: BaseException) -> int:
    """The exit code for what was raised."""
    return next((code for kind, code in EXITS if isinstance(error, kind)), REST)


def tell(error: BaseException, as_json: bool) -> int:
    """Say what went wrong, to people on stderr or as {"error": {...}} on stdout. Returns the exit code."""
    code = exit_code(error)
    if as_json:
        sys.stdout.write(json.dumps({"error": described(error, code)}) + "\n")
    else:
        for line in lines(error):
            sys.stderr.write(line + "\n")
    if not any(isinstance(error, kind) for kind, _ in EXITS):
        traceback.print_exception(error)
    return code


def described(error: BaseException, code: int) -> dict[str, Any]:
    """An error for machines: type, message, exit; and each mistake or problem where there are several."""
    body: dict[str, Any] = {"type": type(error).__name__, "message": message(error), "exit": code}
    if isinstance(error, InvalidPayroll):
        body["mistakes"] = [
            {"line": m.line, "field": m.field, "reason": m.reason, "mend": m.mend, "code": m.code}
            for m in error.mistakes
        ]
        body["more"] = error.more
    if isinstance(error, ConfigurationError):
        body["problems"] = [{"key": p.key, "reason": p.reason, "mend": p.mend} for p in error.all]
    return body


def message(error: BaseException) -> str:
    """One sentence or more, without a traceback."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted; the same command again goes on"
    if isinstance(error, UsageError):
        return str(error.format_message())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def lines(error: BaseException) -> Iterator[str]:
    """An error for people."""
    if isinstance(error, InvalidPayroll):
        total = len(error.mistakes) + error.more
        yield f"{total} mistake{'s' if total != 1 else ''}; nothing was written:"
        yield from (f"  {mistake}" for mistake in error.mistakes)
        if error.more:
            yield f"  and {error.more} more"
        return
    context = getattr(error, "ctx", None)
    if isinstance(error, UsageError) and context is not None:
        yield str(context.get_usage())
    yield f"gateway: {message(error)}"
    if isinstance(error, UsageError) and context is not None:
        yield f"`{context.command_path} --help` explains."
