"""What many tests share: the real dummy server in a process of its own, and a shop that pays over it.

Tests get these as fixtures; for annotations they import the classes under TYPE_CHECKING.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway_core.contract.channel import Channel, Pace
from gateway_core.contract.gateway import Gateway
from gateway_core.lifecycle.running import Report
from gateway_core.model.accounts import Account
from gateway_core.model.money import Money
from gateway_core.model.payment import Invoice
from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import Server

SECRET = "the-callback-secret"


class Dummy:
    """A dummy server with its ledger file."""

    def __init__(self, ledger: Path, *, chaos: int | None = None, no_dedupe: bool = False, rate: float = 0.3) -> None:
        self.ledger = ledger
        arguments = f"0, {str(ledger)!r}, chaos={chaos}, no_dedupe={no_dedupe}, chaos_rate={rate}"
        self._server = Server(
            f"from gateway_dummy_server.cli import serve; serve({arguments})", {"GATEWAY_DUMMY_SECRET": SECRET}
        )
        self.url = self._server.url

    def stop(self) -> None:
        self._server.stop()

    def moved(self) -> dict[str, int]:
        """How often money left for each of our payment ids, less how often it came back."""
        query = "SELECT reference, SUM(moved - reversed) FROM payments GROUP BY reference"
        return self._all(query)

    def moved_by_entitlement(self) -> dict[str, int]:
        """How often money left for each entitlement, under whatever keys."""
        return self._all("SELECT entitlement, SUM(moved) FROM payments GROUP BY entitlement")

    def copies(self) -> dict[str, int]:
        """How many copies of requests came for each of our payment ids."""
        return self._all("SELECT reference, SUM(copies) FROM payments GROUP BY reference")

    def _all(self, query: str) -> dict[str, int]:
        db = sqlite3.connect(self.ledger)
        try:
            return {str(name): int(times) for name, times in db.execute(query)}
        finally:
            db.close()


def invoices(count: int = 1, *, account: str = "w-{:04d}", amount: int = 50_000, **changes: Any) -> list[Invoice]:
    """So many invoices in shillings, each for another beneficiary with an account of her own."""
    return [invoice(n, account.format(n), amount + n if count > 1 else amount, **changes) for n in range(count)]


def invoice(n: int, account: str, amount: int = 50_000, **changes: Any) -> Invoice:
    """Invoice `n`."""
    known: dict[str, Any] = {
        "id": f"inv-{n}", "beneficiary": f"ben-{n}", "name": f"Name {n}", "account": Account("wallet", account),
        "amount": Money(amount, "UGX"), "programme": "child-grant", "cycle": "2026-11",
    }  # fmt: skip
    return Invoice(**(known | changes))


class Shop:
    """A Paymaster on a store of its own. amina proposes and reconciles, joseph approves and closes."""

    invoice, invoices = staticmethod(invoice), staticmethod(invoices)

    def __init__(self, folder: Path, url: str, *, channel: Mapping[str, Any] | None = None, **top: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        # Keys are derived from the deployment: shops that share a server must not share its name.
        deployment = "shop-" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        dummy = {"gateway": "dummy_server", "base_url": url, "timeout": 1.0, **(channel or {})}
        self.config: dict[str, Any] = {
            "deployment": deployment, "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
            "mark_dir": str(folder / "marks"), "channels": {"dummy": dummy}, **top,
        }  # fmt: skip
        self.paymaster = Paymaster.open(self.config, create=True)

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def reopen(self, **changes: Any) -> Paymaster:
        """Close the store and open it again, with another configuration if wanted."""
        self.paymaster.close_store()
        self.config |= changes
        self.paymaster = Paymaster.open(self.config)
        return self.paymaster

    def proposed(self, lines: Iterable[Invoice], name: str = "payroll") -> str:
        return self.paymaster.propose(name, lines, channel="dummy", by="amina")

    def approved(self, lines: Iterable[Invoice], name: str = "payroll") -> str:
        payroll = self.proposed(lines, name)
        self.paymaster.approve(payroll, by="joseph")
        return payroll

    def run(self, payroll: str | None = None, wait: float = 20.0) -> Report:
        return self.paymaster.run(payroll, wait=wait)

    def paid(self, lines: Iterable[Invoice], name: str = "payroll") -> str:
        """Approved and run until nothing is due any more."""
        payroll = self.approved(lines, name)
        self.run(payroll)
        return payroll

    def states(self, payroll: str | None = None) -> dict[str, str]:
        """Invoice id to state."""
        return {view.invoice: view.state for view in self.paymaster.payments(payroll)}

    def state(self, payroll: str) -> str:
        """The state of the payroll's only payment."""
        (state,) = self.states(payroll).values()
        return state

    def payment(self, payroll: str) -> str:
        """The id of the payroll's first payment."""
        return self.paymaster.payments(payroll)[0].id

    def release(self, payment: str, to: str) -> None:
        """Two people release a held payment."""
        assert not self.paymaster.release(payment, to, by="amina", reason="looked")
        assert self.paymaster.release(payment, to, by="joseph", reason="looked too")

    def speak(self, gateway: Gateway[Any], name: str = "dummy", pace: Pace | None = None) -> Channel:
        """Put a gateway of the test's own behind a channel."""
        self.paymaster.configuration._opened[name] = channel = Channel(name, gateway, pace=pace)
        return channel

    def change_store(self, sql: str, *values: Any) -> None:
        """What somebody with access to the file could do."""
        db = sqlite3.connect(self.store)
        try:
            assert db.execute(sql, values).rowcount == 1
            db.commit()
        finally:
            db.close()

    def select(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        db = sqlite3.connect(self.store)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()


@pytest.fixture(scope="session")
def dummy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dummy]:
    """A server without chaos, for all tests: it misbehaves only where an account or an amount asks for it."""
    server = Dummy(tmp_path_factory.mktemp("dummy") / "ledger.db")
    yield server
    server.stop()


@pytest.fixture
def start_dummy(tmp_path: Path) -> Iterator[Callable[..., Dummy]]:
    """Start a server of the test's own: start_dummy(chaos=7, no_dedupe=True)."""
    started: list[Dummy] = []

    def start(**kind: Any) -> Dummy:
        started.append(Dummy(tmp_path / f"ledger-{len(started)}.db", **kind))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def open_shop(tmp_path: Path, dummy: Dummy) -> Iterator[Callable[..., Shop]]:
    """Open a shop: open_shop(url=..., channel={...}, approvers={...})."""
    opened: list[Shop] = []

    def open_(url: str = "", **how: Any) -> Shop:
        opened.append(Shop(tmp_path / f"shop-{len(opened)}", url or dummy.url, **how))
        return opened[-1]

    yield open_
    for shop in opened:
        shop.paymaster.close_store()


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """A shop on the shared server."""
    return open_shop()
