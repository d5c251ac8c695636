"""A rail whose money request names the quote it was given, as a Mojaloop transfer does; and one with a careless plugin.

Their worlds have one more law: money leaves only on a quote that the journal holds for this very attempt.
"""

from __future__ import annotations

import json
from itertools import count

import attrs
import pytest

from gateway_core.contract.flow import Ask, Ctx, Paid, PayFlow, Request, path
from gateway_core.contract.gateway import Settings
from gateway_core.contract.replies import Done
from gateway_core.engine.wire import Wire
from gateway_core.model.payment import Payment
from gateway_core.testing.simulation.faces import Order, PlainFace, Rail
from gateway_core.testing.simulation.rails import OneAsk
from gateway_core.testing.simulation.watch import Violation, Watch


class Quoted(OneAsk):
    """Get a quote, then pay on it."""

    name = "sim_quoted"

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """Quote, pay."""
        quote = self.quote_id(ctx)
        about = {"account": payment.account.value, "amount": payment.amount.minor}
        quoted = yield Ask("quote", Request("POST", path("quotes", quote), json=about))
        if not isinstance(quoted, Done):
            return quoted
        pay = self.pay(payment, ctx)
        done = yield attrs.evolve(pay, request=attrs.evolve(pay.request, json={**pay.request.json, "quote": quote}))
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done

    def quote_id(self, ctx: Ctx) -> str:
        """The quote's id."""
        return ctx.new_id("quote")


class Careless(Quoted):
    """Its author drew an id instead of deriving it."""

    name = "sim_careless"
    _drawn = count()

    def quote_id(self, ctx: Ctx) -> str:
        """Another one whenever the flow runs again."""
        return f"quote-{next(self._drawn)}"


QUOTED = Rail(lambda: Quoted(Settings(base_url="http://rail.invalid")), PlainFace())
CARELESS = Rail(lambda: Careless(Settings(base_url="http://rail.invalid")), PlainFace())


def on_its_quote(m: pytest.MonkeyPatch) -> None:
    """The law about quotes."""
    leaves = Watch.leaves

    def watched(self: Watch, sent: Wire) -> None:
        leaves(self, sent)
        order = self.face.read(sent)
        if isinstance(order, Order):
            _on_its_quote(self, order)

    m.setattr(Watch, "leaves", watched)


def _on_its_quote(watch: Watch, order: Order) -> None:
    query = (
        "SELECT quote.body FROM facts quote JOIN facts pay ON pay.payment = quote.payment"
        " AND pay.attempt = quote.attempt AND pay.key = ? AND pay.kind = 'intent'"
        " WHERE quote.kind = 'intent' AND quote.step = 'quote'"
    )
    given = [json.loads(body)["request"]["path"] for (body,) in watch.raw.execute(query, (order.key,))]
    if path("quotes", order.raw["quote"]) not in given:
        raise Violation("4", "money left on a quote that was never given for this attempt")
