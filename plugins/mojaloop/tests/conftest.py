"""The simulator on a real socket, and shops that pay over it with a Paymaster of their own."""

from __future__ import annotations

import hashlib
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from gateway_mojaloop.simulator import create_app
from gateway_mojaloop.simulator.voices import public_pem

from gateway_core.contract import Account, Money
from gateway_core.model.payment import Invoice
from gateway_core.paymaster import Paymaster
from gateway_core.testing.serving import Beside

FSP, CHANNEL = "grantsfsp", "hub"
# Doubts are cleared sooner than is wise, so that tests end.
QUICK = {
    "timeout": 1.0, "settle": 0.4, "ask_after": 0.2, "ask_at_most": 1.0, "patience": 8.0, "callback_patience": 1.0,
    "transfer_window": 6.0, "send_margin": 1.0, "grace": 1.0,
}  # fmt: skip


@cache
def payer_key() -> rsa.RSAPrivateKey:
    """One key for all tests."""
    return rsa.generate_private_key(65537, 2048)


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none).decode()


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the configurations refer to."""
    monkeypatch.setenv("MOJALOOP_JWS_KEY", private_pem(payer_key()))
    monkeypatch.setenv("MOJALOOP_SECRET", "a-client-secret")


class Scheme:
    """The simulator on a socket; its ledger file tells what it really did with the money."""

    def __init__(self, folder: Path, *, signed: bool = True, **options: Any) -> None:
        self.file, self.keys = folder / "ledger.db", folder / "keys" if signed else None
        seen, secure = options.pop("seen", None), "s" if options.get("tls") else ""
        tls, calls_with = options.pop("tls", None), options.pop("calls_with", None)
        self.callbacks = free_address()
        url = f"http{secure}://{self.callbacks}/callbacks/{CHANNEL}"
        self.app = create_app(str(self.file), callbacks=url, keys=str(self.keys or ""), **options)
        self.hub = self.app.state.simulator
        self.hub.voices.seen, self.hub.voices.trust = seen, calls_with
        if self.keys:
            (self.keys / f"{FSP}.pem").write_bytes(public_pem(payer_key()))
        self._server = Beside(self.app, tls)
        self.url, self.stop = self._server.url, self._server.stop

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """From the ledger, by transfer."""
        db = sqlite3.connect(self.file)
        try:
            return db.execute(f"SELECT {columns} FROM payments").fetchall()
        finally:
            db.close()

    def moved(self) -> dict[str, int]:
        """How often money moved into each account."""
        found: dict[str, int] = {}
        for account, moved in self.rows("account, moved"):
            number = account.rpartition(".")[2]
            found[number] = found.get(number, 0) + moved
        return found


@attrs.define
class Shop:
    """A Paymaster over the scheme. amina proposes and reconciles, joseph approves and closes."""

    config: Mapping[str, Any]
    paymaster: Paymaster

    def invoice(
        self, n: int, *, fault: int = 0, minor: int = 0, account: Account | None = None, **changes: Any
    ) -> Invoice:
        """Invoice `n`; `fault` asks the simulator for the fault of that number."""
        tail = 99900 + fault if fault else n
        known: dict[str, Any] = {
            "id": f"inv-{n}", "beneficiary": f"ben-{n}", "name": "Amina Nakato",
            "account": account or Account("msisdn", f"2567721{tail:05d}"),
            "amount": Money(minor or 1000 + n, "UGX"), "programme": "grant", "cycle": "2026-11",
        }  # fmt: skip
        return Invoice(**(known | changes))

    def invoices(self, count: int) -> list[Invoice]:
        """So many, each for another number."""
        return [self.invoice(n) for n in range(count)]

    def approved(self, lines: list[Invoice], name: str = "payroll") -> str:
        payroll = self.paymaster.propose(name, lines, channel=CHANNEL, by="amina")
        self.paymaster.approve(payroll, by="joseph")
        return payroll

    def paid(self, lines: list[Invoice], wait: float = 30.0) -> str:
        """Approved and run until nothing is due any more."""
        payroll = self.approved(lines)
        self.paymaster.run(payroll, wait=wait)
        return payroll

    def run_on(self, payroll: str, wait: float = 30.0, stops: int = 60) -> None:
        """Run; a channel that was stopped is used again, as officers would say, until nothing waits."""
        for _ in range(stops):
            report = self.paymaster.run(payroll, wait=wait)
            if not report.stopped_channels:
                return
            for channel in report.stopped_channels:
                self.paymaster.lift_stop(channel, by="joseph")

    def states(self, payroll: str) -> dict[str, str]:
        """Invoice id to state."""
        return {view.invoice: view.state for view in self.paymaster.payments(payroll)}

    def events(self, payroll: str, number: int = 0) -> list[Any]:
        """All that was said of one of the payroll's payments."""
        return list(self.paymaster.events(self.paymaster.payments(payroll)[number].id))

    def reason(self, payroll: str) -> str:
        return self.paymaster.payments(payroll)[0].reason


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def configuration(folder: Path, scheme: Scheme, **channel: Any) -> dict[str, Any]:
    """For a Paymaster over one channel."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    made = {
        "gateway": "mojaloop", "base_url": scheme.url, "fsp_id": FSP, "institution_account": "treasury",
        "payer_name": "Grants Programme", "listen": scheme.callbacks, **QUICK,
    }  # fmt: skip
    if scheme.keys:
        made |= {"jws_key": {"env": "MOJALOOP_JWS_KEY"}, "keys_dir": str(scheme.keys)}
    else:
        made |= {"unsigned_sources": ["*"]}
    return {
        "deployment": f"shop-{name}", "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
        "mark_dir": str(folder / "marks"), "channels": {CHANNEL: made | channel},
    }  # fmt: skip


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Scheme]]:
    """Start simulators: start(chaos=7, signed=False)."""
    running: list[Scheme] = []

    def begin(**options: Any) -> Scheme:
        folder = tmp_path / f"scheme-{len(running)}"
        folder.mkdir()
        running.append(Scheme(folder, **options))
        return running[-1]

    yield begin
    for scheme in running:
        scheme.stop()


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Open shops: open_shop(scheme, max_fee="10")."""
    opened: list[Shop] = []

    def open_(scheme: Scheme, **channel: Any) -> Shop:
        folder = tmp_path / f"shop-{len(opened)}"
        folder.mkdir()
        config = configuration(folder, scheme, **channel)
        opened.append(Shop(config, Paymaster.open(config, create=True)))
        return opened[-1]

    yield open_
    for shop in opened:
        shop.paymaster.close_store()
