"""What tests of a bank's answers share: a payroll that is with the bank, and what became known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bank import Order

if TYPE_CHECKING:
    from .conftest import Branch


def sent(branch: Branch, count: int = 3) -> tuple[str, list[Order]]:
    """A payroll that is with the bank, and its orders."""
    payroll = branch.approved(count)
    branch.run()
    branch.bank.collect()
    return payroll, branch.bank.everything()


def facts(branch: Branch) -> int:
    """How many facts all payments have."""
    return sum(len(branch.shop.paymaster.events(p.id)) for p in branch.shop.paymaster.payments())


def cases(branch: Branch) -> list[str]:
    return [case.kind for case in branch.shop.paymaster.cases()]
