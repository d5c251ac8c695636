"""How fast a channel goes: rate, quiet hours, holidays, a breaker that does not burn a payroll, a stop by the rail."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from ..contract.channel import Pace
from ..model.moments import SECOND, opens

# So many exchanges in a row without any answer, and the channel rests; it doubles up to a minute.
FAILURES = 12
LONGEST_REST = 60 * SECOND


class Throttle:
    """One channel's pace, in memory: after a restart it begins anew, which is harmless."""

    def __init__(self, pace: Pace, zone: ZoneInfo | None, holidays: frozenset[date] = frozenset()) -> None:
        self._pace, self._zone, self._holidays = pace, zone, holidays
        self._gap = int(SECOND / pace.rate) if pace.rate else 0
        self._next = 0
        self._failures = 0
        self._rest = SECOND
        self._closed_until = 0
        self.stopped = ""

    def admit(self, now: int) -> int:
        """When the next payment may begin: `now` or earlier means at once. Reserves its place in the rate."""
        at = max(now, self._next)
        if at - now > self._gap * (self._pace.max_concurrency + 1):
            # Not even with all lanes in the queue: the clock was put back.
            at = now
        if self._gap:
            self._next = at + self._gap
        return at

    def opens(self, now: int) -> int:
        """From when the channel may be used at all: its breaker, quiet hours, holidays."""
        if self._closed_until > now + LONGEST_REST:
            self._closed_until = 0
        return max(self._closed_until, self._quiet_until(now))

    def heard(self, now: int, answered: bool) -> None:
        """Note whether an exchange was answered."""
        if answered:
            self._failures, self._rest = 0, SECOND
            return
        self._failures += 1
        if self._failures >= FAILURES and now >= self._closed_until:
            self._closed_until = now + self._rest
            self._rest = min(self._rest * 2, LONGEST_REST)

    def _quiet_until(self, now: int) -> int:
        hours, zone = self._pace.quiet_hours, self._zone
        if zone is None or not (hours or self._holidays):
            return 0
        until = opens(now, zone, hours, self._holidays)
        return until if until > now else 0
