"""What the driver keeps for each channel: its queue, its window, and who waits for work."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs

from ..contract.channel import Channel
from .jobs import Job
from .work import Case, Worker


@attrs.define
class Pump:
    """One channel's queue and window."""

    channel: Channel
    jobs: list[Job]
    worker: Worker
    queue: deque[Case] = attrs.field(factory=deque)
    in_flight: int = 0
    waiting: deque[Any] = attrs.field(factory=deque)
    hungry: Any = None
    done: bool = False
    # Jobs that had nothing more to claim: they are looked at again at the next poll, or when something was heard.
    dry: set[Job] = attrs.field(factory=set)
