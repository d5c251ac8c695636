"""What an operator sees: files, their states, what the bank said, and what people decide."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.cli import run_command
from gateway_core.cli.errors import FORBIDDEN, HELD, WAITS
from gateway_core.paymaster import Paymaster

from .bank import Bank, said

if TYPE_CHECKING:
    from tests.conftest import Shop


class Terminal:
    """`gateway ...` in a folder with a configuration of the directory bank."""

    def __init__(self, config: dict[str, Any], said: pytest.CaptureFixture[str]) -> None:
        (bank,) = config["channels"].values()
        self.folder = Path(config["mark_dir"]).parent
        self.bank = Bank(Path(bank["outbox"]).parent)
        top = "".join(
            f"{key} = {json.dumps(config[key])}\n" for key in ("deployment", "environment", "store", "mark_dir")
        )
        rows = "".join(f"{key} = {json.dumps(value)}\n" for key, value in bank.items())
        (self.folder / "gateway.toml").write_text(f"{top}[channels.bank]\n{rows}")
        self._said = said

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self._said.readouterr()
        code = run_command([*arguments, "--config", str(self.folder / "gateway.toml")])
        return code, self._said.readouterr().out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json")[1])


@pytest.fixture
def gateway(configured: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], shop: Shop) -> Terminal:
    config = configured("terminal")
    with Paymaster.open(config, create=True) as paymaster:
        payroll = paymaster.propose("november", shop.invoices(25), channel="bank", by="amina")
        paymaster.approve(payroll, by="joseph")
    return Terminal(config, capsys)


def test_a_payroll_over_a_bank_from_the_terminal(gateway: Terminal) -> None:
    code, text = gateway("run")
    assert code == WAITS, text
    assert "25 payments still to settle" in text
    documents = gateway.json("documents", "november")
    assert [(d["state"], d["lines"]) for d in documents] == [
        ("handed_over", 10),
        ("handed_over", 10),
        ("handed_over", 5),
    ]
    assert sorted(d["name"] for d in documents) == [path.name for path in gateway.bank.waiting]
    shown = gateway("documents")[1]
    assert "handed over" in shown
    assert documents[0]["sha256"] in shown
    assert "3 files (3 handed over)" in gateway("status")[1]
    assert {line["document"] for line in gateway.json("payments")} == {d["name"] for d in documents}
    assert documents[2]["name"] in gateway("payments")[1]
    events = gateway.json("events", documents[0]["name"])
    assert [event["kind"] for event in events] == ["planned", "complete", "intent", "answer", "outcome"]

    gateway.bank.collect()
    orders = gateway.bank.everything()
    path = gateway.bank.book(orders[:24]).rename(gateway.folder / "statement.csv")
    code, text = gateway("import-statement", str(path), "--channel", "bank", "--by", "amina")
    assert code == 0
    assert "24 lines, and none of it counts yet" in text
    (given,) = gateway.json("answers")
    confirm = ("confirm-statement", given["id"], "--reason", "fetched it too", "--by")
    assert gateway(*confirm, "amina")[0] == FORBIDDEN
    assert gateway.json("payments", "--state", "paid") == []
    code, text = gateway(*confirm, "joseph")
    assert code == 0
    assert "24 lines, 24 with news" in text
    gateway.bank.book(orders[24:])
    assert gateway("run")[0] == 0
    assert gateway("reconcile", "november", "--by", "amina")[0] == 0
    assert gateway("close", "november", "--by", "joseph")[0] == 0
    assert [answer["by"] for answer in gateway.json("answers")] == ["amina", "transport"]
    assert gateway("verify")[0] == 0


def test_lines_about_none_of_ours_are_shown(gateway: Terminal) -> None:
    gateway("run")
    gateway.bank.collect()
    order = gateway.bank.everything()[0]
    path = gateway.bank.answer([said(order), said(order, key="G0000000000000X")])
    gateway("import-statement", str(path), "--channel", "bank", "--by", "amina")
    (answer,) = gateway.json("answers")
    code, text = gateway("confirm-statement", answer["id"], "--by", "joseph", "--reason", "fetched it too")
    assert code == HELD
    assert answer["id"] in text
    (stray,) = gateway.json("answers", answer["id"])
    assert (stray["line"], stray["key"]) == (2, "G0000000000000X")
    assert "no line of ours has this key" in gateway("answers", answer["id"])[1]


def test_two_people_decide_about_a_file_by_its_name(gateway: Terminal) -> None:
    """Somebody else's file lies under its name."""
    with Paymaster.open(gateway.folder / "gateway.toml") as paymaster:
        assert paymaster.run().waiting == 25
    documents = gateway.json("documents")
    name = documents[0]["name"]
    for by in ("amina", "joseph"):
        code, text = gateway("release", name, "--to", "refused", "--by", by, "--reason", "the bank never got it")
        assert code == 0, text
    states = {d["name"]: d["state"] for d in gateway.json("documents")}
    assert states[name] == "refused"
    assert len(gateway.json("payments", "--state", "refused")) == 10


def test_a_channel_that_pays_one_by_one_reads_no_statement(gateway: Terminal, dummy: Any) -> None:
    toml = gateway.folder / "gateway.toml"
    toml.write_text(toml.read_text() + f'[channels.one]\ngateway = "dummy_server"\nbase_url = "{dummy.url}"\n')
    code, _ = gateway("import-statement", str(toml), "--channel", "one", "--by", "amina")
    assert code == 1
