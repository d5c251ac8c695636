"""Traps: what a hook does besides its work is seen while it runs: clock, chance, and the world outside.

Calls of C functions are seen by the interpreter's profiler, sockets and processes by its audit events; so it does not
matter under which name a plugin imported them. Nothing is replaced: the hook runs as it always does.

Only the hook's own doing counts. What other threads do is not seen, for both traps are armed on the hook's thread
alone. The garbage collector, though, borrows whichever thread happens to allocate: it runs strangers' finalizers and
callbacks (a test library's, which times each collection, say) in the middle of a hook. So nothing is collected while
one runs.
"""

from __future__ import annotations

import _random
import datetime
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Literal

import attrs

Kind = Literal["clock", "chance", "world"]
_CLOCKS = {
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime",
    "clock_gettime_ns", "process_time", "process_time_ns",
}  # fmt: skip
_TODAY = {"now", "utcnow", "today"}
_WORLD = {
    "socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request",
    "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "shutil.rmtree", "os.remove", "os.rename",
}  # fmt: skip
# Whose own use of clock and chance decides nothing: a log's time stamp, a module that is imported for the first time;
# hypothesis, where it is loaded, times the garbage collector, which may come at any moment.
_EXCUSED = ("logging", "warnings", "importlib", "traceback", "linecache", "hypothesis")


@attrs.frozen
class Slip:
    """One thing that a hook must not do, and where it did it."""

    kind: Kind
    hook: str
    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.hook} calls {self.what} ({self.where})"


class _Armed(threading.local):
    hook: str = ""
    slips: list[Slip] | None = None


class _Uncollected:
    """While anybody is inside, nothing is collected by itself; hooks of several kits run at the same time."""

    def __init__(self) -> None:
        # A finalizer that runs in here may be one of ours.
        self._lock, self._inside, self._was = threading.RLock(), 0, False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._was = gc.isenabled()
            # Each time anew: somebody else may have switched it on meanwhile.
            gc.disable()
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._was:
                gc.enable()


_armed = _Armed()
_uncollected = _Uncollected()
_listening = threading.Lock()
# Python 3.11 refuses it to one thread while another one is about it.
_installing = threading.Lock()
_hears: list[bool] = []


@contextmanager
def watched(hook: str, slips: list[Slip]) -> Iterator[None]:
    """Note into `slips` what the code inside does on this thread that it must not do."""
    _listen()
    before, outer = sys.getprofile(), (_armed.hook, _armed.slips)
    with _uncollected:
        try:
            _armed.hook, _armed.slips = hook, slips
            _profile(_seen)
            yield
        finally:
            _armed.hook, _armed.slips = outer
            _profile(before)


def trapped(hook: str, original: Callable[..., Any], slips: list[Slip]) -> Callable[..., Any]:
    """The hook, watched whenever it is called."""

    def call(**given: Any) -> Any:
        with watched(hook, slips):
            return original(**given)

    return call


def _profile(function: Any) -> None:
    with _installing:
        sys.setprofile(function)


def _seen(frame: FrameType, event: str, arg: Any) -> None:
    if event == "c_call" and _armed.slips is not None and (found := _forbidden(arg)) and not _excused(frame):
        _note(*found, frame)


def _forbidden(function: Any) -> tuple[Kind, str] | None:
    name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    module = owner.__name__ if isinstance(owner, ModuleType) else ""
    if module == "time" and name in _CLOCKS:
        return "clock", f"time.{name}()"
    if name in _TODAY and isinstance(owner, type) and issubclass(owner, datetime.date):
        return "clock", f"{owner.__name__}.{name}()"
    if name == "urandom" or module == "_uuid":
        return "chance", f"{module}.{name}()"
    if isinstance(owner, _random.Random):
        return "chance", f"random.{name}()"
    return None


def _above(frame: FrameType | None) -> Iterator[tuple[str, FrameType]]:
    """The hook's own frames, with their modules' names: from the call up to the kit, which called the hook."""
    while frame is not None and not (name := frame.f_globals.get("__name__", "")).startswith(__package__):
        yield name, frame
        frame = frame.f_back


def _excused(frame: FrameType) -> bool:
    return any(name.split(".")[0] in _EXCUSED for name, _ in _above(frame))


def _note(kind: Kind, what: str, frame: FrameType) -> None:
    assert _armed.slips is not None, "only who is armed is seen"
    _armed.slips.append(Slip(kind, _armed.hook, what, _place(frame)))


def _place(frame: FrameType) -> str:
    """The plugin's own line: the first that is not the standard library's."""
    library = str(Path(threading.__file__).parent)
    for _, here in _above(frame):
        file = here.f_code.co_filename
        if "site-packages" in file or not file.startswith((library, "<")):
            frame = here
            break
    return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"


def _listen() -> None:
    """Hear audit events from now on; an interpreter cannot be asked to stop, so there is one listener for all time."""
    with _listening:
        if not _hears:
            _hears.append(True)
            sys.addaudithook(_event)


def _event(event: str, given: tuple[Any, ...]) -> None:
    if _armed.slips is None or not (event in _WORLD or _writes(event, given)):
        return
    frame = sys._getframe(1)
    if not _excused(frame):
        _note("world", f"{event}{tuple(given[:2])!r}"[:80], frame)


def _writes(event: str, given: tuple[Any, ...]) -> bool:
    return event == "open" and isinstance(given[1], str) and bool(set(given[1]) & set("wax+"))
