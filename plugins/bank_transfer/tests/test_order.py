"""Reports and statements in any order, each twice, over a real store: everybody ends in the same state."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from gateway_bank_transfer.simulator import answers
from gateway_bank_transfer.simulator.answers import Booking, Status

from gateway_core.paymaster import Paymaster

from .desk import Desk, imported
from .saying import ACCOUNT, NOW

LINES, ORDERS = 5, 4
_LINE = re.compile(r"<EndToEndId>(\w+)</EndToEndId>.*?<InstdAmt Ccy=\"UGX\">([0-9]+)<")


def files(body: str, bookings: Callable[[list[tuple[str, int]], str, str], list[list[Booking]]]) -> dict[str, str]:
    """The bank's files about a file of ours: reports, a refusal of its last line, statements."""
    lines = [(key, int(minor)) for key, minor in _LINE.findall(body)]
    msg_id = re.search(r"<MsgId>(\w+)", body)[1]  # type: ignore[index]
    batch = f"{msg_id}-1"

    def report(group: str, status: list[Status]) -> str:
        return "".join(answers.report("R", msg_id, "pain.001.001.09", batch, group, group, status, NOW))

    made = {"valid": report("ACTC", []), "accepted": report("ACSP", [])}
    made["part"] = report("PART", [Status(lines[-1][0], lines[-1][0], "RJCT", "AC04")])
    for number, entries in enumerate(bookings(lines, msg_id, batch), start=1):
        for kind in ("camt.053", "camt.054"):
            said = answers.statement(kind, number, ACCOUNT, "UGX", 10**9, entries, NOW)
            made[f"{kind} {number}"] = "".join(said)
    return made


def singly(lines: list[tuple[str, int]], msg_id: str, batch: str) -> list[list[Booking]]:
    """All but the refused one are booked one by one; the second comes back."""
    debits = [Booking(f"E-{key}", minor, "UGX", [(key, minor)]) for key, minor in lines[:-1]]
    key, minor = lines[1]
    return [debits, [Booking(f"R-{key}", minor, "UGX", [(key, minor)], back="AC01")]]


def together(lines: list[tuple[str, int]], msg_id: str, batch: str) -> list[list[Booking]]:
    """All but the refused one are booked in one entry with details; the second comes back."""
    of = lines[:-1]
    entry = Booking("B-1", sum(minor for _, minor in of), "UGX", of, msg_id=msg_id, pmt_inf=batch)
    key, minor = lines[1]
    return [[entry], [Booking(f"R-{key}", minor, "UGX", [(key, minor)], back="AC01")]]


@pytest.mark.parametrize("how", [singly, together])
def test_any_order_ends_in_the_same_states(tmp_path: Path, how: Callable[..., list[list[Booking]]]) -> None:
    ends: list[Mapping[str, str]] = []
    for seed in range(ORDERS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        desk = Desk.of(folder, LINES, per_file=LINES)
        with Paymaster.open(folder / "gateway.toml") as paymaster:
            payroll = paymaster.propose("november", folder / "november.csv", channel="bank", by="amina")
            paymaster.approve(payroll, by="joseph")
            paymaster.run()
            [path] = (folder / "bank" / "out").iterdir()
            said = list(files(path.read_text(), how).items())
            chance = random.Random(seed)
            for name, body in itertools.chain(chance.sample(said, len(said)), chance.sample(said, len(said))):
                imported(paymaster, body.encode(), name)
            ends.append({view.account: view.state for view in paymaster.payments(payroll)})
            assert not paymaster.cases()
        desk.bank.close()
    assert all(end == ends[0] for end in ends)
    assert sorted(ends[0].values()) == ["paid", "paid", "paid", "refused", "returned"]
