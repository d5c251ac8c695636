"""A shop that pays in cash beside the dummy channel. grace pays out, amina gives proofs in, joseph checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core import Account, Invoice
from gateway_core.cash.gateway import CashGateway, CashSettings
from gateway_core.cash.stations import Manager, Point
from gateway_core.engine.runtime import SECOND
from gateway_core.store import parcels
from tests import stores
from tests.conftest import invoice
from tests.steady import Steady

from .phones import Phone, papers

if TYPE_CHECKING:
    from tests.conftest import Shop


@attrs.define
class Till:
    """A shop with a channel `cash`, one payment point P1, and a phone."""

    shop: Shop
    outbox: Path
    phone: Phone = attrs.field(factory=Phone)

    @property
    def paymaster(self) -> Any:
        return self.shop.paymaster

    def invoices(self, count: int, point: str = "P1", **changes: Any) -> list[Invoice]:
        lines = [invoice(n, "w-1", **changes) for n in range(count)]
        return [attrs.evolve(one, account=Account("payment_point", point), channel="cash") for one in lines]

    def issued(self, count: int = 3, name: str = "payroll", **changes: Any) -> str:
        """A payroll whose lists are out. Returns its id."""
        payroll = self.shop.approved(self.invoices(count, **changes), name)
        self.run(payroll)
        return payroll

    def run(self, payroll: str | None = None, *, later: float = 0.0) -> Any:
        runtime: Any = self.paymaster._runtime
        self.paymaster._runtime = type("Here", (Steady, runtime), {"ahead": int(later * SECOND)})
        try:
            return self.paymaster.run(payroll, wait=0.0)
        finally:
            self.paymaster._runtime = runtime

    def papers(self) -> list[dict[str, Any]]:
        return papers(self.outbox)

    def paper(self, number: int = -1) -> dict[str, Any]:
        return max(self.papers(), key=lambda one: one["number"]) if number < 0 else self.papers()[number]

    def submit(self, sent: bytes, by: str = "amina", *, photos: bool = True) -> Any:
        """Bring records in; `photos`: theirs came before."""
        said = [json.loads(line) for line in sent.splitlines()] if photos and sent[:1] == b"{" else []
        kept = {
            one["photo"]["sha256"]: {"kept": self.picture(one["photo"]["sha256"])} for one in said if "photo" in one
        }
        store = self.paymaster._store
        with store.write() as connection:
            parcels.keep_photos(connection, store, kept, by)
        return self.paymaster.submit_proofs(sent, by=by)

    def picture(self, of: str) -> str:
        """What was kept of a photograph lies in its folder. Returns its digest."""
        drawn = f"{of}, drawn anew".encode()
        digest = hashlib.sha256(drawn).hexdigest()
        path = self.paymaster._photos("cash") / digest[:2] / f"{digest}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn)
        return digest

    def counted(self, name: str, handed_out: int, returned: int, **changes: Any) -> Any:
        how = {"how": "devices", "devices": {self.phone.device: len(self.phone.records)}, **changes}
        return self.paymaster.count_list(name, by="amina", handed_out=handed_out, returned=returned, **how)

    def states(self) -> dict[str, str]:
        return self.shop.states()

    def cases(self) -> list[str]:
        return sorted(case.kind for case in self.paymaster.cases())

    def whole(self) -> None:
        said = self.paymaster.verify()
        assert said.ok, said.findings


@pytest.fixture
def open_till(open_shop: Callable[..., Shop], tmp_path: Path) -> Callable[..., Till]:
    """open_till(days=..., lines=...)."""
    count = 0

    def open_(**settings: Any) -> Till:
        nonlocal count
        count += 1
        outbox = tmp_path / f"lists-{count}"
        outbox.mkdir()
        cash = {"gateway": "cash", "outbox": str(outbox), "sandbox": True, **settings}
        if stores.SCHEMAS is not None:
            cash["photos"] = str(tmp_path / f"photos-{count}")
        shop = open_shop()
        shop.reopen(channels={**shop.config["channels"], "cash": cash})
        shop.paymaster.set_manager(Manager(code="M1", name="Grace Akello"), by="amina")
        shop.paymaster.set_point(Point(code="P1", name="Gulu market", manager="M1"), by="amina")
        return Till(shop, outbox)

    return open_


@pytest.fixture
def till(open_till: Callable[..., Till]) -> Till:
    return open_till()


__all__ = ["CashGateway", "CashSettings"]
