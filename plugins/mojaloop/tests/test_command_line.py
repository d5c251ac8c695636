"""As an officer does it: a file, a configuration, `gateway pay`; killed in the middle, and begun again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_core.paymaster import Paymaster

from .conftest import configuration

if TYPE_CHECKING:
    from .conftest import Scheme

COUNT, PATIENCE = 30, 240
PAY = ("pay", "payroll.csv", "--channel", "hub", "--by", "amina", "--approve-by", "joseph", "--wait", "30")


def command(folder: Path, *words: str) -> subprocess.Popen[str]:
    """`gateway ...` in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "gateway_core.cli", *words], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=dict(os.environ), start_new_session=True,
    )  # fmt: skip


def toml(known: Mapping[str, Any]) -> str:
    """A configuration as its file."""
    top = [f"{key} = {json.dumps(value)}" for key, value in known.items() if key != "channels"]
    for name, channel in known["channels"].items():
        top.append(f"[channels.{name}]")
        for key, value in channel.items():
            secret = isinstance(value, dict)
            shown = f"{{ env = {json.dumps(value['env'])} }}" if secret else json.dumps(value)
            top.append(f"{key} = {shown}")
    return "\n".join(top) + "\n"


def written(folder: Path, scheme: Scheme) -> dict[str, Any]:
    known = configuration(folder, scheme)
    (folder / "gateway.toml").write_text(toml(known))
    head = "invoice,beneficiary,name,account_type,account,amount,currency,programme,cycle"
    rows = [f"inv-{n},ben-{n},Amina Nakato,msisdn,2567721{n:05d},{1000 + n},UGX,grant,2026-11" for n in range(COUNT)]
    (folder / "payroll.csv").write_text("\n".join([head, *rows]) + "\n")
    Paymaster.open(known, create=True).close_store()
    return known


def test_gateway_pay_over_the_hub_killed_and_begun_again(start: Callable[..., Scheme], tmp_path: Path) -> None:
    scheme = start(chaos=5, chaos_rate=0.2)
    known = written(tmp_path, scheme)
    running, until = command(tmp_path, *PAY), time.monotonic() + PATIENCE
    while len(scheme.hub.transfers) < 5 and running.poll() is None:
        assert time.monotonic() < until, "no transfer is sent"
        time.sleep(0.02)
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=30)
    for _ in range(8):
        again = command(tmp_path, *PAY)
        said, _ = again.communicate(timeout=PATIENCE)
        if again.returncode in (0, 3):
            break
        command(tmp_path, "lift-stop", "hub", "--by", "joseph").communicate(timeout=60)
    assert again.returncode in (0, 3), said
    moved = scheme.moved()
    assert max(moved.values()) == 1 and len(moved) >= COUNT * 0.6
    with Paymaster.open(known) as paymaster:
        states = {view.account.rpartition(" ")[2]: view.state for view in paymaster.payments(None)}
    assert len(states) == COUNT
    for number, state in states.items():
        assert moved.get(number, 0) in {"paid": {1}, "refused": {0}, "held": {0, 1}}[state], (number, state)


def test_the_simulator_starts_from_the_command_line(tmp_path: Path) -> None:
    running = command(tmp_path, "simulator", "mojaloop", "--port", "0")
    try:
        assert running.stdout is not None
        assert "listening on http://127.0.0.1:" in running.stdout.readline()
    finally:
        running.terminate()
        running.communicate(timeout=30)
