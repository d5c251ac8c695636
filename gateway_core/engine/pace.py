"""How fast a channel goes: rate, quiet hours, a breaker that does not burn a payroll, a stop by the rail."""

from __future__ import annotations

from datetime import time, tzinfo

from ..contract.channel import Pace
from .conversation import as_time

SECOND = 1_000_000
# So many exchanges in a row without any answer, and the channel rests; it doubles up to a minute.
FAILURES = 12


class Throttle:
    """One channel's pace, in memory: after a restart it begins anew, which is harmless."""

    def __init__(self, pace: Pace, zone: tzinfo | None) -> None:
        self._pace, self._zone = pace, zone
        self._gap = int(SECOND / pace.rate) if pace.rate else 0
        self._next = 0
        self._failures = 0
        self._rest = SECOND
        self._closed_until = 0
        self.stopped = ""

    def admit(self, now: int) -> int:
        """When the next payment may begin: `now` or earlier means at once. Reserves its place in the rate."""
        at = max(now, self._next)
        if self._gap:
            self._next = at + self._gap
        return at

    def opens(self, now: int) -> int:
        """From when the channel may be used at all: its breaker, and quiet hours."""
        return max(self._closed_until, self._quiet_until(now))

    def heard(self, now: int, answered: bool) -> None:
        """Note whether an exchange was answered."""
        if answered:
            self._failures, self._rest = 0, SECOND
            return
        self._failures += 1
        if self._failures >= FAILURES and now >= self._closed_until:
            self._closed_until = now + self._rest
            self._rest = min(self._rest * 2, 60 * SECOND)

    def _quiet_until(self, now: int) -> int:
        if not self._pace.quiet_hours or self._zone is None:
            return 0
        begin, end = (time.fromisoformat(text) for text in self._pace.quiet_hours)
        here = as_time(now).astimezone(self._zone)
        clock = here.time().replace(tzinfo=None)
        quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
        if not quiet:
            return 0
        minutes = (end.hour * 60 + end.minute - clock.hour * 60 - clock.minute) % (24 * 60) or 24 * 60
        return now + minutes * 60 * SECOND - here.second * SECOND
