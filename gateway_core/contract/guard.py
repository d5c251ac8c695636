"""Running a plugin's code: whatever it raises is an Exception of ours to handle, and what does not return can be seen.

Hooks are pure and take microseconds, so they run where they are needed, on the core's own threads. Python cannot end a
thread from outside; what can be done about a hook that does not return is this:

    it is seen           `running()` tells what runs on which thread; whoever waits for the core's threads looks
    it is interrupted    an exception is raised in its thread; code in Python ends by it, a call that blocks does not
    it is left alone     its channel is stopped, and the process says so and ends: all that was sent is in the journal
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from threading import get_ident
from typing import Any, TypeVar

T = TypeVar("T")
# So often an exit is looked at for an interruption that is on its way to it; a plugin may have swallowed it.
_LOOKS = 1_000_000


class GatewayFault(Exception):
    """A plugin's code raised what is no Exception (it asked the process to end, say), or had to be interrupted."""


class Hung(GatewayFault):
    """It did not return, and was interrupted: what it was given is not to blame."""


class Interrupted(BaseException):
    """Raised inside a hook that does not return. No `except Exception` of a plugin catches it."""


class Running:
    """A plugin's code that runs now. `looks`: how often somebody has seen it since; see `lifecycle.hanging`."""

    __slots__ = ("fired", "looks", "missed", "owner", "thread", "what")

    def __init__(self, owner: object, what: str, thread: int) -> None:
        self.owner, self.what, self.thread = owner, what, thread
        self.looks, self.fired, self.missed = 0, False, False


_running: dict[int, Running] = {}


def running() -> list[Running]:
    """What runs now, on any thread."""
    return list(_running.values())


def guarded(owner: object, what: str, call: Callable[..., T], /, *given: Any, **named: Any) -> T:
    """The result of a plugin's code, `what` (acme.parse_response, say). Raises what it raises, always an Exception.

    `owner`: the channel that called it; None while there is none.
    """
    thread = get_ident()
    outer = _running.get(thread)
    here = _running[thread] = Running(owner, what, thread)
    try:
        try:
            return call(*given, **named)
        finally:
            _leave(here, outer)
    except Interrupted:
        here.fired = False
        _leave(here, outer)
        raise Hung(f"{what} did not return, and was interrupted") from None
    except Exception:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            # A person's, not the plugin's.
            raise
        raise GatewayFault(f"{type(error).__name__}: {error}") from error


def stepped(owner: object, what: str, made: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """A plugin's generator, each of whose steps is guarded."""
    answer: Any = None
    try:
        while True:
            try:
                said = guarded(owner, what, made.send, answer)
            except StopIteration as stop:
                return stop.value
            answer = yield said
    except GeneratorExit:
        # Whoever lets go of a flow has no use for what it says to that.
        with suppress(Exception):
            guarded(owner, what, made.close)
        raise


def interrupt(here: Running) -> None:
    """Raise Interrupted in the thread of what runs there, if it still runs."""
    here.fired = True
    if _running.get(here.thread) is here:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(here.thread), ctypes.py_object(Interrupted))
    else:
        here.missed = True


def _leave(here: Running, outer: Running | None) -> None:
    if outer is None:
        _running.pop(here.thread, None)
    else:
        _running[here.thread] = outer
    # An interruption that is on its way arrives here, inside the guard, and not in the core.
    looks = 0
    while here.fired and not here.missed and looks < _LOOKS:
        looks += 1
