"""What many tests share: the real dummy server in a process of its own, and a shop that pays over it.

Tests get these as fixtures; for annotations they import the classes under TYPE_CHECKING.
"""

from __future__ import annotations

import hashlib
import os
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
from gateway_core.store.document_views import AnswerView
from gateway_core.testing.kill import Dummy as Dummy
from gateway_core.testing.postgresql import Missing, Schemas, find
from tests import stores


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
            "deployment": deployment, "environment": "test", "store": stores.address(folder / "store.db"),
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

    def taken(self, statement: Path | bytes, *, by: str = "amina") -> AnswerView:
        """A bank's file that came by hand, and that joseph confirmed."""
        given = self.paymaster.import_statement("dummy", statement, by=by)
        return self.paymaster.confirm_statement(given.id, by="joseph", reason="fetched it too")

    def speak(self, gateway: Gateway[Any], name: str = "dummy", pace: Pace | None = None) -> Channel:
        """Put a gateway of the test's own behind a channel."""
        self.paymaster.configuration._opened[name] = channel = Channel(name, gateway, pace=pace)
        return channel

    def change_store(self, sql: str, *values: Any) -> None:
        """What somebody with access to the database could do."""
        assert stores.run(self.store, sql, values) == 1

    def backup(self) -> Path:
        """As it is now. On PostgreSQL, where the server has tools of its own for that, a copy beside it."""
        target = self.folder / "backup.db"
        if stores.SCHEMAS is None:
            self.paymaster.backup(target)
        else:
            stores.copy(self.store, target)
        return target

    def put_back(self, backup: Path) -> None:
        """The backup takes the place of the closed store."""
        for extra in ("-wal", "-shm"):
            self.store.with_name(self.store.name + extra).unlink(missing_ok=True)
        stores.copy(backup, self.store)

    def select(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return stores.rows(self.store, sql, values)


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


@pytest.fixture(scope="session")
def stores_of_session(request: pytest.FixtureRequest) -> Iterator[None]:
    """The place that `tests.stores` speaks of."""
    if request.config.getoption("--store") == "sqlite":
        yield
        return
    try:
        server = find()
    except Missing as error:
        pytest.fail(f"--store postgresql needs a server: {error}", pytrace=False)
    stores.SCHEMAS = Schemas(server, f"gateway_core_test_{os.getpid()}")
    yield
    stores.SCHEMAS.remove()


@pytest.fixture(name="stores")
def stores_of_test(stores_of_session: None) -> Iterator[None]:
    """Whoever opens a store asks for this. Stores of fixtures that live longer ask for `stores_of_session`."""
    before = stores.SCHEMAS.names if stores.SCHEMAS else set()
    yield
    for name in stores.SCHEMAS.names - before if stores.SCHEMAS else ():
        stores.give_back(name)


@pytest.fixture
def open_shop(stores: None, tmp_path: Path, dummy: Dummy) -> Iterator[Callable[..., Shop]]:
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
