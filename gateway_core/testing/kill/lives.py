"""Real processes, really killed or stopped: a warm process forks one child per life.

    with Lives() as lives:
        lives.live(config, payroll, kill_at=("after-commit", 3))    # KILLED at the third visit of that point
        lives.live(config, payroll, kill_after=0.4)                 # KILLED after 0.4 s, wherever it is then
        lives.live(config, payroll)                                 # 0: to the end

A life opens the store, runs the payroll and waits for whatever is due. Points are named by `Runtime.point` in the
engine. A killed process leaves everything as it was: no handler, no flush, nothing given back. A stopped one
(`begin(stop_at=...)`) keeps all it has, its locks too, until it is told to go on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

import attrs

KILLED = -signal.SIGKILL
UNFINISHED = 4
# Seconds over what it may wait: on a machine with much else to do a life takes long, and only one that hangs this long.
HANGS = 300.0
At = tuple[str, int]


@attrs.define
class Life:
    """One process under way."""

    wait: float
    pid: int = 0
    _stopped: Future[int] = attrs.field(factory=Future)
    _ended: Future[int] = attrs.field(factory=Future)

    def stopped(self, seconds: float = 30.0) -> int:
        """Wait until it stands still at its point. Returns its process number."""
        return self._stopped.result(seconds)

    def go_on(self) -> None:
        """Let a stopped one go on, as if nothing had been."""
        os.kill(self.stopped(), signal.SIGCONT)

    def end(self) -> int:
        """Its exit code: KILLED, 0 when nothing is left to do, UNFINISHED, or 1 with a traceback on stderr."""
        return self._ended.result(self.wait + HANGS)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._ended.done()

    def hear(self, what: str, value: int) -> None:
        """Its guardian tells of it."""
        if what == "began":
            self.pid = value
        elif what == "ended":
            self._ended.set_result(value)
        elif not self._stopped.done():
            self._stopped.set_result(value)


class Lives:
    """A warm process without threads that forks one child per life; several lives may go on at once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from gateway_core.testing.kill import lives; lives.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lives: list[Life] = []
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
        for life in self._lives:
            if life.pid and not life.ended:
                with suppress(ProcessLookupError):
                    os.kill(life.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def live(
        self, config: Mapping[str, Any], payroll: str, kill_at: At | None = None, wait: float = 30.0, **order: Any
    ) -> int:
        """One life to its end, however that comes: see `begin` and `Life.end`."""
        return self.begin(config, payroll, kill_at=kill_at, wait=wait, **order).end()

    def begin(
        self, config: Mapping[str, Any], payroll: str, *, kill_at: At | None = None, kill_after: float | None = None,
        stop_at: At | None = None, lease: float | None = None, work: str = "run", wait: float = 30.0,
    ) -> Life:  # fmt: skip
        """Begin a life. `work`: run or reconcile. `lease`: of its sender, in seconds, if not the usual one."""
        order = {
            "config": dict(config), "payroll": payroll, "kill_at": kill_at, "kill_after": kill_after,
            "stop_at": stop_at, "lease": lease, "work": work, "wait": wait,
        }  # fmt: skip
        with self._lock:
            self._lives.append(life := Life(wait))
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps([len(self._lives) - 1, order]) + "\n")
            self._process.stdin.flush()
        return life

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, what, value = line.split()
            self._lives[int(number)].hear(what, int(value))


def serve() -> None:
    """For every line on stdin a child, and a guardian that tells on stdout what becomes of it."""
    # Imported once, before any fork.
    from ...paymaster import Paymaster  # noqa: F401

    for line in sys.stdin:
        number, order = json.loads(line)
        if os.fork() == 0:
            try:
                _guard(number, order)
            finally:
                os._exit(0)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _guard(number: int, order: Mapping[str, Any]) -> None:
    if (child := os.fork()) == 0:
        os._exit(_life(order))

    def tell(what: str, value: int) -> None:
        os.write(1, f"{number} {what} {value}\n".encode())

    tell("began", child)
    killer = threading.Timer(order["kill_after"] or 0.0, os.kill, (child, signal.SIGKILL))
    if order["kill_after"] is not None:
        killer.start()
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        tell("stopped", child)
    killer.cancel()
    tell("ended", os.waitstatus_to_exitcode(status))


def _life(order: Mapping[str, Any]) -> int:
    from ... import paymaster as house
    from ...engine.runtime import AsyncioRuntime

    signals = [(order["kill_at"], signal.SIGKILL), (order["stop_at"], signal.SIGSTOP)]
    if any(at for at, _ in signals):
        AsyncioRuntime.on_point = staticmethod(_signaller({tuple(at): sent for at, sent in signals if at}))
    if order["lease"] is not None:
        known: Any = house
        known.Driver = partial(known.Driver, lease=int(order["lease"] * 1_000_000))
    try:
        with house.Paymaster.open(order["config"]) as paymaster:
            if order["work"] == "reconcile":
                paymaster.reconcile(order["payroll"], by="amina")
                return 0
            report = paymaster.run(order["payroll"], wait=order["wait"])
        return 0 if report.finished or not report.waiting else UNFINISHED
    except BaseException:
        traceback.print_exc()
        return 1


def _signaller(signals: Mapping[At, signal.Signals]) -> Callable[[str], None]:
    visits: Counter[str] = Counter()

    def at(point: str) -> None:
        visits[point] += 1
        if (sent := signals.get((point, visits[point]))) is not None:
            # To this very thread: sent to the process, another may take it while this one runs on past the point.
            signal.pthread_kill(threading.get_ident(), sent)

    return at
