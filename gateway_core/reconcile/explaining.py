"""A person says why a difference is none. It holds as long as the difference is the same, to the smallest unit."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from ..cash.accounts import NOT_SEALED
from ..model.errors import WrongState
from ..store import Store, payrolls, statements
from .report import Difference, every

PAGE = 200


def explain(
    store: Store, payroll: str, by: str, reason: str, kind: str = "", only: Collection[str] = ()
) -> int:  # fmt: skip
    """Explain the differences of a kind, or those of these payments, invoices or lines. Returns how many."""
    if not reason.strip():
        raise WrongState("explaining a difference needs a reason: what was found, and where")
    if not kind and not only:
        raise WrongState("say which differences: of which kind, or of which payments")
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    if row.state == "reconciled":
        raise WrongState(f"payroll {row.name!r} is closed; it was closed with its differences explained")
    wanted = (one for one in every(store, row.id) if _meant(one, kind, only))
    count = 0
    while page := list(islice(wanted, PAGE)):
        given = [(one.subject, one.kind, one.delta) for one in page]
        with store.write() as connection:
            row = payrolls.get(connection, row.id)
            payrolls.record(connection, store, row, "explained", by, {"reason": reason, "differences": given})
            statements.explain(connection, row.id, given, by, reason)
        count += len(given)
    if not count:
        raise WrongState(f"payroll {row.name!r} has no such difference; `gateway report` lists them")
    return count


def _meant(one: Difference, kind: str, only: Collection[str]) -> bool:
    if one.kind in ("still_open", NOT_SEALED):
        return False
    return (not kind or one.kind == kind) and (not only or one.subject in only or (one.invoice or "-") in only)
