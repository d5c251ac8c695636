"""Generating: whole or not at all, the same again is the same, and what differs is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.contract import hookimpl
from gateway_core.lifecycle.cycles import generating
from gateway_core.model.accounts import Account
from gateway_core.model.beneficiary import Beneficiary, Item, items_of
from gateway_core.model.errors import InvalidPayroll, WrongState
from gateway_core.model.money import Money
from gateway_core.paymaster import Paymaster
from tests.cycles.world import CYCLE, free, generated, people, set_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Shop

CHILDREN = {"name": "children", "kind": "supplement", "times": "children", "amount": "10000", "maximum": "30000"}


def codes(error: pytest.ExceptionInfo[InvalidPayroll]) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.code) for mistake in error.value.mistakes]


def test_a_file_of_beneficiaries_becomes_invoices_with_items(shop: Shop, tmp_path: Path) -> None:
    set_up(shop.paymaster, rules=[CHILDREN])
    file = tmp_path / "people.csv"
    file.write_text(
        "beneficiary,name,account_type,account,children,amount\n1,Ann A,wallet,w-1,2,\n2,Bee B,wallet,w-2,7,20000\n"
    )
    made = shop.paymaster.generate(CYCLE, file, by="amina")
    assert (made.fresh, str(made.total)) == (2, "120000 UGX")
    first, second = (one.invoice for one in shop.paymaster.pool(CYCLE))
    assert (first.id, first.amount, first.programme, first.cycle) == (
        f"{CYCLE}/1", Money(70_000, "UGX"), "child-grant", "2026-11",
    )  # fmt: skip
    assert items_of(second.extra, "UGX") == [Item("base", "base", 20_000), Item("children", "supplement", 30_000)]
    assert second.extra["children"] == "7"


def test_the_same_again_changes_nothing_and_new_people_are_added(shop: Shop) -> None:
    generated(shop.paymaster, people(1, 2))
    facts = len(shop.paymaster.events(CYCLE))
    again = shop.paymaster.generate(CYCLE, people(1, 2), by="amina")
    assert (again.fresh, again.same, len(shop.paymaster.events(CYCLE))) == (0, 2, facts)
    more = shop.paymaster.generate(CYCLE, people(1, 2, 3), by="amina")
    assert (more.fresh, more.same) == (1, 2)
    assert free(shop.paymaster) == ["ben-1", "ben-2", "ben-3"]


def test_what_differs_is_said_and_replaces_only_with_a_reason(shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2))
    other = [attrs.evolve(people(1)[0], account=Account("wallet", "w-other")), *people(2)]
    with pytest.raises(InvalidPayroll, match="account was 'wallet w-1' and would be 'wallet w-other'") as caught:
        paymaster.generate(CYCLE, other, by="amina")
    assert codes(caught) == [(1, "generated_otherwise")]
    made = paymaster.generate(CYCLE, other, by="amina", replace="she has another phone")
    assert (made.fresh, made.replaced, made.same) == (0, 1, 1)
    found = {one.invoice.beneficiary: one.invoice.account.value for one in paymaster.pool(CYCLE)}
    assert found == {"ben-1": "w-other", "ben-2": "w-2"}
    assert paymaster.verify().findings == []


def test_what_lies_in_a_payroll_is_not_replaced(shop: Shop) -> None:
    generated(shop.paymaster, people(1))
    shop.paymaster.propose_from_pool("one", CYCLE, by="amina")
    other = [attrs.evolve(people(1)[0], account=Account("wallet", "w-other"))]
    with pytest.raises(InvalidPayroll) as caught:
        shop.paymaster.generate(CYCLE, other, by="amina", replace="another phone")
    assert codes(caught) == [(1, "generated_in_use")]


def test_every_mistake_of_a_file_at_once_and_nothing_is_written(shop: Shop, tmp_path: Path) -> None:
    set_up(shop.paymaster, rules=[CHILDREN], caps={"payment": "80000"})
    file = tmp_path / "people.csv"
    file.write_text(
        "beneficiary,name,account_type,account,children,cycle,amount,line_items\n"
        "1,Ann A,wallet,w-1,x,,,\n"
        "2,Bee B,nothing,w-2,1,,,\n"
        "3,Cee C,wallet,w-3,1,2025-01,,\n"
        "4,Dee D,wallet,w-4,1,,90000,\n"
        "1,Ann A,wallet,w-1,1,,,\n"
        "5,Eee E,wallet,w-5,1,,,[]\n"
    )
    with pytest.raises(InvalidPayroll) as caught:
        shop.paymaster.generate(CYCLE, file, by="amina")
    said = dict(codes(caught))
    assert {2, 3, 4, 5, 6, 7} <= said.keys()
    assert (said[3], said[4], said[5]) == ("unknown_type", "other_cycle", "above_cap")
    assert free(shop.paymaster) == []


def test_one_that_was_interrupted_leaves_nothing_and_is_made_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2))
    monkeypatch.setattr(generating, "PAGE", 2)
    other = [attrs.evolve(one, account=Account("wallet", f"x-{one.id}")) for one in people(1, 2)]

    def dies(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paymaster.generate(CYCLE, [*other, *people(3, 4, 5)], by="amina", replace="moved", progress=dies)
    assert {one.invoice.account.value for one in paymaster.pool(CYCLE)} == {"w-1", "w-2"}
    assert paymaster.verify().findings == []
    made = paymaster.generate(CYCLE, [*other, *people(3, 4, 5)], by="amina", replace="moved")
    assert (made.fresh, made.replaced) == (3, 2)
    assert len(free(paymaster)) == 5
    assert paymaster.verify().findings == []


class Half:
    """A host's calculation, which refuses a thread with a running event loop, as Django's ORM does."""

    def calculate(self, programme: str, cycle: str, beneficiaries: list[Beneficiary]) -> list[Any]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return [
            "she moved away" if one.id == "ben-3" else [Item(f"half of {cycle}", "base", int(one.extra["owed"]) // 2)]
            for one in beneficiaries
        ]


def test_a_host_calculates_and_rules_follow(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(policies=["tests.cycles.test_generating:Half"])
    levy = {"name": "levy", "kind": "tax", "basis_points": 1000}
    generated(shop.paymaster, people(1, owed="90000"), calculation="tests.cycles.test_generating:Half", rules=[levy])
    (one,) = shop.paymaster.pool(CYCLE)
    assert [i.minor for i in items_of(one.invoice.extra, "UGX")] == [45_000, -4_500]

    async def inside_a_loop() -> int:
        return shop.paymaster.generate(CYCLE, people(7, owed="90000"), by="amina").fresh

    assert asyncio.run(inside_a_loop()) == 1
    with pytest.raises(InvalidPayroll, match="she moved away") as caught:
        shop.paymaster.generate(CYCLE, people(2, 3, owed="90000"), by="amina")
    assert codes(caught) == [(2, "not_calculated")]


class Again:
    """Generates, while it is asked what somebody is owed."""

    def __init__(self, paymaster: Paymaster) -> None:
        self.paymaster = paymaster

    @hookimpl
    def calculate(self, programme: str, cycle: str, beneficiaries: list[Beneficiary]) -> list[Any]:
        self.paymaster.generate(CYCLE, people(1), by="amina")
        return []


def test_a_calculation_that_generates_is_refused(shop: Shop) -> None:
    policies = (("again", Again(shop.paymaster)),)
    object.__setattr__(shop.paymaster.configuration, "_policies", policies)
    with pytest.raises(InvalidPayroll, match="while it was being asked"):
        generated(shop.paymaster, people(1), calculation="again")
    assert free(shop.paymaster) == []


def test_a_programme_and_what_has_no_currency_generate_nothing(shop: Shop) -> None:
    shop.paymaster.set_programme("bare", by="amina")
    shop.paymaster.set_cycle("bare", "c", by="amina")
    with pytest.raises(WrongState, match="PROGRAMME/CYCLE"):
        shop.paymaster.generate("bare", people(1), by="amina")
    with pytest.raises(Exception, match="currency"):
        shop.paymaster.generate("bare/c", people(1), by="amina")
