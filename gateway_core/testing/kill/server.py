"""A provider in a process of its own, and what its ledger says afterwards."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

SECRET = "the-callback-secret"  # noqa: S105 - of a provider that pays nobody


class Server:
    """A provider in a process of its own: Python `code` whose first line of output is `listening on http://...`."""

    def __init__(self, code: str, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
        )
        assert self._process.stdout is not None
        found = re.search(r"listening on (http://\S+)", line := self._process.stdout.readline())
        if found is None:
            self.stop()
            raise RuntimeError(f"the server does not say where it listens: {line!r}")
        self.url = found[1]

    def stop(self) -> None:
        """End it in order, or else at once."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@attrs.frozen
class Moved:
    """What the provider did with one payment of ours: how often money went, and what of it is away now."""

    times: int
    net: int
    minor: int


class Dummy(Server):
    """The dummy server with its ledger file. The same port and ledger again: the server, restarted."""

    def __init__(
        self, ledger: Path, *, chaos: int | None = None, no_dedupe: bool = False, rate: float = 0.3, port: int = 0
    ) -> None:
        self.ledger, self.no_dedupe = ledger, no_dedupe
        arguments = f"{port}, {str(ledger)!r}, chaos={chaos}, no_dedupe={no_dedupe}, chaos_rate={rate}"
        super().__init__(
            f"from gateway_dummy_server.cli import serve; serve({arguments})", {"GATEWAY_DUMMY_SECRET": SECRET}
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def payments(self) -> dict[str, Moved]:
        """Per payment id of ours; `minor` is what is away of it now."""
        columns = "reference, SUM(moved), SUM(moved - reversed), SUM(amount * (moved - reversed))"
        return {name: Moved(*rest) for name, *rest in self._rows(columns, "reference")}

    def moved(self) -> dict[str, int]:
        """How often money left for each of our payment ids, less how often it came back."""
        return {name: times for name, times in self._rows("reference, SUM(moved - reversed)", "reference")}  # noqa: C416

    def moved_by_entitlement(self) -> dict[str, int]:
        """How often money left for each entitlement, under whatever keys."""
        return {name: times for name, times in self._rows("entitlement, SUM(moved)", "entitlement")}  # noqa: C416

    def copies(self) -> dict[str, int]:
        """How many copies of requests came for each of our payment ids."""
        return {name: times for name, times in self._rows("reference, SUM(copies)", "reference")}  # noqa: C416

    def _rows(self, columns: str, group: str) -> list[Any]:
        db = sqlite3.connect(self.ledger)
        try:
            return db.execute(f"SELECT {columns} FROM payments GROUP BY {group}").fetchall()  # noqa: S608
        finally:
            db.close()
