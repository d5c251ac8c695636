"""A payroll over the bank, from the command line to the close, while the bank errs and the gateway is killed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from .desk import Desk

PAY = ("pay", "november.csv", "--channel", "bank", "--by", "amina", "--approve-by", "joseph")
LINES, KILLS, LIVES = 60, 4, 24
# What the bank's ledger has of a payment in each state: times paid and not come back.
NET = {"paid": 1, "returned": 0, "refused": 0}


def explained(desk: Desk) -> None:
    """Nobody twice, nobody lost, and every state is what the bank's own ledger says."""
    moved = desk.moved()
    views = desk.json("payments")
    assert len(views) == LINES and all(paid <= 1 for paid, _ in moved.values())
    for view in views:
        paid, back = moved.get(str(view["account"]).rpartition(":")[2], (0, 0))
        assert paid - back == NET[view["state"]], (view, paid, back)


def looked_at(desk: Desk) -> list[str]:
    """An officer asks the bank about each case, and writes down what it said. Their kinds."""
    kinds = []
    for case in desk.json("cases"):
        kinds.append(case["kind"])
        desk.must("close-case", str(case["id"]), "--by", "amina", "--reason", "the bank sent it again, and right")
    return kinds


def closed(desk: Desk) -> None:
    desk.must("reconcile", "november", "--by", "amina")
    desk.must("close", "november", "--by", "joseph")
    desk.must("verify")
    (payroll,) = desk.json("status")["payrolls"]
    assert payroll["state"] == "reconciled"


@pytest.mark.few(1)
@pytest.mark.parametrize("how", [{}, {"batch": True}, {"speaks": "mt940", "version": "03"}], ids=str)
def test_a_payroll_is_paid_proven_and_closed(tmp_path: Path, how: dict[str, Any]) -> None:
    desk = Desk.of(tmp_path, LINES, **how)
    desk(*PAY)
    assert desk.counts() == {"pending": LINES}
    assert desk.settle() == {"paid": LINES}
    explained(desk)
    assert looked_at(desk) == []
    closed(desk)


@pytest.mark.deep
@pytest.mark.parametrize(("seed", "how"), [(1, {}), (2, {"batch": True}), (3, {"speaks": "mt940"})])
def test_in_chaos_and_killed_again_and_again_everybody_is_paid_once(
    tmp_path: Path, seed: int, how: dict[str, Any]
) -> None:
    desk, chance = Desk.of(tmp_path, LINES, chaos=seed, **how), random.Random(seed)
    killed = 0
    for _ in range(LIVES):
        # How long a life is depends on the machine: one that came to its end was not long enough.
        killed += desk.live(chance, 6.0, *PAY)
        if killed == KILLS:
            break
    assert killed == KILLS
    desk(*PAY)
    counts = desk.settle()
    assert set(counts) <= set(NET) and sum(counts.values()) == LINES, (counts, desk("documents")[1])
    explained(desk)
    # What the bank garbled, or refused for a reason in no list, was told to people and settled nothing.
    assert set(looked_at(desk)) <= {"unreadable_answer", "unknown_line"}
    closed(desk)
