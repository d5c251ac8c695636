"""What a sender is told to do."""

from __future__ import annotations

import attrs


@attrs.frozen
class Job:
    """A payroll and channel to work on. `sent_only`: it is paused; only what was sent is still asked about."""

    payroll: str
    channel: str
    sent_only: bool = False
