"""How fast a channel goes: rate, quiet hours, a breaker. Times are UTC microseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway_core.contract.channel import Pace
from gateway_core.engine.pace import FAILURES, Throttle
from gateway_core.model.moments import SECOND

KAMPALA = ZoneInfo("Africa/Kampala")


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=KAMPALA).astimezone(UTC).timestamp()) * SECOND


NOW = us("2026-11-23T12:00")


def test_without_a_rate_all_may_go_at_once() -> None:
    throttle = Throttle(Pace(), None)
    assert {throttle.admit(NOW) for _ in range(100)} == {NOW}


def test_a_rate_spaces_payments_and_idle_time_is_not_saved_up() -> None:
    throttle = Throttle(Pace(rate=4), None)
    assert [throttle.admit(NOW) - NOW for _ in range(3)] == [0, SECOND // 4, SECOND // 2]
    later = NOW + 60 * SECOND
    assert [throttle.admit(later) - later for _ in range(2)] == [0, SECOND // 4]


QUIET = [
    ("22:00", "06:00", "2026-11-23T21:59", ""),
    ("22:00", "06:00", "2026-11-23T22:00", "2026-11-24T06:00"),
    ("22:00", "06:00", "2026-11-24T05:59", "2026-11-24T06:00"),
    ("22:00", "06:00", "2026-11-24T06:00", ""),
    ("12:00", "14:00", "2026-11-23T13:30", "2026-11-23T14:00"),
    ("12:00", "14:00", "2026-11-23T14:00", ""),
    ("12:00", "14:00", "2026-11-23T11:59", ""),
]


@pytest.mark.parametrize(("begin", "end", "now", "until"), QUIET)
def test_quiet_hours_are_those_of_the_configured_zone(begin: str, end: str, now: str, until: str) -> None:
    throttle = Throttle(Pace(quiet_hours=(begin, end)), KAMPALA)
    assert throttle.opens(us(now)) == (us(until) if until else 0)


def test_the_breaker_rests_after_failures_in_a_row_and_doubles_to_a_minute() -> None:
    throttle, now, rests = Throttle(Pace(), None), NOW, []
    for _ in range(FAILURES - 1):
        throttle.heard(now, False)
    assert throttle.opens(now) <= now
    for _ in range(9):
        throttle.heard(now, False)
        rests.append((throttle.opens(now) - now) // SECOND)
        now = throttle.opens(now)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_one_answer_closes_the_breaker() -> None:
    throttle = Throttle(Pace(), None)
    for _ in range(FAILURES - 1):
        throttle.heard(NOW, False)
    throttle.heard(NOW, True)
    throttle.heard(NOW, False)
    assert throttle.opens(NOW) <= NOW
