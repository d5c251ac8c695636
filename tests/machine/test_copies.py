"""More than one store where there was one: a copied directory, a second deployment, a second place to send from.

Whatever is sent from one of them is never sent again from another, on a rail that pays a repeated key twice, too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from gateway_core.model.errors import RestoredStore, SenderBusy, StoreError
from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import Dummy

from .rig import LINES

if TYPE_CHECKING:
    from tests.conftest import Shop

pytestmark = pytest.mark.sqlite("about copies of its file")

PROVIDERS = pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
OpenHere = Callable[..., "Shop"]


@attrs.frozen
class Twins:
    """A store with an approved payroll, and a copy of its whole directory."""

    original: Shop
    copy: Paymaster
    payroll: str

    def payments(self) -> list[str]:
        return [view.id for view in self.copy.payments(self.payroll)]


@contextmanager
def copied(shop: Shop, folder: Path) -> Iterator[Twins]:
    """Copied while nobody sends, marks and all, and put to use elsewhere."""
    payroll = shop.approved(shop.invoices(LINES, cycle=str(shop.folder)))
    shop.reopen()
    shutil.copytree(shop.folder, folder)
    changes = {"store": f"sqlite:///{folder / 'store.db'}", "mark_dir": str(folder / "marks")}
    with Paymaster.open({**shop.config, **changes}) as copy:
        yield Twins(shop, copy, payroll)


def moved_once(server: Dummy, twins: Twins, *, copies: int) -> None:
    moved, sent = server.moved(), server.copies()
    assert {moved.get(payment, 0) for payment in twins.payments()} == {1}
    assert {sent[payment] for payment in twins.payments()} <= set(range(1, copies + 1))


def states(paymaster: Paymaster, payroll: str) -> set[str]:
    return {view.state for view in paymaster.payments(payroll)}


@PROVIDERS
def test_the_original_goes_on_before_its_copy(
    no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy], tmp_path: Path
) -> None:
    with copied(open_here(no_dedupe), tmp_path / "copy") as twins:
        twins.original.run(twins.payroll)
        with pytest.raises(RestoredStore, match="is it a copy"):
            twins.copy.run(twins.payroll)
        twins.copy.restored(by="amina", second="joseph")
        twins.copy.run(twins.payroll, wait=20)
        assert states(twins.copy, twins.payroll) == {"paid"}
        moved_once(servers[no_dedupe], twins, copies=1)


@PROVIDERS
def test_the_copy_goes_on_before_the_original(
    no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy], tmp_path: Path
) -> None:
    """Where the rail does not know a repeated key, people must say what becomes of what it never heard of."""
    with copied(open_here(no_dedupe), tmp_path / "copy") as twins:
        twins.copy.restored(by="amina", second="joseph")
        twins.copy.run(twins.payroll, wait=20)
        assert states(twins.copy, twins.payroll) == {"held" if no_dedupe else "paid"}
        twins.original.run(twins.payroll)
        assert states(twins.original.paymaster, twins.payroll) == {"paid"}
        moved_once(servers[no_dedupe], twins, copies=2)


@PROVIDERS
def test_both_go_on_at_the_same_time(
    no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy], tmp_path: Path
) -> None:
    with copied(open_here(no_dedupe), tmp_path / "copy") as twins:
        twins.copy.restored(by="amina", second="joseph")
        with ThreadPoolExecutor(2) as pool:
            for each in (twins.copy, twins.original.paymaster):
                pool.submit(each.run, twins.payroll, wait=20)
        assert states(twins.original.paymaster, twins.payroll) == {"paid"}
        moved_once(servers[no_dedupe], twins, copies=2)


def test_two_deployments_on_one_store(open_here: OpenHere) -> None:
    """Its name is part of every key: another one would pay again under other keys."""
    shop = open_here(True)
    shop.approved(shop.invoices(2, cycle=str(shop.folder)))
    with pytest.raises(StoreError, match=r"the store's deployment is 'shop-.*', the configuration says 'another'"):
        Paymaster.open({**shop.config, "deployment": "another"})


def test_one_store_sent_from_two_places(open_here: OpenHere, servers: dict[bool, Dummy], tmp_path: Path) -> None:
    """Another user, or another container on the same volume: one at a time, and the second must be let in."""
    shop = open_here(True)
    payroll = shop.approved(shop.invoices(LINES, cycle=str(shop.folder)))
    with Paymaster.open({**shop.config, "mark_dir": str(tmp_path / "other")}) as other:
        with pytest.raises(RestoredStore, match="is it a copy"):
            other.run(payroll)
        other.restored(by="amina", second="joseph")
        raised: list[str] = []
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(_run, each, payroll) for each in (other, shop.paymaster) for _ in range(2)]:
                raised.append(done.result())
        assert set(raised) <= {"", "SenderBusy"}
        # What the rail never heard of is held in this restored store, and nothing was sent twice.
        assert states(other, payroll) == {"held"}
        assert not servers[True].moved().keys() & {view.id for view in other.payments(payroll)}


def _run(paymaster: Paymaster, payroll: str) -> str:
    try:
        paymaster.run(payroll, wait=20)
    except SenderBusy as error:
        return type(error).__name__
    return ""
