"""A time of the wall clock in a named zone, as a moment. Pure.

A time that the clock shows twice (summer time ends) means the first of the two. A time that it never shows (summer time
begins, a date is left out) means the moment at which it jumps over it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from .errors import WrongState

# In microseconds.
SECOND, HOUR = 1_000_000, 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?")
_SECOND = timedelta(seconds=1)
ONCE, TWICE, NEVER = "", "twice", "never"


def wall_time(text: str) -> datetime:
    """ "2026-12-01 08:00" as the wall clock shows it, without a zone. Raises WrongState."""
    try:
        if not _SHAPE.fullmatch(text.strip()):
            raise ValueError
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongState(
            f"{text!r} is no time of the wall clock; write YYYY-MM-DD HH:MM, and its zone by name beside it"
        ) from None


def zone_of(name: str) -> ZoneInfo:
    """A zone of the IANA database by its name. Raises WrongState."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise WrongState(f"{name!r} is no time zone of the IANA database; write one such as Africa/Kampala") from None


def moment(wall: datetime, zone: ZoneInfo) -> tuple[int, str]:
    """UTC microseconds, and how often the clock shows this time: once, twice or never."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != wall:
        return as_us(_jump(second, first, zone)), NEVER
    return as_us(first), TWICE if first != second else ONCE


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between two at which the zone's offset changes, to the second."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after


def as_us(at: datetime) -> int:
    """A datetime with a zone as UTC microseconds, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def as_time(us: int) -> datetime:
    """UTC microseconds as a datetime, exactly."""
    return _EPOCH + timedelta(microseconds=us)


def local(us: int, zone: tzinfo) -> datetime:
    """What the wall clock shows at a moment."""
    return as_time(us).astimezone(zone)


def shown(us: int, zone: ZoneInfo) -> str:
    """ "2026-12-01 08:00 Africa/Kampala". Of a time that comes twice, which one."""
    here = local(us, zone)
    text = here.strftime("%Y-%m-%d %H:%M:%S" if here.second else "%Y-%m-%d %H:%M")
    _, often = moment(here.replace(tzinfo=None, fold=0), zone)
    return f"{text} {zone.key}" + (f" (UTC{here.strftime('%z')})" if often == TWICE else "")


def opens(us: int, zone: ZoneInfo, closed: tuple[str, str] | None, holidays: frozenset[date]) -> int:
    """The first moment, `us` or later, at which the wall clock shows neither closed hours nor a holiday."""
    # A holiday may be followed by closed hours, and those by another holiday.
    for _ in range(2 * len(holidays) + 4):
        here = local(us, zone)
        until = _ends(here, closed, holidays)
        if until is None:
            break
        after = moment(until, zone)[0]
        # It ends at a time that comes twice, and the first has been.
        us = after if after > us else as_us(until.replace(tzinfo=zone, fold=1).astimezone(UTC))
    return us


def _ends(here: datetime, closed: tuple[str, str] | None, holidays: frozenset[date]) -> datetime | None:
    """When the holiday, or the closed hours, end in which the wall clock is; None when it is in none."""
    clock, today = here.time(), here.date()
    if today in holidays:
        return datetime.combine(today + timedelta(days=1), time())
    if closed is None:
        return None
    begin, end = (time.fromisoformat(text) for text in closed)
    if not (begin <= clock < end if begin < end else clock >= begin or clock < end):
        return None
    return datetime.combine(today if clock < end else today + timedelta(days=1), end)


def day(text: str) -> date:
    """A date as YYYY-MM-DD. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(text)
    return date.fromisoformat(text)
