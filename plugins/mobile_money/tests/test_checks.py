"""What is asked before and after paying: accounts, names, balances, statements, reversals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from gateway_mobile_money.gsma_more import reverse, statement

from gateway_core.contract import Account, Ask, Done, Money, Paid, Refused, Reply
from gateway_core.contract.channel import Channel
from gateway_core.engine.runtime import http_lane
from gateway_core.engine.wire import journal_form, wire
from gateway_core.testing.behaviours import FAULTS

from .conftest import NUMBERS, Operator, Shop
from .saying import ctx, gateway

Start = Callable[..., Operator]
Open = Callable[..., Shop]
NO_ACCOUNT = 99900 + list(FAULTS).index("no-such-account") + 1


@pytest.mark.parametrize("profile", ["gsma", "mtn", "airtel"])
def test_accounts_and_names_are_asked_for_before_anything_is_sent(profile: str, start: Start, open_shop: Open) -> None:
    number = NUMBERS[profile].format(2)
    rendered = number.removeprefix("256") if profile == "airtel" else number
    operator = start(profile, names={rendered: "Peter Okello"})
    shop = open_shop(operator)
    lines = [shop.invoice(1), shop.invoice(2), shop.invoice(3, name="NAKATO Amina"), shop.invoice(NO_ACCOUNT)]
    payroll = shop.paymaster.propose("p", lines, channel=profile, by="amina")
    report = shop.paymaster.check(payroll)
    assert {(found.invoice, found.objection.code) for found in report.objections} == {
        ("inv-2", "name_differs"), (f"inv-{NO_ACCOUNT}", "no_such_account"),
    }  # fmt: skip
    assert report.warnings == [] and operator.moved() == {}
    (differs,) = [found.objection.message for found in report.objections if found.objection.code == "name_differs"]
    assert "'Peter Okello'" in differs
    assert report.balances[profile] == Money(10**15, "UGX")


@pytest.mark.parametrize(("amount", "code"), [(Money(5000, "EUR"), "currency"), (Money(5050, "KES"), "amount")])
def test_what_the_operator_cannot_carry_is_told_before_anybody_approves(
    amount: Money, code: str, start: Start, open_shop: Open
) -> None:
    shop = open_shop(start("mpesa"))
    payroll = shop.paymaster.propose("p", [attrs.evolve(shop.invoice(1), amount=amount)], channel="mpesa", by="amina")
    (found,) = shop.paymaster.check(payroll).objections
    assert (found.invoice, found.objection.code) == ("inv-1", code)


def test_no_name_is_asked_for_where_none_is_wanted(start: Start, open_shop: Open) -> None:
    operator = start("mtn", names={NUMBERS["mtn"].format(2): "Peter Okello"})
    shop = open_shop(operator, name_threshold=0.0)
    payroll = shop.paymaster.propose("p", [shop.invoice(2)], channel="mtn", by="amina")
    assert shop.paymaster.check(payroll).good


def test_a_payroll_that_the_balance_does_not_cover_waits(start: Start, open_shop: Open) -> None:
    operator = start("airtel")
    operator.simulator.provider.ledger.deposit("UGX", 1000)
    shop = open_shop(operator)
    payroll = shop.approved(shop.invoices(3))
    report = shop.paymaster.run(payroll, wait=0)
    assert "has 1000 UGX, the payroll needs" in report.skipped["payroll"] and operator.moved() == {}


def test_mpesa_tells_no_balance_at_once(start: Start, open_shop: Open) -> None:
    operator = start("mpesa")
    shop = open_shop(operator)
    payroll = shop.paymaster.propose("p", shop.invoices(1), channel="mpesa", by="amina")
    assert shop.paymaster.check(payroll).balances == {"mpesa": None}


def driven(operator: Operator, shop: Shop, flow: Generator[Ask, Any, Any]) -> Any:
    """Carry a flow out over a lane of its own, as a host would."""
    channel: Channel = shop.paymaster.configuration.channel("gsma")

    async def story() -> Any:
        lane = http_lane(operator.url, channel.gateway.auth())
        try:
            ask = next(flow)
            while True:
                form = journal_form(ask.request)
                status, headers, body = await lane.send(wire(form, channel.secrets()), 5.0, 1 << 20)
                said = channel.parse_response(ask, Reply(status, headers, body, "ask", form["path"]))
                assert isinstance(said, Done | Refused), said
                ask = flow.send(said)
        except StopIteration as end:
            return end.value
        finally:
            await lane.close()

    return asyncio.run(story())


def test_a_statement_is_read_page_by_page_and_names_our_payments(start: Start, open_shop: Open) -> None:
    operator = start("gsma", mode="sync")
    shop = open_shop(operator)
    payroll = shop.paid(shop.invoices(120))
    profile: Any = shop.paymaster.configuration.channel("gsma").gateway.profile  # type: ignore[attr-defined]
    now = datetime.now(UTC)
    lines = driven(operator, shop, statement(profile, now - timedelta(days=1), now))
    ours = {view.id for view in shop.paymaster.payments(payroll)}
    assert {line["requestingOrganisationTransactionReference"] for line in lines} == ours and len(lines) == 120


def test_a_payment_is_reversed_once(start: Start, open_shop: Open) -> None:
    operator = start("gsma", mode="sync")
    shop = open_shop(operator)
    payroll = shop.paid(shop.invoices(1))
    (view,) = shop.paymaster.payments(payroll)
    profile: Any = shop.paymaster.configuration.channel("gsma").gateway.profile  # type: ignore[attr-defined]
    reference = view.reference
    said = driven(operator, shop, reverse(profile, reference, ctx()))
    assert said == Paid(reference)
    assert operator.rows("SUM(moved), SUM(reversed)")[0][1:] == (1, 1)
    # What came back is found when the payroll is reconciled.
    shop.paymaster.reconcile(payroll, by="amina")
    assert shop.states(payroll) == {"inv-0": "returned"}


def test_an_account_of_another_kind_is_an_objection() -> None:
    flow = gateway("gsma").validate_beneficiary(Account("wallet", "w-1"), ctx())
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert end.value.value[0].blocks
