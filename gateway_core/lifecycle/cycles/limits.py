"""Limits at the instant of sending: a channel's largest payment, and a cycle's caps per payment and per beneficiary.

They were held at the proposal and at the approval. One that was lowered since holds what is above it now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy.engine import Connection

from ...contract.hookspecs import hookimpl
from ...model.money import Money
from ...model.payment import Objection, Payment
from ...store import Store
from . import caps
from .caps import Scope


class LimitPolicy:
    """Asked with the host's policies. `channels`: the largest payment of each channel that has a limit."""

    def __init__(self, store: Store, channels: Mapping[str, Money]) -> None:
        self._store, self._channels = store, channels

    @hookimpl
    def before_sending(self, payments: Sequence[Payment]) -> Iterator[tuple[str, Objection]]:
        """An objection to each that is above a limit now."""
        for one in payments:
            most = self._channels.get(one.channel)
            if most is not None and (one.amount.currency != most.currency or one.amount.minor > most.minor):
                text = f"{one.amount} is above {most}, the largest payment of channel {one.channel}"
                yield one.id, Objection("above_limit", text)
        cycles = defaultdict[tuple[str, str], list[Payment]](list)
        for one in payments:
            if one.programme:
                cycles[one.programme, one.cycle].append(one)
        with self._store.read() as connection:
            for (programme, cycle), mine in cycles.items():
                terms = caps.terms_of(connection, programme, cycle)
                if terms is not None and terms.caps:
                    yield from _above(connection, Scope("", programme, cycle, terms), mine)


def _above(connection: Connection, scope: Scope, payments: Sequence[Payment]) -> Iterator[tuple[str, Objection]]:
    each, all_of = (scope.terms.caps.get(name) for name in ("payment", "beneficiary"))
    sums = caps.paid(connection, scope, sorted({one.beneficiary for one in payments})) if all_of is not None else {}
    for one in payments:
        if one.amount.currency != scope.terms.currency:
            text = f"it is in {one.amount.currency}, the caps of {scope.programme}/{scope.cycle} are not"
            yield one.id, Objection("cap_currency", text)
        elif each is not None and one.amount.minor > each:
            text = f"{one.amount} is above {scope.text(each)} per payment"
            yield one.id, Objection("cap_payment", text)
        elif all_of is not None and sums.get(one.beneficiary, 0) > all_of:
            text = f"{scope.text(sums[one.beneficiary])} in the cycle is above {scope.text(all_of)} per beneficiary"
            yield one.id, Objection("cap_beneficiary", text)
