"""The demo's other processes: the provider, and a sender that can be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

GATEWAY = (sys.executable, "-m", "gateway_core.cli")


class Process:
    """`with` starts it; whatever happens, it is gone at the end."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Any:
        self._process = subprocess.Popen(
            [*GATEWAY, *self._arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive():
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing in it can tidy up."""
        self._process.kill()
        self._process.wait()


class Sender(Process):
    """`gateway run`."""

    def __init__(self, config: Path, *arguments: str) -> None:
        super().__init__("--config", str(config), "run", *arguments)

    def finish(self, at_most: float) -> tuple[int, str]:
        """Wait for its end. Returns the exit code and what it said."""
        said, _ = self._process.communicate(timeout=at_most)
        return self._process.returncode, said


class Provider(Process):
    """`gateway dummy-server` on a free port, with a ledger of its own."""

    def __init__(self, ledger: Path, seed: int, rate: float) -> None:
        self._ledger = ledger
        options = ("--port", "0", "--ledger", str(ledger), "--chaos", str(seed), "--chaos-rate", str(rate))
        super().__init__("dummy-server", *options)

    def __enter__(self) -> Provider:
        super().__enter__()
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if not first.startswith("listening on "):
            self.__exit__(None, None, None)
            raise OSError(f"the provider did not start: {first.strip()}")
        self.url = first.removeprefix("listening on ").strip()
        return self

    def report(self) -> dict[str, Any]:
        """`gateway dummy-server ledger`."""
        found: dict[str, Any] = import_module("gateway_dummy_server.cli").ledger_report(str(self._ledger))
        return found

    def desk(self, payment: str) -> tuple[str, str, str]:
        """What the provider's desk says on the telephone: (release to, reason, reference).

        A payment that it never decided is withdrawn there first, so that it cannot land later.
        """
        entry = self._entry(payment)
        if entry is not None and entry["moved"] == entry["reversed"]:
            self._withdraw(entry["key"])
            entry = self._entry(payment)
        if entry is None:
            return "ready", "the provider never took this payment", ""
        if entry["moved"] > entry["reversed"]:
            return "paid", "the provider confirms that the money moved", entry["key"]
        return "refused", "the provider never decided and has now withdrawn it", entry["key"]

    def _entry(self, payment: str) -> dict[str, Any] | None:
        return next((entry for entry in self.report()["payments"] if entry["reference"] == payment), None)

    def _withdraw(self, key: str) -> None:
        request = urllib.request.Request(f"{self.url}/payments/{key}/reversal", method="POST")  # noqa: S310 - loopback
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
                json.load(answer)
        except urllib.error.HTTPError as error:
            # 409: there is nothing to withdraw.
            if error.code != 409:
                raise
