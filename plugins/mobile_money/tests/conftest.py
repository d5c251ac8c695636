"""The operators' simulators on real sockets, and shops that pay over them with a Paymaster of their own."""

from __future__ import annotations

import base64
import hashlib
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from gateway_mobile_money.simulators import create_app
from gateway_mobile_money.simulators.common import digits_of

from gateway_core.contract import Account, Money
from gateway_core.model.payment import Invoice
from gateway_core.paymaster import Paymaster
from gateway_core.testing.serving import Beside

from .openapi import Recorder

SECRET, PIN, PASSWORD = "the-client-secret", "1234-pin", "initiator-password"
KEY = {"env": "MOBILE_MONEY_SECRET"}
# Doubts are cleared sooner than is wise, so that tests end.
QUICK = {"timeout": 1.0, "settle": 0.3, "ask_after": 0.1, "ask_at_most": 0.5, "patience": 6.0}
PROFILES: dict[str, dict[str, Any]] = {
    "gsma": {"country": "UG", "institution_account": "accountid@2999", "client_id": "grants", "client_secret": KEY},
    "mtn": {
        "country": "UG", "client_id": "grants", "client_secret": KEY, "subscription_key": KEY,
        "target_environment": "mtnuganda",
    },
    "mpesa": {
        "country": "KE", "institution_account": "600000", "client_id": "grants", "client_secret": KEY,
        "initiator": "grants", "initiator_password": {"env": "MOBILE_MONEY_PASSWORD"},
        "certificate": {"env": "MOBILE_MONEY_CERTIFICATE"}, "not_found_codes": ["SFC_IC0003"],
    },
    "airtel": {
        "country": "UG", "client_id": "grants", "client_secret": KEY, "pin": {"env": "MOBILE_MONEY_PIN"},
        "public_key": {"env": "MOBILE_MONEY_PUBLIC_KEY"}, "api_version": "v2",
    },
}  # fmt: skip
# A number of the profile's country, and its currency. The last five digits are free.
NUMBERS = {"gsma": "2567721{:05d}", "mtn": "2567722{:05d}", "mpesa": "2547123{:05d}", "airtel": "2567523{:05d}"}
CURRENCY = {"gsma": "UGX", "mtn": "UGX", "mpesa": "KES", "airtel": "UGX"}


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """One key for all tests."""
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate() -> str:
    """Self-signed, and over since long: as those that the operators give out."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "operator.example.org")])
    began = datetime(2015, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(rsa_key().public_key())
    dated = builder.serial_number(1).not_valid_before(began).not_valid_after(began + timedelta(days=365))
    return dated.sign(rsa_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@cache
def public_key() -> str:
    """Base64 of the SubjectPublicKeyInfo, as Airtel's portal shows it."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(rsa_key().public_key().public_bytes(serialization.Encoding.DER, spki)).decode()


def decrypt(raw: bytes) -> str:
    """What an operator reads."""
    return rsa_key().decrypt(raw, padding.PKCS1v15()).decode()


