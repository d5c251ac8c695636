"""`gateway scheduler` as processes: several at once, beside `gateway run --forever`, and nobody is paid twice."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

LINES, LONGEST = 40, 90.0


def soon(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def schedule_soon(desk: Any, name: str) -> None:
    """In a moment, or a little later where this machine is too slow to say it in time."""
    for seconds in (2, 5, 15, 30):
        if desk.run("schedule", name, "--at", soon(seconds), "--zone", "UTC", "--by", "amina") == 0:
            return
    raise AssertionError("it could not be scheduled")


def approved(desk: Any, name: str) -> str:
    desk.run("propose", str(desk.payroll(name, LINES)), "--channel", "dummy", "--by", "amina")
    desk.run("approve", name, "--by", "joseph")
    return name


def ended(processes: Sequence[subprocess.Popen[str]]) -> list[int]:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=30)[1] for process in processes]
    assert not any("Traceback" in text for text in said), said
    return [process.returncode for process in processes]


@pytest.mark.parametrize("beside", [("scheduler",), ("run", "--forever")], ids=["two schedulers", "beside a run"])
@pytest.mark.few(1)
def test_two_at_once_pay_each_once(desk: Any, beside: Sequence[str]) -> None:
    name = approved(desk, f"twice-{beside[0]}")
    assert desk.run("schedule", name, "--at", "2099-12-01 08:00", "--zone", "UTC", "--by", "amina") == 0
    waiting = desk.gateway("run")
    assert waiting.returncode == 4 and "scheduled for" in waiting.stdout and "next due" in waiting.stdout
    schedule_soon(desk, name)
    processes = [desk.start("scheduler"), desk.start(*beside)]
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and desk.json("status")["payrolls"][0]["counts"] != {"paid": LINES}:
        time.sleep(0.1)
    ended(processes)
    moved = desk.moved()
    assert len(moved) == LINES and set(moved.values()) == {1}
    assert desk.json("verify")["ok"]


def test_killed_in_the_midst_another_goes_on(desk: Any) -> None:
    name = approved(desk, "midst")
    schedule_soon(desk, name)
    killed = desk.start("scheduler")
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and "paid" not in desk.json("status")["payrolls"][0]["counts"]:
        time.sleep(0.005)
    killed.kill()
    killed.communicate()
    desk.gateway("scheduler", "--once")
    # What was under way when it was killed is asked about when it is due, which may be a moment later.
    done = desk.gateway("run", "--wait", "60")
    assert desk.json("status")["payrolls"][0]["counts"] == {"paid": LINES}, done.stdout + done.stderr
    assert set(desk.moved().values()) == {1}


def test_what_the_commands_say(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    name = approved(desk, "said")
    assert desk.run("schedule", name, "--at", "2099-10-25 02:30", "--zone", "Europe/Berlin", "--by", "amina") == 0
    assert "the clock shows this time twice" in capsys.readouterr().out
    (one,) = desk.json("schedules")
    assert (one["at"], one["by"]) == ("2099-10-25T00:30:00Z", "amina")
    desk.run("status", name)
    assert "SCHEDULED: 2099-10-25 02:30 Europe/Berlin" in capsys.readouterr().out
    assert desk.run("unschedule", name, "--by", "amina", "--reason", "at once") == 0
    assert desk.json("schedules") == []
    assert desk.run("schedule", name, "--at", "2020-01-01 08:00", "--zone", "UTC", "--by", "amina") == 1
