"""In a restored store an attempt may have ended without any money ask of its own; the lost part may have paid by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from gateway_dummy_server.gateway import DummyGateway, DummySettings

from gateway_core.contract import (
    Ask,
    Ctx,
    NotFound,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Request,
    Secret,
    Verdict,
    path,
)

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop


class LooksUp(DummyGateway):
    """Asks for the account before it pays. `closed`: what the rail says of every account just now.

    `late`: so often the rail does not know yet, when it is asked, what it was sent before.
    """

    name = "looks_up"
    test_only = True
    closed = False
    late = 0

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        account = payment.account
        found = yield Ask("account", Request("GET", path("accounts", account.type, account.value)))
        if isinstance(found, Refused):
            return found
        return (yield from super().execute_payment(payment, ctx))

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        if ask.name == "account" and self.closed:
            return Refused("suspended", "for the moment")
        if ask.moves_money and self.late and reply.status == 200:
            self.late -= 1
            return NotFound()
        return super().parse_response(ask, reply)


def opened(
    gateway: type[LooksUp], open_shop: Callable[..., Shop], start_dummy: Callable[..., Dummy]
) -> tuple[Dummy, Shop, LooksUp, str]:
    """A payroll of one payment over a gateway, approved: the provider, the shop, the gateway, the payroll."""
    server = start_dummy()
    shop = open_shop(server.url)
    made = gateway(DummySettings(base_url=server.url))
    shop.speak(made)
    return server, shop, made, shop.approved(shop.invoices(1))


@pytest.mark.parametrize("late", [0, 1])
def test_an_attempt_that_a_look_up_ended_may_have_been_paid_before_the_restore(
    open_shop: Callable[..., Shop], start_dummy: Callable[..., Dummy], late: int
) -> None:
    """`late`: the copy was on its way when the store was restored, so one "not found" about it proves nothing."""
    server, shop, gateway, payroll = opened(LooksUp, open_shop, start_dummy)
    backup = shop.backup()
    shop.run(payroll)
    assert shop.state(payroll) == "paid"

    shop.paymaster.close_store()
    shop.put_back(backup)
    shop.reopen()
    shop.speak(gateway)
    shop.paymaster.restored(by="amina", second="joseph")
    gateway.closed = True
    shop.run(payroll)
    assert shop.state(payroll) == "held", "what was lost may have paid it"
    shop.release(shop.payment(payroll), "refused")
    gateway.closed, gateway.late = False, late
    shop.paymaster.retry(shop.payment(payroll), by="amina", reason="the account is open again")
    shop.run(payroll)
    assert shop.state(payroll) == "held"
    assert "knows attempt 1" in shop.paymaster.payments(payroll)[0].reason
    assert gateway.late == 0 and set(server.moved_by_entitlement().values()) == {1}


class CannotBeAsked(LooksUp):
    """Nothing that is asked about its first attempts can be sent: a secret is gone from the configuration."""

    name = "cannot_be_asked"

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        flow, answer = super().execute_payment(payment, ctx), None
        try:
            while True:
                ask: Any = flow.send(answer)  # type: ignore[arg-type]
                if ask.moves_money and ctx.attempt == 1:
                    asked = attrs.evolve(ask.find_out, headers={"X-Gone": Secret("gone")})
                    ask = attrs.evolve(ask, find_out=asked)
                answer = yield ask
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def test_what_cannot_be_sent_about_a_lost_attempt_is_noted_of_that_attempt(
    open_shop: Callable[..., Shop], start_dummy: Callable[..., Dummy]
) -> None:
    """It is counted there, so that the asking has an end; and says nothing of the attempt that is to go."""
    server, shop, gateway, payroll = opened(CannotBeAsked, open_shop, start_dummy)
    shop.paymaster.restored(by="amina", second="joseph")
    gateway.closed = True
    shop.run(payroll)
    shop.release(shop.payment(payroll), "refused")
    gateway.closed = False
    shop.paymaster.retry(shop.payment(payroll), by="amina", reason="the account is open again")
    shop.run(payroll)
    said = [event for event in shop.paymaster.events(shop.payment(payroll)) if event.source == "reconcile"]
    assert {(event.attempt, event.value) for event in said} == {(1, "unknown")}
    assert not server.moved_by_entitlement()
