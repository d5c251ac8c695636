"""Shops after the money: lists that come back filled in, providers' statements, a rail that cannot be asked."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from gateway_dummy_server import DummyGateway

if TYPE_CHECKING:
    from tests.conftest import Shop

COLUMNS = {
    "reference": "Receipt", "id": "External ID", "account": "To", "amount": "Amount", "status": "Status",
    "date": "Date", "fee": "Fee", "reason": "Remark",
}  # fmt: skip
MAPPING = {
    "columns": COLUMNS,
    "paid": ["SUCCESSFUL"], "refused": ["FAILED"], "returned": ["REVERSED"], "pending": ["PENDING"],
    "currency": "UGX", "date": "DD/MM/YYYY",
}  # fmt: skip
Row = dict[str, str]


class Office:
    """What an officer does with files, in one folder. amina gives files, joseph confirms and closes."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.folder, self._made = shop, folder, 0

    def filled(self, payroll: str, cells: Mapping[str, Row] | Callable[[Row], Row], name: str = "") -> Path:
        """The payroll's list, downloaded and filled in: {invoice: cells}, or a function of each row."""
        path = self._path(name or "list.csv")
        self.shop.paymaster.export("list", path, payroll=payroll)
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        rows = [row | (cells(row) if callable(cells) else cells.get(row["invoice"], {})) for row in rows]
        return self._write(path, list(rows[0]), rows)

    def sheet(self, rows: Iterable[Row], name: str = "") -> Path:
        """A provider's statement."""
        names = list(COLUMNS.values())
        return self._write(self._path(name or "statement.csv"), names, rows)

    def _path(self, name: str) -> Path:
        self._made += 1
        (self.folder / str(self._made)).mkdir()
        return self.folder / str(self._made) / name

    @staticmethod
    def _write(path: Path, names: list[str], rows: Iterable[Row]) -> Path:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def booked(self, payroll: str, **changes: str) -> list[Row]:
        """What a provider's statement says of a payroll whose every payment is as we have it."""
        says = {"paid": "SUCCESSFUL", "refused": "FAILED", "returned": "REVERSED"}
        return [
            {
                "Receipt": p.reference, "External ID": p.id, "To": p.account, "Amount": p.amount,
                "Status": says[p.state], "Date": "25/11/2026",
            }
            | changes
            for p in self.shop.paymaster.payments(payroll)
            if p.state in says
        ]  # fmt: skip

    def differences(self, payroll: str) -> dict[str, list[tuple[str, int]]]:
        """{kind: [(invoice or line, delta)]}; and the report adds up."""
        report = self.shop.paymaster.zero_sum(payroll)
        assert report.adds_up
        found: dict[str, list[tuple[str, int]]] = {}
        for one in report.differences:
            found.setdefault(one.kind, []).append((one.invoice or one.subject.rpartition("/")[2], one.delta))
        return found


@pytest.fixture
def office(shop: Shop, tmp_path: Path) -> Office:
    """An office over a rail that can be asked, whose provider writes statements."""
    shop.reopen(channels={"dummy": {**shop.config["channels"]["dummy"], "statement": MAPPING}})
    return Office(shop, tmp_path)


@pytest.fixture
def mute(open_shop: Callable[..., Shop], quick: Mapping[str, Any], tmp_path: Path) -> Office:
    """An office over a rail that cannot be asked, and says nothing of half of what it pays."""
    shop = open_shop(channel={**quick, "patience": 0.05, "statement": MAPPING})
    old = shop.paymaster.configuration.channel("dummy")
    gateway = DummyGateway(old.gateway.settings)
    gateway.capabilities = attrs.evolve(old.capabilities, finds_out=False, callbacks=False)
    shop.speak(gateway, pace=old.pace)
    return Office(shop, tmp_path)


@pytest.fixture
def quick() -> Mapping[str, Any]:
    """A channel's settings with which doubts end in a moment."""
    return {"ask_after": 0.02, "ask_at_most": 0.05, "ask_limit": 3, "settle": 0.05, "patience": 0.6}
