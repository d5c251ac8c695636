"""Real processes, really killed: a warm process forks one child per life, and the child kills itself at a failpoint.

    with Lives() as lives:
        lives.live(config, payroll, kill_at=("after-commit", 3))    # -9: killed at the third visit of that point
        lives.live(config, payroll)                                 # 0: to the end

A life opens the store, runs the payroll and waits for whatever is due. Points are named by `Runtime.point` in the
engine; a killed process leaves everything as a power cut of the process would: no handler, no flush, no lock released.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any

# One process pays, so these cover what stands between a decision, its commit, its bytes and their answer.
POINTS = (
    "claimed", "before-commit", "after-commit", "after-mark", "before-ask", "after-ask", "before-find_out",
    "after-find_out", "written-intent", "written-copy", "written-word", "written-outcome",
)  # fmt: skip
KILLED = -signal.SIGKILL
UNFINISHED = 4


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


class Lives:
    """A warm process without threads that forks one child per life; several lives may go on at once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway_core.testing.kill"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._waiting: list[Future[int]] = []
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="lives")
        self._reader.start()

    def __enter__(self) -> Lives:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def live(
        self, config: Mapping[str, Any], payroll: str, kill_at: tuple[str, int] | None = None, wait: float = 30.0
    ) -> int:
        """One life. KILLED, 0 when nothing is left to do, UNFINISHED, or 1 with a traceback on stderr."""
        order = {"config": dict(config), "payroll": payroll, "kill_at": kill_at, "wait": wait}
        ended: Future[int] = Future()
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps([len(self._waiting), order]) + "\n")
            self._process.stdin.flush()
            self._waiting.append(ended)
        return ended.result(wait + 60)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, code = map(int, line.split())
            with self._lock:
                ended = self._waiting[number]
            ended.set_result(code)


def _main() -> None:
    """For every line on stdin a child, and a guardian that tells its exit code on stdout."""
    # Imported once, before any fork.
    from ..paymaster import Paymaster  # noqa: F401

    for line in sys.stdin:
        number, order = json.loads(line)
        if os.fork() == 0:
            if (child := os.fork()) == 0:
                os._exit(_life(order))
            _, status = os.waitpid(child, 0)
            os.write(1, f"{number} {os.waitstatus_to_exitcode(status)}\n".encode())
            os._exit(0)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _life(order: Mapping[str, Any]) -> int:
    from ..engine.runtime import AsyncioRuntime
    from ..paymaster import Paymaster

    if order["kill_at"]:
        AsyncioRuntime.on_point = staticmethod(_killer(*order["kill_at"]))
    try:
        with Paymaster.open(order["config"]) as paymaster:
            report = paymaster.run(order["payroll"], wait=order["wait"])
        return 0 if report.finished or not report.waiting else UNFINISHED
    except BaseException:
        traceback.print_exc()
        return 1


def _killer(name: str, visit: int) -> Any:
    visits: Counter[str] = Counter()

    def at(point: str) -> None:
        visits[point] += 1
        if point == name and visits[point] == visit:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


if __name__ == "__main__":
    _main()