OPTIONS: dict[str, dict[str, Any]] = {
    "mpesa": {"decrypt": decrypt, "password": PASSWORD}, "airtel": {"decrypt": decrypt, "pin": PIN},
}  # fmt: skip


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the configurations refer to."""
    values = {"SECRET": SECRET, "PIN": PIN, "PASSWORD": PASSWORD}
    for name, value in values.items():
        monkeypatch.setenv(f"MOBILE_MONEY_{name}", value)
    monkeypatch.setenv("MOBILE_MONEY_CERTIFICATE", certificate())
    monkeypatch.setenv("MOBILE_MONEY_PUBLIC_KEY", public_key())


class Operator:
    """A simulator on a socket; its ledger file tells what it really did with the money."""

    def __init__(self, profile: str, ledger: Path, **options: Any) -> None:
        self.profile, self.file = profile, ledger
        seen = options.pop("seen", None)
        self.app = create_app(profile, str(ledger), **{**OPTIONS.get(profile, {}), **options})
        if seen is not None:
            self.app.add_middleware(Recorder, seen=seen)
        self.simulator = self.app.state.simulator
        self._server = Beside(self.app)
        self.url, self.stop = self._server.url, self._server.stop

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """From the ledger, by payment of ours."""
        db = sqlite3.connect(self.file)
        try:
            return db.execute(f"SELECT reference, {columns} FROM payments GROUP BY reference").fetchall()
        finally:
            db.close()

    def paid_to(self) -> dict[str, int]:
        """How often money moved to each account."""
        db = sqlite3.connect(self.file)
        try:
            found = db.execute("SELECT account, SUM(moved) FROM payments GROUP BY account").fetchall()
        finally:
            db.close()
        return {digits_of(account): moved for account, moved in found}

    def moved(self) -> dict[str, int]:
        """How often money moved for each payment id of ours."""
        return dict(self.rows("SUM(moved)"))


@attrs.define
class Shop:
    """A Paymaster over one operator. amina proposes and reconciles, joseph approves and closes."""

    profile: str
    config: Mapping[str, Any]
    paymaster: Paymaster

    def invoice(self, n: int, *, fault: int = 0, amount: int = 0, **changes: Any) -> Invoice:
        """Invoice `n`; `fault` asks the simulator for the fault of that number."""
        tail = 99900 + fault if fault else n
        currency = CURRENCY[self.profile]
        cents = 100 if currency == "KES" else 1
        known: dict[str, Any] = {
            "id": f"inv-{n}", "beneficiary": f"ben-{n}", "name": "Amina Nakato",
            "account": Account("msisdn", NUMBERS[self.profile].format(tail)),
            "amount": Money((amount or 1000 + n) * cents, currency), "programme": "grant", "cycle": "2026-11",
        }  # fmt: skip
        return Invoice(**(known | changes))

    def invoices(self, count: int) -> list[Invoice]:
        """So many, each for another number."""
        return [self.invoice(n) for n in range(count)]

    def approved(self, lines: list[Invoice], name: str = "payroll") -> str:
        payroll = self.paymaster.propose(name, lines, channel=self.profile, by="amina")
        self.paymaster.approve(payroll, by="joseph")
        return payroll

    def paid(self, lines: list[Invoice], wait: float = 20.0) -> str:
        """Approved and run until nothing is due any more."""
        payroll = self.approved(lines)
        self.paymaster.run(payroll, wait=wait)
        return payroll

    def run_on(self, payroll: str, wait: float = 20.0) -> None:
        """Run; a channel that its operator stopped is used again, as officers would say, until nothing waits."""
        for _ in range(60):
            report = self.paymaster.run(payroll, wait=wait)
            if not report.stopped_channels:
                return
            for channel in report.stopped_channels:
                self.paymaster.lift_stop(channel, by="joseph")

    def states(self, payroll: str) -> dict[str, str]:
        """Invoice id to state."""
        return {view.invoice: view.state for view in self.paymaster.payments(payroll)}

    def events(self, payroll: str) -> list[Any]:
        """All that was said of the payroll's first payment."""
        return list(self.paymaster.events(self.paymaster.payments(payroll)[0].id))


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def configuration(folder: Path, profile: str, url: str, **channel: Any) -> dict[str, Any]:
    """For a Paymaster over one channel that is named as its profile. `callbacks=False`: nobody calls back."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    made = {"gateway": "mobile_money", "profile": profile, "base_url": url, **QUICK, **PROFILES[profile], **channel}
    if made.pop("callbacks", True) and profile != "airtel":
        address = free_address()
        made = {
            "listen": address, "callback_url": f"http://{address}/callbacks/{profile}", "callback_secret": KEY, **made,
        }  # fmt: skip
    return {
        "deployment": f"shop-{name}", "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
        "mark_dir": str(folder / "marks"), "channels": {profile: made},
    }  # fmt: skip


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Start simulators: start("mtn", chaos=7)."""
    running: list[Operator] = []

    def begin(profile: str, **options: Any) -> Operator:
        running.append(Operator(profile, tmp_path / f"ledger-{len(running)}.db", **options))
        return running[-1]

    yield begin
    for operator in running:
        operator.stop()


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Open shops: open_shop(operator, dedupe_proven=True)."""
    opened: list[Shop] = []

    def open_(operator: Operator, **channel: Any) -> Shop:
        folder = tmp_path / f"shop-{len(opened)}"
        folder.mkdir()
        config = configuration(folder, operator.profile, operator.url, **channel)
        opened.append(Shop(operator.profile, config, Paymaster.open(config, create=True)))
        return opened[-1]

    yield open_
    for shop in opened:
        shop.paymaster.close_store()
