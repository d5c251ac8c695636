"""Rules of the amount: items add up to it, limits hold, no order matters, and rounding loses nothing."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_core.lifecycle.cycles.amounts import Calculator, Made, Unfit, shared
from gateway_core.lifecycle.cycles.terms import merged, read_terms
from gateway_core.model.beneficiary import ITEMS, Item, items_of, total, written
from gateway_core.model.errors import ConfigurationErrors

BASE = 50_000


def made(rules: list[dict[str, Any]], fields: Mapping[str, str] | None = None, base: int = BASE, **more: Any) -> Made:
    terms = read_terms({"currency": "UGX", "rules": rules, **more}, "test")
    return Calculator(terms)([Item("base", "base", base)], fields or {})


def shown(result: Made) -> dict[str, int]:
    return {item.name: item.minor for item in result.items}


CHILDREN = {"name": "children", "kind": "supplement", "times": "children", "amount": "10000", "maximum": "100000"}
LEVY = {"name": "levy", "kind": "tax", "basis_points": 250}
FEE = {"name": "fee", "kind": "fee", "amount": "500"}

# What is said, of whom, and the items that come of it.
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, str], dict[str, Any], dict[str, int]]] = {
    "an unconditional cash transfer": ([], {}, {}, {"base": 50_000}),
    "per child": ([CHILDREN], {"children": "3"}, {}, {"base": 50_000, "children": 30_000}),
    "ten children and more get at most so much": (
        [CHILDREN], {"children": "14"}, {}, {"base": 50_000, "children": 100_000}
    ),
    "no children, no item": ([CHILDREN], {"children": "0"}, {}, {"base": 50_000}),
    "a tax of the gross, not of the base": (
        [CHILDREN, LEVY], {"children": "3"}, {}, {"base": 50_000, "children": 30_000, "levy": -2_000}
    ),
    "a fee that the institution bears is beside the amount": (
        [FEE | {"borne_by": "institution"}], {}, {}, {"base": 50_000, "fee": 500}
    ),
    "net: she bears nothing": ([LEVY], {}, {"amounts": "net"}, {"base": 50_000, "levy": 1_250}),
    "a rebate gives back": (
        [FEE, {"name": "waived", "kind": "rebate", "amount": "200"}], {}, {},
        {"base": 50_000, "fee": -500, "waived": 200},
    ),
    "by a table of texts": (
        [{"name": "transport", "kind": "supplement", "by": "district",
          "table": [{"is": ["north", "east"], "amount": "5000"}, {"is": "south", "amount": "1000"}]}],
        {"district": "east"}, {}, {"base": 50_000, "transport": 5_000},
    ),
    "by a table of numbers": (
        [{"name": "size", "kind": "supplement", "by": "household",
          "table": [{"from": 1, "to": 3, "amount": "1000"}, {"from": 4, "share": "1/10"}]}],
        {"household": "4"}, {}, {"base": 50_000, "size": 5_000},
    ),
    "no row fits, no item": (
        [{"name": "size", "kind": "supplement", "by": "household", "table": [{"from": 9, "amount": "1000"}]}],
        {"household": "4"}, {}, {"base": 50_000},
    ),
    "a maximum of base and supplements": (
        [CHILDREN], {"children": "9"}, {"maximum": "120000"}, {"base": 50_000, "children": 90_000, "maximum": -20_000}
    ),
    "a minimum": ([], {}, {"minimum": "60000"}, {"base": 50_000, "minimum": 10_000}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_items_that_come_of_rules(case: str) -> None:
    rules, fields, more, items = CASES[case]
    result = made(rules, fields, **more)
    assert shown(result) == items
    assert result.amount == sum(item.minor for item in result.items if item.borne_by == "beneficiary")


NAMES = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=6)


@st.composite
def any_rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    rules = []
    for name in draw(NAMES):
        kind = draw(st.sampled_from(["supplement", "tax", "fee", "rebate"]))
        how = draw(
            st.fixed_dictionaries({"basis_points": st.integers(0, 2_000)})
            | st.fixed_dictionaries({"amount": st.integers(0, 3_000).map(str)})
            | st.tuples(st.integers(0, 7), st.integers(1, 97)).map(lambda p: {"share": f"{p[0] % p[1]}/{p[1] * 10}"})
        )
        rule: dict[str, Any] = {"name": name, "kind": kind, **how}
        if draw(st.booleans()):
            rule["times"] = "children"
        if draw(st.booleans()):
            rule["maximum"] = str(draw(st.integers(1, 20_000)))
        if kind != "supplement" and draw(st.booleans()):
            rule["borne_by"] = "institution"
        rules.append(rule)
    return rules


@settings(deadline=None, max_examples=150)
@given(any_rules(), st.integers(1, 10**9), st.integers(0, 12), st.integers(1, 10**6), st.randoms())
def test_whatever_the_rules_the_items_add_up_limits_hold_and_no_order_matters(
    rules: list[dict[str, Any]], base: int, children: int, most: int, chance: random.Random
) -> None:
    more = {"maximum": str(most)} if children % 2 else {}
    fields = {"children": str(children)}
    try:
        result = made(rules, fields, base, **more)
    except Unfit as error:
        assert error.field == "amount"
        return
    assert result.amount == total(result.items) > 0
    for rule in rules:
        if "maximum" in rule:
            assert all(abs(i.minor) <= int(rule["maximum"]) for i in result.items if i.name == rule["name"])
    if more:
        assert sum(i.minor for i in result.items if i.kind in ("base", "supplement", "limit")) <= most
    # Two stages of what she gets are rounded, each once and to the nearest.
    assert abs(result.rounding) <= 1
    mixed = list(rules)
    chance.shuffle(mixed)
    assert made(mixed, fields, base, **more) == result
    assert items_of({ITEMS: written(result.items, "UGX")}, "UGX") == list(result.items)


@given(st.lists(st.fractions(-1000, 1000), min_size=1, max_size=8))
def test_what_is_shared_adds_up_and_each_part_is_next_to_its_exact_one(parts: list[Fraction]) -> None:
    whole = round(sum(parts, Fraction(0)))
    given_ = shared(parts, whole)
    assert sum(given_) == whole
    assert all(abs(one - exact) < 1 for one, exact in zip(given_, parts, strict=True))


@pytest.mark.deep
def test_rounding_loses_nothing_over_100_000_invoices() -> None:
    """Of odd cents: all amounts are the exact sum and what each says that rounding changed; and that is little."""
    rules = [
        {"name": "levy", "kind": "tax", "share": "1/30"},
        {"name": "fund", "kind": "tax", "basis_points": 125},
        {"name": "third", "kind": "supplement", "share": "1/3"},
    ]
    terms = read_terms({"currency": "USD", "rules": rules}, "test")
    make = Calculator(terms)
    paid, rounding, exact = 0, Fraction(0), Fraction(0)
    for base in range(1, 100_001):
        result = make([Item("base", "base", base)], {})
        assert total(result.items) == result.amount
        paid += result.amount
        rounding += result.rounding
        gross = base + round(Fraction(base, 3))
        exact += base + Fraction(base, 3) - gross * (Fraction(1, 30) + Fraction(125, 10_000))
    assert paid - exact == rounding
    # Half to even, to the nearest: it does not drift to one side.
    assert abs(rounding) < 100


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"amout": "5"}, "amout"),
    "a float": ({"currency": "USD", "amount": 5.5}, "amount"),
    "an amount without a currency": ({"amount": "5"}, "currency"),
    "too many decimals": ({"currency": "UGX", "amount": "5.5"}, "amount"),
    "a rule without a kind": ({"currency": "UGX", "rules": [{"name": "x", "amount": "1"}]}, "rules[0].kind"),
    "two of one name": ({"currency": "UGX", "rules": [FEE, FEE]}, "rules[1].name"),
    "how much, twice": ({"currency": "UGX", "rules": [FEE | {"share": "1/3"}]}, "rules[0]"),
    "a share of nothing": ({"currency": "UGX", "rules": [LEVY | {"share": "1/0"}]}, "rules[0]"),
    "a table about nothing": (
        {"currency": "UGX", "rules": [{"name": "x", "kind": "fee", "table": [{"is": "a", "amount": "1"}]}]},
        "rules[0].by",
    ),
    "limits the wrong way round": ({"currency": "UGX", "minimum": "9", "maximum": "5"}, "minimum"),
    "an end before the start": ({"starts": "2026-12-01", "ends": "2026-11-01"}, "ends"),
    "an unknown cap": ({"currency": "UGX", "caps": {"person": "5"}}, "caps.person"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_terms_that_do_not_hold_are_refused_with_their_key(case: str) -> None:
    terms, key = REFUSED[case]
    with pytest.raises(ConfigurationErrors) as caught:
        read_terms(terms, "child-grant")
    assert f"child-grant: {key}" in [problem.key for problem in caught.value.all]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationErrors) as caught:
        read_terms({"currency": "UGX", "amount": "x", "starts": "soon", "caps": {"payments": -1}, "tags": "a"}, "p")
    assert len(caught.value.all) == 4


def test_a_cycle_says_otherwise_than_its_programme_cap_by_cap_and_adds_tags() -> None:
    programme = {"currency": "UGX", "amount": "5", "caps": {"payment": "10", "payments": 3}, "tags": ["a"]}
    terms = read_terms(merged(programme, {"amount": "7", "caps": {"payments": 9}, "tags": ["b", "a"]}), "p/c")
    assert (terms.amount, dict(terms.caps), terms.tags) == (7, {"payment": 10, "payments": 9}, ("a", "b"))


@pytest.mark.parametrize(("children", "says"), [(None, "is missing"), ("many", "whole number"), ("-1", "whole number")])
def test_a_field_that_a_rule_needs_must_be_there_and_a_number(children: str | None, says: str) -> None:
    with pytest.raises(Unfit, match=says):
        made([CHILDREN], {} if children is None else {"children": children})


def test_rules_that_leave_nothing_make_no_amount() -> None:
    with pytest.raises(Unfit, match="nothing to pay"):
        made([FEE | {"amount": "50000"}])
