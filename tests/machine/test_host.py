"""The host that embeds the library lives on: nothing ends a process, and a callback that cannot be kept comes again."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.paymaster import Paymaster
from tests.meta.imports import CORE, ROOT, sources

from .faults import HOLDS_DATABASE, HOLDS_TURN, Fault, another_process, no_file_grows

if TYPE_CHECKING:
    from tests.conftest import Shop

# Processes of their own, which may end.
OWN = {CORE / "cli", CORE / "testing"}
ENDS = {"os._exit", "os.abort", "os.kill", "os.killpg", "sys.exit", "signal.raise_signal", "exit", "quit"}
TAKES = {"signal.signal", "signal.set_wakeup_fd", "atexit.register", "faulthandler.enable", "sys.setrecursionlimit"}
BODY = {"key": "k", "reference": "p", "status": "paid"}
FAULTS: dict[str, Fault] = {
    "locked by another": another_process(HOLDS_DATABASE),
    "a writer stands still": another_process(HOLDS_TURN),
    "files cannot grow": no_file_grows,
}


def offences(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            said = ast.unparse(node.func)
            wrong = said in ENDS | TAKES
        elif isinstance(node, ast.Raise) and node.exc is not None:
            said = ast.unparse(node.exc)
            wrong = "SystemExit" in said
        else:
            continue
        if wrong:
            yield f"{file.relative_to(ROOT)}:{node.lineno}: {said}"


def test_nothing_of_the_library_ends_its_host_or_takes_its_signals() -> None:
    library = [file for file in sources(CORE) if not OWN & set(file.parents)]
    assert [offence for file in library for offence in offences(file)] == []
    assert any(list(offences(file)) for folder in OWN for file in sources(folder)), "it finds nothing anywhere"


@pytest.mark.sqlite("about its files and locks")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_callback_that_cannot_be_kept_is_not_taken(fault: str, open_here: Callable[..., Shop]) -> None:
    """Law 8: what was answered with 2xx is on disk. The rail calls again, and then it is."""
    shop = open_here(False)
    body = json.dumps(BODY | {"filler": "x" * 8192}).encode()
    with FAULTS[fault](shop.folder):
        assert called(shop.paymaster, body) == 503
    shop.reopen()
    assert called(shop.paymaster, body) == 204
    assert shop.select("SELECT times FROM arrivals") == [(1,)]


def called(paymaster: Paymaster, body: bytes) -> int:
    """The rail calls back. Returns the status that it gets."""
    said: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message.get("status", 0))

    scope = {"type": "http", "path": "/callbacks/dummy", "method": "POST", "headers": []}
    asyncio.run(paymaster.callbacks()(scope, receive, send))
    return said[0]
