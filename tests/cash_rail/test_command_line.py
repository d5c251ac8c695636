"""The commands, for machines: the same story as on the page, answered in JSON, each with its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.cli import run_command

from .phones import Phone, papers
from .test_proofs import total

if TYPE_CHECKING:
    from .conftest import Till


@attrs.define
class Console:
    """Commands on a till's store."""

    config: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, exits: int = 0) -> Any:
        code = run_command(["--config", str(self.config), *arguments, "--json"])
        said = self.capture.readouterr().out
        assert code == exits, said
        return json.loads(said)


@pytest.fixture
def console(till: Till, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Console:
    """The till's configuration as a file; the store is opened by each command anew."""
    config = {key: value for key, value in till.shop.config.items() if key != "channels"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in config.items()]
    for name, settings in till.shop.config["channels"].items():
        lines += [f"[channels.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
    file = tmp_path / "gateway.toml"
    file.write_text("\n".join(lines) + "\n")
    return Console(file, capsys)


def test_the_whole_story(till: Till, console: Callable[..., Any], tmp_path: Path) -> None:
    console("points", "set-manager", "M2", "--name", "MTN", "--kind", "provider", "--by", "amina")
    console("points", "set", "P2", "--manager", "M2", "--location", "gulu", "--latitude", "2.7746", "--by", "amina")
    assert [one["latitude"] for one in console("points", "list", "--location", "gulu")] == [2_774_600]
    assert [one["code"] for one in console("points", "managers")] == ["M1", "M2"]
    console("points", "set-device", "phone-1", "--officer", "grace", "--by", "amina")
    assert [one["officer"] for one in console("points", "devices")] == ["grace"]
    assert len(console("points", "set", "P 3", "--by", "amina", exits=2)["error"]["mistakes"]) == 1

    payroll = till.shop.proposed(till.invoices(2))
    assert console("lists", "preview", payroll, str(tmp_path / "drafts"), "--as", "csv")["drafts"] == 1
    console("approve", payroll, "--by", "joseph")
    console("run", payroll, exits=4)
    (paper,), phone = papers(till.outbox), Phone()
    name = paper["id"]
    record = phone.pay(paper, 1, photo=None)
    (tmp_path / "records.jsonl").write_bytes(phone.sends())
    assert console("proofs", "import", str(tmp_path / "records.jsonl"), "--by", "amina")["new"] == 1
    states = {one["invoice"]: one["invoice_state"] for one in console("payments", payroll)}
    assert states == {"inv-0": "awaiting_reconciliation", "inv-1": "pending"}
    assert console("proofs", "accept", name, "--by", "joseph", exits=4)["flagged"] == 1
    (shown,) = console("proofs", "show", name, "--undecided")
    assert shown["id"] == record.hash
    assert shown["flags"][0].startswith("no_photo")
    console("proofs", "accept", name, "--only", shown["id"][:12], "--reason", "on paper", "--by", "grace", exits=5)
    console("proofs", "accept", name, "--only", shown["id"][:12], "--by", "joseph", exits=1)
    console("proofs", "accept", name, "--only", shown["id"][:12], "--reason", "on paper", "--by", "joseph")
    console("proofs", "reject", name, "--only", shown["id"], "--reason", "late thought", "--by", "joseph", exits=2)

    half = str(total(paper) - paper["lines"][0]["amount"])
    counting = ("lists", "count", name, "--handed-out", str(total(paper)), "--by", "amina")
    console(*counting, "--returned", half, exits=2)
    console(*counting, "--returned", "0", "--paper")
    console("lists", "seal", name, "--by", "joseph", exits=1)
    console(*counting, "--returned", half, "--device", "phone-1=1")
    assert console("lists", "seal", name, "--by", "joseph")["state"] == "sealed"
    assert [one["missing"] for one in console("lists", "show", payroll)] == [0]
    console("lists", "export", name, str(tmp_path / "list.pdf"))
    console("reconcile", payroll, "--by", "amina")
    console("close", payroll, "--by", "joseph")
    console("verify")
