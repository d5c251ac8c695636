"""Limits at the instant of sending: a channel's largest payment, and the caps of cycles.

They were held at the proposal and at the approval. One that was lowered since holds what is above it now: each payment
that is itself too large, and all that was not sent yet of what is too large together, whichever of it would go first.
What came back (refused, returned, cancelled) is not counted: taking lines out makes room for the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...contract.hookspecs import hookimpl
from ...model.money import Money
from ...model.payment import Objection, Payment
from ...model.states import UNPAID
from ...store import Store
from ...store import tables as t
from . import caps
from .caps import Scope

_p = t.payments.c
# What a cap is held over beside its own payment: the whole payroll, or what of it goes to one payment point.
TOGETHER = ("payroll", "payments", "payment_point")


@attrs.define
class Whole:
    """What lines of one payroll in one cycle come to: their number, and minor units in all and by payment point."""

    number: int = 0
    amount: int = 0
    points: Counter[str] = attrs.field(factory=Counter)

    def above(self, scope: Scope, payment: Payment) -> Objection | None:
        """The first cap that a payment of these lines is above together with the others."""
        point = payment.account.value if payment.account.type == "payment_point" else ""
        at, known = self.points[point] if point else 0, scope.terms.caps
        for cap, here, where in (("payroll", self.amount, ""), ("payment_point", at, f" at {point}")):
            if here > known.get(cap, here):
                per = f"{scope.text(known[cap])} per {cap.replace('_', ' ')}"
                return Objection(f"cap_{cap}", f"{scope.text(here)}{where} is above {per}")
        if self.number > (most := known.get("payments", self.number)):
            return Objection("cap_payments", f"{self.number:,} payments are more than {most:,} per payroll")
        return None


class LimitPolicy:
    """Asked with the host's policies. `channels`: the largest payment of each channel that has a limit."""

    def __init__(self, store: Store, channels: Mapping[str, Money]) -> None:
        self._store, self._channels = store, channels
        # What was approved does not change, and counting a million lines before each page would never end.
        self._approved: dict[tuple[str, str, str], Whole] = {}

    @hookimpl
    def check_payments(self, payments: Sequence[Payment]) -> Iterator[tuple[str, Objection]]:
        """An objection to each that its channel takes no more: the limit was lowered since the proposal."""
        for one in payments:
            most = self._channels.get(one.channel)
            if most is not None and (one.amount.currency != most.currency or one.amount.minor > most.minor):
                text = f"{one.amount} is above {most}, the largest payment of channel {one.channel}"
                yield one.id, Objection("above_limit", text)

    @hookimpl
    def before_sending(self, payments: Sequence[Payment]) -> Iterator[tuple[str, Objection]]:
        """An objection to each that is above a limit now."""
        yield from self.check_payments(payments)
        mine = defaultdict[tuple[str, str], list[Payment]](list)
        for one in payments:
            if one.programme:
                mine[one.programme, one.cycle].append(one)
        with self._store.read() as connection:
            for (programme, cycle), some in mine.items():
                terms = caps.terms_of(connection, programme, cycle)
                if terms is not None and terms.caps:
                    scope = Scope("", programme, cycle, terms)
                    yield from _each(connection, scope, some)
                    if any(cap in terms.caps for cap in TOGETHER):
                        yield from self._together(connection, scope, some)

    def _together(
        self, connection: Connection, scope: Scope, payments: Sequence[Payment]
    ) -> Iterator[tuple[str, Objection]]:
        within = defaultdict[str, list[Payment]](list)
        ids = {one.id: one for one in payments}
        for row in connection.execute(sa.select(_p.id, _p.payroll).where(_p.id.in_(list(ids)))):
            within[row.payroll].append(ids[row.id])
        for payroll, some in within.items():
            here = attrs.evolve(scope, payroll=payroll)
            key = payroll, scope.programme, scope.cycle
            if key not in self._approved:
                self._approved[key] = _whole(connection, here)
            if any(self._approved[key].above(here, one) for one in some):
                now = _whole(connection, here, _p.state.not_in(UNPAID))
                yield from ((one.id, said) for one in some if (said := now.above(here, one)) is not None)


def _whole(connection: Connection, scope: Scope, *where: sa.ColumnElement[bool]) -> Whole:
    point = sa.case((_p.account_type == "payment_point", _p.account), else_="").label("point")
    query = sa.select(point, sa.func.count(), sa.func.sum(_p.amount)).where(scope.here, *where).group_by(point)
    whole = Whole()
    for name, number, amount in connection.execute(query):
        whole.number += number
        whole.amount += int(amount)
        whole.points[name] += int(amount)
    return whole


def _each(connection: Connection, scope: Scope, payments: Sequence[Payment]) -> Iterator[tuple[str, Objection]]:
    most, all_of = (scope.terms.caps.get(name) for name in ("payment", "beneficiary"))
    sums = caps.paid(connection, scope, sorted({one.beneficiary for one in payments})) if all_of is not None else {}
    for one in payments:
        if one.amount.currency != scope.terms.currency:
            text = f"it is in {one.amount.currency}, the caps of {scope.programme}/{scope.cycle} are not"
            yield one.id, Objection("cap_currency", text)
        elif most is not None and one.amount.minor > most:
            text = f"{one.amount} is above {scope.text(most)} per payment"
            yield one.id, Objection("cap_payment", text)
        elif all_of is not None and sums.get(one.beneficiary, 0) > all_of:
            text = f"{scope.text(sums[one.beneficiary])} in the cycle is above {scope.text(all_of)} per beneficiary"
            yield one.id, Objection("cap_beneficiary", text)
