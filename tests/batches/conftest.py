"""A shop whose channel is the directory bank."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.engine.runtime import SECOND
from tests.steady import Steady
from tests.stores import address

from .bank import Bank
from .gateway import CsvBank, CsvSettings

SETTLED = {"handed_over", "held", "refused", "withdrawn"}

if TYPE_CHECKING:
    from gateway_core.contract.gateway import Capabilities
    from tests.conftest import Shop


ROOT = Path(__file__).parents[2]


@attrs.define
class Branch:
    """A shop and its bank. `invoices(n)` have accounts of their own."""

    shop: Shop
    bank: Bank
    gateway: CsvBank

    def approved(self, count: int = 3, name: str = "payroll") -> str:
        return self.shop.approved(self.shop.invoices(count), name)

    def run(self, wait: float = 0.0, *, later: float = 0.0) -> Any:
        """A run; `later`: by a clock that has gone on by so many seconds."""
        runtime: Any = self.shop.paymaster._runtime
        self.shop.paymaster._runtime = type("Here", (Steady, runtime), {"ahead": int(later * SECOND)})
        try:
            return self.shop.paymaster.run(wait=wait)
        finally:
            self.shop.paymaster._runtime = runtime

    def known(self) -> None:
        """Run until the fate of every file is known, or people have it."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            self.run(wait=1.0)
            if set(self.documents()) <= SETTLED:
                return
            time.sleep(0.1)
        raise AssertionError(self.documents())

    def speak(self, **settings: Any) -> None:
        """Put the gateway behind the channel anew, after the store was opened again, say."""
        settings = {**attrs.asdict(self.gateway.settings), **settings}
        capabilities = self.gateway.capabilities
        self.gateway = type(self.gateway)(CsvSettings(**settings))
        self.gateway.capabilities = capabilities
        self.shop.speak(self.gateway)

    def reopen(self, **changes: Any) -> None:
        self.shop.reopen(**changes)
        self.speak()

    def states(self) -> dict[str, str]:
        return self.shop.states()

    def documents(self) -> list[str]:
        return [document.state for document in self.shop.paymaster.documents()]

    def whole(self) -> None:
        """The journal is whole, and every state follows from its facts."""
        said = self.shop.paymaster.verify()
        assert said.ok, said.findings


@pytest.fixture
def open_branch(open_shop: Callable[..., Shop], tmp_path: Path) -> Callable[..., Branch]:
    """open_branch(lines=..., capabilities=..., gateway=...): a shop with a bank of its own."""
    count = 0

    def open_(
        *, gateway: type[CsvBank] = CsvBank, capabilities: Capabilities | None = None, folder: Path | None = None,
        dedupes: bool = True, top: dict[str, Any] | None = None, **settings: Any,
    ) -> Branch:  # fmt: skip
        nonlocal count
        count += 1
        bank = Bank(folder or tmp_path / f"bank-{count}", dedupes)
        places = {"outbox": str(bank.folder / "out"), "inbox": str(bank.folder / "in")}
        made = gateway(CsvSettings(**{**places, **settings}))
        if capabilities is not None:
            made.capabilities = capabilities
        shop = open_shop(**(top or {}))
        shop.speak(made)
        return Branch(shop, bank, made)

    return open_


@pytest.fixture
def branch(open_branch: Callable[..., Branch]) -> Branch:
    """A shop with a bank that takes ten lines a file."""
    return open_branch()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bank's gateway as people install one: found by its entry point, here and in processes that are started."""
    site = tmp_path / "site"
    info = site / "csv_bank-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: csv-bank\nVersion: 1.0\n")
    banks = "csv_bank = tests.batches.gateway:CsvBank\nparking_bank = tests.batches.parking:ParkingBank\n"
    (info / "entry_points.txt").write_text(f"[gateway_core]\n{banks}")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{ROOT}")
    return site


@pytest.fixture
def configured(installed: Path, stores: None, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """configured(name, lines=...): a configuration with the directory bank as its channel `bank`."""

    def make(name: str, **settings: Any) -> dict[str, Any]:
        folder = tmp_path / name
        folder.mkdir()
        places = {"outbox": str(folder / "bank" / "out"), "inbox": str(folder / "bank" / "in")}
        return {
            "deployment": f"batches-{name}", "environment": "test", "store": address(folder / "store.db"),
            "mark_dir": str(folder / "marks"), "channels": {"bank": {"gateway": "csv_bank", **places, **settings}},
        }  # fmt: skip

    return make
