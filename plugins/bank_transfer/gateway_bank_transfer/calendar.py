"""The day on which a bank carries a file out: its cut-off, its weekend, its holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Nobody has more holidays in a row.
LONGEST = 40


@attrs.frozen
class Calendar:
    """A bank's working days. `cutoff`: files after this local time count for the next day. `lead`: so many more."""

    zone: str = "UTC"
    cutoff: time = time(23, 59)
    weekend: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()
    lead: int = 0

    def works(self, day: date) -> bool:
        """Whether the bank carries files out on this day."""
        return day.weekday() not in self.weekend and day not in self.holidays

    def execution(self, planned: datetime) -> date:
        """The first day on which a file that is planned now is carried out, never a day on which the bank rests."""
        local = planned.astimezone(ZoneInfo(self.zone))
        day = local.date() if local.time() <= self.cutoff else local.date() + timedelta(days=1)
        day = self._next(day)
        for _ in range(self.lead):
            day = self._next(day + timedelta(days=1))
        return day

    def _next(self, day: date) -> date:
        for _ in range(LONGEST):
            if self.works(day):
                return day
            day += timedelta(days=1)
        raise ValueError(f"the bank rests for {LONGEST} days from {day - timedelta(days=LONGEST)}")


def utc(moment: datetime) -> str:
    """A moment as files have it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
