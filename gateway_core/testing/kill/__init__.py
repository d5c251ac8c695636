"""The kill rig: real processes over a real server, killed or stopped around intent, send and answer.

`python -m gateway_core.testing.kill --kills 200` does it and prints what the kills found; `Lives` is for tests.
"""

from __future__ import annotations

from .campaign import EXHAUSTIVE, POINTS, VISITS, Kill, Victim, let_live, plan
from .judge import Judgement, found_some, histogram, judge
from .lives import KILLED, UNFINISHED, Life, Lives
from .places import Place, place_of, unanswered
from .server import SECRET, Dummy, Server

__all__ = (
    "EXHAUSTIVE",
    "KILLED",
    "POINTS",
    "SECRET",
    "UNFINISHED",
    "VISITS",
    "Dummy",
    "Judgement",
    "Kill",
    "Life",
    "Lives",
    "Place",
    "Server",
    "Victim",
    "found_some",
    "histogram",
    "judge",
    "let_live",
    "place_of",
    "plan",
    "unanswered",
)
