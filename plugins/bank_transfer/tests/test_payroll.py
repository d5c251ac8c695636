"""A payroll over the bank, from the command line to the close, while the bank errs and the gateway is killed."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gateway_bank_transfer.cancelling import original, request
from gateway_bank_transfer.simulator.orders import read

from gateway_core.paymaster import Paymaster

from .desk import OPEN, Desk

PAY = ("pay", "november.csv", "--channel", "bank", "--by", "amina", "--approve-by", "joseph")
LINES, KILLS, LIVES = 60, 4, 24
# What the bank's ledger has of a payment in each state: times paid and not come back.
NET = {"paid": 1, "returned": 0, "refused": 0}


def explained(desk: Desk, lines: int = LINES) -> None:
    """Nobody twice, nobody lost, and every state is what the bank's own ledger says."""
    moved, seen = desk.moved(), 0
    assert all(paid <= 1 for paid, _ in moved.values())
    with Paymaster.open(desk.folder / "gateway.toml") as paymaster:
        for view in paymaster.all_payments():
            seen += 1
            paid, back = moved.get(view.account.rpartition(":")[2], (0, 0))
            assert paid - back == NET[view.state], (view, paid, back)
    assert seen == lines


def looked_at(desk: Desk) -> list[str]:
    """An officer asks the bank about each case, and writes down what it said. Their kinds."""
    kinds = []
    with Paymaster.open(desk.folder / "gateway.toml") as paymaster:
        for case in paymaster.cases():
            kinds.append(case.kind)
            paymaster.close_case(case.id, by="amina", reason="the bank sent it again, and right")
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


def cancelled(desk: Desk, account: int) -> str:
    """Ask the bank, by hand, to cancel the payment to an account. The payment's key."""
    for folder in ("out", "collected"):
        for path in sorted((desk.folder / "bank" / folder).glob("GC*.xml")):
            for key, orders in ((line.key, line.account) for line in read(path.read_bytes()).lines):
                if orders == f"{account:010d}":
                    body = request(
                        original(io.BytesIO(path.read_bytes())), "", "CUST", datetime.now(UTC), f"CX{key}", [key]
                    )
                    (desk.folder / "bank/out" / f"cancel-{key}.xml").write_bytes(body)
                    return key
    raise AssertionError(account)


def test_what_was_sent_is_cancelled_only_where_the_bank_says_so(tmp_path: Path) -> None:
    desk = Desk.of(tmp_path, 4)
    desk(*PAY)
    early = cancelled(desk, 0)
    assert desk.counts() == {"pending": 4}, "asking moves nothing"
    assert desk.settle() == {"paid": 3, "refused": 1}
    late = cancelled(desk, 1)
    desk.settle(rounds=3)
    with Paymaster.open(desk.folder / "gateway.toml") as paymaster:
        states = {view.invoice: (view.state, view.reason) for view in paymaster.payments()}
        assert states["inv-0"][0] == "refused" and states["inv-0"][1].startswith("CANC")
        assert states["inv-1"][0] == "paid", "the bank does not cancel what it booked"
        (stray,) = [stray for answer in paymaster.answers() for stray in paymaster.strays(answer.id)]
        assert stray.key == late and "ARDT" in stray.why
    assert early != late and looked_at(desk) == ["unknown_line"]
    explained(desk, 4)
    closed(desk)


@pytest.mark.deep
@pytest.mark.parametrize(("seed", "how"), [(1, {}), (2, {"batch": True}), (3, {"speaks": "mt940"})])
def test_in_chaos_and_killed_again_and_again_everybody_is_paid_once(
    tmp_path: Path, seed: int, how: dict[str, Any]
) -> None:
    desk, chance = Desk.of(tmp_path, LINES, chaos=seed, **how), random.Random(seed)
    killed, longest = 0, 2 * desk.start_up()
    for _ in range(LIVES):
        # One that came to its end before the kill does not count.
        killed += desk.live(chance, longest, *PAY)
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


@pytest.mark.long
@pytest.mark.parametrize(("lines", "per_file", "kills"), [(20_000, 1000, 12), (100_000, 10_000, 12)])
def test_a_large_payroll_is_killed_from_the_first_line_to_the_last_statement(
    tmp_path: Path, lines: int, per_file: int, kills: int
) -> None:
    """Half of the kills while it is proposed, approved and handed over, half while the bank's files are read."""
    desk, chance = Desk.of(tmp_path, lines, chaos=lines, per_file=per_file), random.Random(lines)
    # Short enough that a fast machine is not through before; what a life has done, the next one has.
    longest, killed, rounds = max(2.0, lines / 20_000), 0, 0
    while killed < kills // 2 and desk.live(chance, longest, *PAY):
        killed += 1
    desk.start(*PAY).communicate()
    while killed < kills and rounds < 400 and OPEN & set(desk.counts()):
        killed += desk.live(chance, longest, "run", "--wait", str(longest))
        rounds += 1
    assert killed >= kills // 2
    counts = desk.settle(rounds=400)
    assert set(counts) <= set(NET) and sum(counts.values()) == lines, counts
    explained(desk, lines)
    assert set(looked_at(desk)) <= {"unreadable_answer", "unknown_line"}
    closed(desk)
