"""The disk is full: really, where this user may mount a small one, and else by a limit on the size of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from gateway_core.model.errors import StoreError
from gateway_core.testing.kill import Dummy
from tests.conftest import Shop

from .faults import MOMENTS, Fault, full_disk, no_file_grows
from .rig import LINES, QUICK, At, Run, agrees

FULL = r"database or disk is full|disk I/O error|No space left on device|File too large"


@attrs.frozen
class Disk:
    """Where a store lies, and how it gets full."""

    folder: Path
    fills: Fault


@pytest.fixture
def disk(small_disk: Path | None, tmp_path: Path) -> Disk:
    return Disk(small_disk, full_disk) if small_disk else Disk(tmp_path / "large", no_file_grows)


@pytest.fixture(params=[False, True], ids=["dedupe", "no-dedupe"])
def server(request: pytest.FixtureRequest, servers: dict[bool, Dummy]) -> Dummy:
    return servers[request.param]


@pytest.fixture
def shop(disk: Disk, server: Dummy) -> Iterator[Shop]:
    """With the store, the marks and all on that disk."""
    shop = Shop(disk.folder, server.url, channel={**QUICK, "profile": "no-dedupe" if server.no_dedupe else ""})
    yield shop
    shop.paymaster.close_store()


@pytest.mark.parametrize("at", MOMENTS, ids=lambda at: at[0])
def test_it_gets_full_in_the_midst_of_a_run(at: At, shop: Shop, disk: Disk, server: Dummy) -> None:
    payroll = shop.approved(shop.invoices(LINES, cycle=str(shop.folder)))
    run = Run(shop, payroll).with_fault(lambda: disk.fills(shop.folder), at)
    assert isinstance(run.error, StoreError), repr(run.error)
    assert re.search(FULL, str(run.error)), str(run.error)
    shop.reopen()
    assert not shop.run(payroll).waiting
    agrees(server, shop, payroll, held=server.no_dedupe)


def test_it_was_full_before(shop: Shop, disk: Disk, server: Dummy) -> None:
    """Nothing can be opened, proposed, approved or sent, each says so, and all of it works once there is room."""
    payroll = shop.proposed(shop.invoices(LINES, cycle=str(shop.folder)))
    with disk.fills(shop.folder):
        with pytest.raises(StoreError, match=FULL):
            shop.proposed(shop.invoices(200, cycle="another"), "another")
        with pytest.raises(StoreError, match="reopen the store"):
            shop.paymaster.approve(payroll, by="joseph")
        with pytest.raises(StoreError, match="reopen the store"):
            shop.run(payroll)
        if disk.fills is full_disk:
            with pytest.raises(StoreError, match=FULL):
                shop.reopen()
    shop.reopen()
    if shop.paymaster.status(payroll)[0].state == "awaiting_approval":
        shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll)
    agrees(server, shop, payroll)
    copies = server.copies()
    assert {copies[view.id] for view in shop.paymaster.payments(payroll)} == {1}
