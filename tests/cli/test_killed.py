"""kill -9 of `gateway pay` at several moments, and the same command again: each person is paid once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gateway_core import Paymaster

WHO = ("--channel", "dummy", "--by", "amina", "--approve-by", "joseph")
LINES = 300
LONGEST = 30.0

# When it is killed: what the store shows by then (a payroll's status).
MOMENTS: tuple[Callable[[Any], bool], ...] = (
    lambda status: status.state == "awaiting_approval",
    lambda status: status.state in ("approved", "ongoing"),
    lambda status: status.counts.get("paid", 0) > LINES // 10,
    lambda status: status.counts.get("paid", 0) > LINES // 2,
)


def test_killed_and_given_again(desk: Any) -> None:
    file = desk.payroll("november", LINES)
    for moment in MOMENTS:
        process = desk.start("pay", str(file), *WHO)
        _until(desk, process, moment)
        process.kill()
        process.communicate()
    done = desk.gateway("pay", str(file), *WHO, "--wait", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    moved = desk.moved()
    assert len(moved) == LINES and set(moved.values()) == {1}
    assert desk.json("status")["payrolls"][0]["counts"] == {"paid": LINES}


def _until(desk: Any, process: Any, moment: Callable[[Any], bool]) -> None:
    end = time.monotonic() + LONGEST
    with Paymaster.open(desk.folder / "gateway.toml") as watching:
        while time.monotonic() < end and process.poll() is None:
            if any(moment(status) for status in watching.status()):
                return
            time.sleep(0.005)
