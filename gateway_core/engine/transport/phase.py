"""How far an exchange had come when it failed: the one thing that decides whether a request is provably unsent."""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """In order. Only the first proves anything: what was written may have been read, whatever came of it."""

    NOTHING_WRITTEN = "nothing was written"
    WRITTEN = "the request was written, nothing came back"
    ANSWERED = "an answer had begun"


def mark(error: BaseException, phase: Phase) -> None:
    """Attach the phase to an error on its way out, whatever its class."""
    vars(error)["phase"] = phase


def phase_of(error: BaseException) -> Phase | None:
    """The phase attached to an error, or to what it was raised from (a deadline is raised from a cancellation).

    None: a transport that keeps no such evidence, or an error that did not come from a transport.
    """
    here: BaseException | None = error
    while here is not None:
        found = vars(here).get("phase")
        if isinstance(found, Phase):
            return found
        here = here.__cause__
    return None
