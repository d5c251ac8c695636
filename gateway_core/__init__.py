"""gateway-core: pay a payroll over any rail, each person exactly what was approved, once, and prove it.

What is heavy is imported when it is first used, so that `gateway --help` does not wait for a database library.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .channels import Configuration
    from .lifecycle.checking import CheckReport
    from .lifecycle.running import Report
    from .model.accounts import Account, AccountError, parse_account
    from .model.beneficiary import Beneficiary, Item
    from .model.errors import (
        Altered,
        ConfigurationError,
        GatewayCoreError,
        InvalidPayroll,
        MakerIsChecker,
        Mistake,
        NotFoundError,
        NotPermitted,
        ObjectionsStand,
        RestoredStore,
        SenderBusy,
        StoreError,
        StoreUncertain,
        WrongState,
    )
    from .model.money import AmountError, Money, parse_amount
    from .model.payment import Invoice, Objection, Payment
    from .paymaster import Paymaster
    from .reconcile.audit import Agreement
    from .reconcile.closing import Totals

# The same again, for when the program runs; a test holds both equal to `__all__`.
_HOMES = {
    ".channels": ("Configuration",),
    ".lifecycle.checking": ("CheckReport",),
    ".lifecycle.running": ("Report",),
    ".model.accounts": ("Account", "AccountError", "parse_account"),
    ".model.beneficiary": ("Beneficiary", "Item"),
    ".model.errors": (
        "Altered",
        "ConfigurationError",
        "GatewayCoreError",
        "InvalidPayroll",
        "MakerIsChecker",
        "Mistake",
        "NotFoundError",
        "NotPermitted",
        "ObjectionsStand",
        "RestoredStore",
        "SenderBusy",
        "StoreError",
        "StoreUncertain",
        "WrongState",
    ),
    ".model.money": ("AmountError", "Money", "parse_amount"),
    ".model.payment": ("Invoice", "Objection", "Payment"),
    ".paymaster": ("Paymaster",),
    ".reconcile.audit": ("Agreement",),
    ".reconcile.closing": ("Totals",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Account",
    "AccountError",
    "Agreement",
    "Altered",
    "AmountError",
    "Beneficiary",
    "CheckReport",
    "Configuration",
    "ConfigurationError",
    "GatewayCoreError",
    "InvalidPayroll",
    "Invoice",
    "Item",
    "MakerIsChecker",
    "Mistake",
    "Money",
    "NotFoundError",
    "NotPermitted",
    "Objection",
    "ObjectionsStand",
    "Paymaster",
    "Payment",
    "Report",
    "RestoredStore",
    "SenderBusy",
    "StoreError",
    "StoreUncertain",
    "Totals",
    "WrongState",
    "parse_account",
    "parse_amount",
]


# A library is silent until its host says where to log.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
