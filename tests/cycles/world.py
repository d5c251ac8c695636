"""What the tests of cycles share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway_core.model.accounts import Account
from gateway_core.model.beneficiary import Beneficiary
from gateway_core.paymaster import Paymaster

PROGRAMME, CYCLE = "child-grant", "child-grant/2026-11"


def people(*places: object, account: str = "w-{}", **extra: str) -> list[Beneficiary]:
    """A beneficiary for each place, a wallet of her own each."""
    return [
        Beneficiary(id=f"ben-{n}", name=f"Name {n}", account=Account("wallet", account.format(n)), extra=extra)
        for n in places
    ]


def set_up(paymaster: Paymaster, **terms: Any) -> None:
    """A programme in shillings over the channel dummy, and its cycle of November."""
    paymaster.set_programme(PROGRAMME, by="amina", currency="UGX", channel="dummy")
    paymaster.set_cycle(PROGRAMME, "2026-11", by="amina", **({"amount": "50000"} | terms))


def generated(paymaster: Paymaster, who: Sequence[Beneficiary], **terms: Any) -> None:
    """Set up, with these invoices in the pool."""
    set_up(paymaster, **terms)
    paymaster.generate(CYCLE, who, by="amina")


def free(paymaster: Paymaster, **how: Any) -> list[str]:
    """Whose invoices are in the pool."""
    return [one.invoice.beneficiary for one in paymaster.pool(CYCLE, **how)]
