"""What an auditor relies on of cash is verified: any cell that somebody changed is found, and any photograph."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.cash.phone import Device
from gateway_core.cash.phone.signed import base64_key
from gateway_core.cash.stations import Device as Known
from gateway_core.store import cash_tables as c
from gateway_core.store import parcels

from .phones import Phone
from .test_archives import packed

if TYPE_CHECKING:
    from .conftest import Till

TABLES = (c.places, c.lists, c.arrivals, c.proofs, c.photos, c.parcels)


@pytest.fixture
def audited(till: Till, tmp_path: Path) -> Till:
    """Two lists: one was paid, proven by a signed archive and by bare records, decided, counted and sealed; of the
    other one nothing is decided. A photograph was refused, and a record is of none of ours.
    """
    till.issued(3)
    paper, key = till.paper(), Ed25519PrivateKey.generate()
    till.paymaster.set_device(Known(code="phone-7", officer="grace", key=base64_key(key.public_key())), by="amina")
    till.paymaster.set_device(Known(code="phone-1"), by="amina")
    till.paymaster.submit_proofs(packed(till, tmp_path / "a.zip", Device("phone-7"), key), by="amina")
    slip = till.phone.pay(paper, 3)
    good = till.phone.pay(paper, 3, photo=None)
    till.submit(till.phone.sends())
    till.paymaster.accept_proofs(paper["id"], by="joseph")
    till.paymaster.reject_proofs(paper["id"], by="joseph", only=[slip.hash], reason="a photo of a wall")
    till.paymaster.accept_proofs(paper["id"], by="joseph", only=[good.hash], reason="seen on the paper")
    devices = {"phone-7": 2, "phone-1": 2}
    till.counted(paper["id"], sum(line["amount"] for line in paper["lines"]), 0, devices=devices)
    till.paymaster.seal_list(paper["id"], by="joseph")
    till.run(till.shop.approved(till.invoices(2, programme="other"), "second"))
    till.phone.pay(till.paper(), 1)
    stranger = Phone("phone-9", "okot")
    stranger.pay({**paper, "id": "NOSUCHLIST"}, 1)
    till.submit(till.phone.sends(3) + stranger.sends())
    store = till.paymaster._store
    with store.write() as connection:
        parcels.keep_photos(connection, store, {"f" * 64: {"refused": "bomb"}}, "amina")
    return till


def found(till: Till) -> list[str]:
    return list(till.paymaster.verify().findings)


def other(value: Any, row: int) -> Any:
    """Another value of a cell, of its type."""
    if value is None or isinstance(value, int):
        return (value or 0) + 1
    return f"{value}x" if not value or row % 2 else ""


@pytest.mark.sqlite("it changes cells past the framework")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.few(2)
def test_any_single_cell_that_was_changed_is_found(audited: Till, table: sa.Table) -> None:
    assert found(audited) == []
    with closing(sqlite3.connect(audited.shop.store, isolation_level=None)) as db:
        for column in (column.name for column in table.columns):
            for row, value in db.execute(f"SELECT rowid, {column} FROM {table.name}").fetchall():
                change = f"UPDATE {table.name} SET {column} = ? WHERE rowid = ?"
                db.execute(change, (other(value, row), row))
                assert found(audited), (column, value)
                db.execute(change, (value, row))
    assert found(audited) == []


@pytest.mark.sqlite("it removes rows past the framework")
@pytest.mark.parametrize("table", [table for table in TABLES if table is not c.arrivals], ids=lambda table: table.name)
def test_any_row_that_was_removed_is_found(audited: Till, table: sa.Table) -> None:
    with closing(sqlite3.connect(audited.shop.store, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        for row in db.execute(f"SELECT rowid, * FROM {table.name}").fetchall():
            db.execute(f"DELETE FROM {table.name} WHERE rowid = ?", (row["rowid"],))
            assert found(audited), dict(row)
            columns, marks = ", ".join(row.keys()), ", ".join("?" * len(row.keys()))
            db.execute(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", [*row])
    assert found(audited) == []


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("tamper", [flipped, Path.unlink])
def test_a_photograph_that_was_changed_or_removed_is_found(audited: Till, tamper: Callable[[Path], None]) -> None:
    folder = audited.paymaster._photos("cash")
    kept = sorted(folder.rglob("*.jpg"))
    assert len(kept) == 5
    for file in kept:
        whole = file.read_bytes()
        tamper(file)
        (finding,) = set(found(audited))
        assert file.stem in finding
        file.write_bytes(whole)
    audited.whole()
