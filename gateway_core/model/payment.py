"""Invoices and payments: what is owed, and the obligation to settle it through one channel."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .accounts import Account
from .identity import digest, entitlement_of
from .money import Money


@attrs.frozen(kw_only=True)
class Invoice:
    """An amount owed to one beneficiary (openIMIS: bill).

    `extra` holds the host's other columns as text. `channel` overrides the payroll's; `reference` is remittance text.
    """

    id: str
    beneficiary: str
    name: str
    account: Account
    amount: Money
    programme: str = ""
    cycle: str = ""
    instalment: str = ""
    reference: str = ""
    channel: str = ""
    extra: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def entitlement(self) -> str:
        """See law 9."""
        return entitlement_of(self.programme, self.cycle, self.beneficiary, self.instalment, self.id)


@attrs.frozen(kw_only=True)
class Payment:
    """All that a gateway or a policy can read of a payment; every attribute is under the approval digest (law 5).

    `id` is a UUID, stable for ever; `number` counts the payments ever planned for the entitlement, from 1.
    """

    id: str
    number: int
    invoice: str
    entitlement: str
    beneficiary: str
    name: str
    account: Account
    amount: Money
    programme: str
    cycle: str
    instalment: str
    reference: str
    channel: str
    extra: Mapping[str, str]

    def leaf(self) -> bytes:
        """This line's part of the approval digest."""
        return digest(
            [
                self.id, self.number, self.invoice, self.entitlement, self.beneficiary, self.name,
                self.account.type, self.account.value, self.amount.minor, self.amount.currency,
                self.programme, self.cycle, self.instalment, self.reference, self.channel,
                dict(self.extra),
            ]
        )  # fmt: skip


@attrs.frozen
class Objection:
    """A reason why a payment or payroll must not go. A warning (`blocks=False`) is shown and does not stop it."""

    code: str
    message: str
    source: str = ""
    blocks: bool = True


@attrs.frozen
class Balance:
    """What the institution can pay out now, as the rail says."""

    available: Money
