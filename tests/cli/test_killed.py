"""kill -9 of `gateway pay` at any moment, and the same command again: each person is paid once."""

from __future__ import annotations

import time
from typing import Any

import pytest

WHO = ("--channel", "dummy", "--by", "amina", "--approve-by", "joseph")
LINES = 400


@pytest.mark.parametrize("moments", [(1.0, 1.4, 1.8), (1.2, 1.6, 2.2)])
def test_killed_and_given_again(desk: Any, moments: tuple[float, ...]) -> None:
    file = desk.payroll("november", LINES)
    for moment in moments:
        process = desk.start("pay", str(file), *WHO)
        time.sleep(moment)
        process.kill()
        process.communicate()
    done = desk.gateway("pay", str(file), *WHO, "--wait", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    moved = desk.moved()
    assert len(moved) == LINES and set(moved.values()) == {1}
    assert desk.json("status")["payrolls"][0]["counts"] == {"paid": LINES}
