"""The wall clock as moments: zones, summer time, closed hours, holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.contract.channel import Pace
from gateway_core.engine.pace import Throttle
from gateway_core.model import moments
from gateway_core.model.errors import WrongState

from .conftest import us

BERLIN, KAMPALA, APIA = "Europe/Berlin", "Africa/Kampala", "Pacific/Apia"
# wall clock, zone, the moment in UTC, how often the clock shows it
TIMES = [
    ("2026-12-01 08:00", KAMPALA, "2026-12-01T05:00:00", ""),
    ("2026-07-01 08:00", BERLIN, "2026-07-01T06:00:00", ""),
    ("2026-12-01 08:00", BERLIN, "2026-12-01T07:00:00", ""),
    # Summer time begins: 02:00 is 03:00. Every time that is left out means that moment.
    ("2026-03-29 01:59", BERLIN, "2026-03-29T00:59:00", ""),
    ("2026-03-29 02:00", BERLIN, "2026-03-29T01:00:00", "never"),
    ("2026-03-29 02:30", BERLIN, "2026-03-29T01:00:00", "never"),
    ("2026-03-29 02:59", BERLIN, "2026-03-29T01:00:00", "never"),
    ("2026-03-29 03:00", BERLIN, "2026-03-29T01:00:00", ""),
    # Summer time ends: 03:00 is 02:00 again. The first is meant.
    ("2026-10-25 01:59", BERLIN, "2026-10-24T23:59:00", ""),
    ("2026-10-25 02:00", BERLIN, "2026-10-25T00:00:00", "twice"),
    ("2026-10-25 02:30", BERLIN, "2026-10-25T00:30:00", "twice"),
    ("2026-10-25 03:00", BERLIN, "2026-10-25T02:00:00", ""),
    # Half an hour only (Lord Howe), and a whole day that was left out (Samoa went over the date line).
    ("2026-10-04 02:10", "Australia/Lord_Howe", "2026-10-03T15:30:00", "never"),
    ("2011-12-30 12:00", APIA, "2011-12-30T10:00:00", "never"),
    # Zones whose offset is no whole hour.
    ("2026-12-01 08:00", "Asia/Kathmandu", "2026-12-01T02:15:00", ""),
]  # fmt: skip


@pytest.mark.parametrize(("wall", "zone", "utc", "often"), TIMES)
def test_a_time_of_the_wall_clock_is_one_moment(wall: str, zone: str, utc: str, often: str) -> None:
    wanted = int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()) * moments.SECOND
    assert moments.moment(moments.wall_time(wall), ZoneInfo(zone)) == (wanted, often)


@given(
    wall=st.datetimes(*map(datetime.fromisoformat, ("2000-01-01", "2037-01-01"))).map(
        lambda at: at.replace(microsecond=0)
    ),
    zone=st.sampled_from([BERLIN, KAMPALA, APIA, "America/New_York", "Africa/Casablanca", "Asia/Tehran"]),
)
def test_whatever_a_clock_shows_comes_back_and_nothing_is_earlier_than_it_says(wall: datetime, zone: str) -> None:
    where = ZoneInfo(zone)
    moment, often = moments.moment(wall, where)
    here = moments.local(moment, where).replace(tzinfo=None)
    assert (here == wall) == (often != "never")
    assert here >= wall
    # The first of its kind: a second earlier the clock shows less, or it is the first of two.
    assert moments.local(moment - moments.SECOND, where).replace(tzinfo=None) < here or often == "never"


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01 08:00", "2026-12-01", "2026-12-01T08:00+03:00", "08:00"])
def test_what_is_no_time_of_the_wall_clock_is_refused(text: str) -> None:
    with pytest.raises(WrongState, match="write YYYY-MM-DD"):
        moments.wall_time(text)


def test_a_zone_is_named() -> None:
    for name in ("", "EAT+3", "../etc/passwd", "Africa/Nowhere"):
        with pytest.raises(WrongState, match="no time zone"):
            moments.zone_of(name)


HOLIDAYS = frozenset({date(2026, 12, 25), date(2026, 12, 26), date(2026, 3, 29)})
NIGHT, NOON = ("22:00", "06:00"), ("12:00", "14:00")
OPENS = [
    (NIGHT, "2026-12-24 21:59", "2026-12-24 21:59"),
    # The night leads into two holidays, and the second one into a night.
    (NIGHT, "2026-12-24 22:00", "2026-12-27 06:00"),
    (NOON, "2026-12-25 09:00", "2026-12-27 00:00"),
    (None, "2026-12-26 23:59", "2026-12-27 00:00"),
    (NOON, "2026-12-01 13:30", "2026-12-01 14:00"),
    # A night of nine hours, one of seven, and quiet hours that end in the hour that comes twice or never.
    (NIGHT, "2026-10-24 22:30", "2026-10-25 06:00"),
    (NIGHT, "2026-03-27 23:00", "2026-03-28 06:00"),
    (("01:00", "02:30"), "2026-10-25 01:15", "2026-10-25 02:30"),
    (("01:00", "02:30"), "2026-10-25 02:10b", "2026-10-25 02:30b"),
    (None, "2026-03-29 01:00", "2026-03-30 00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("hours", "now", "until"), OPENS)
def test_closed_hours_and_holidays_end_when_the_clock_says_so(
    hours: tuple[str, str] | None, now: str, until: str
) -> None:
    begins, ends = us(now, BERLIN), us(until, BERLIN)
    assert moments.opens(begins, ZoneInfo(BERLIN), hours, HOLIDAYS) == ends
    throttle = Throttle(Pace(quiet_hours=hours), ZoneInfo(BERLIN), HOLIDAYS)
    assert throttle.opens(begins) == (ends if ends > begins else 0)
