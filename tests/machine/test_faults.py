"""The machine fails in the midst of a run: a clear error or a hold, never a second payment, and this process lives on.

Once the fault is lifted, the run goes on and ends with the ledger agreeing with the journal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import RestoredStore, StoreError
from gateway_core.testing.kill import Dummy

from .faults import CASES, EACH, Case
from .rig import LINES, At, Run, agrees

if TYPE_CHECKING:
    from tests.conftest import Shop

pytestmark = pytest.mark.sqlite("about its files and locks")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("name", "at"), EACH, ids=lambda it: it if isinstance(it, str) else it[0])
@pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
@pytest.mark.few(4)
def test_a_fault_in_the_midst_of_a_run(
    name: str, at: At, no_dedupe: bool, open_here: Callable[..., Shop], servers: dict[bool, Dummy]
) -> None:
    case, shop = CASES[name], open_here(no_dedupe)
    payroll = shop.approved(shop.invoices(LINES, cycle=str(shop.folder)))
    shop.paymaster.backup(shop.folder / "backup.db")

    run = Run(shop, payroll).with_fault(lambda: case.strikes(shop.folder), at)

    assert run.error is not None or case.goes_by
    if run.error is not None:
        assert isinstance(run.error, StoreError), repr(run.error)
        assert re.search(case.says, str(run.error)), str(run.error)
    _goes_on(case, shop, payroll)
    agrees(servers[no_dedupe], shop, payroll, held=no_dedupe)


def _goes_on(case: Case, shop: Shop, payroll: str) -> None:
    if case.reopen:
        with pytest.raises(StoreError, match="open"):
            shop.run(payroll)
        shop.paymaster.close_store()
        if case.restored:
            # As the page about restoring says: what belonged to the old file is none of this one's.
            for part in ("-wal", "-shm"):
                shop.store.with_name(shop.store.name + part).unlink(missing_ok=True)
        shop.reopen()
    if case.restored:
        with pytest.raises(RestoredStore):
            shop.run(payroll)
        shop.paymaster.restored(by="amina", second="joseph")
    assert not shop.run(payroll).waiting
