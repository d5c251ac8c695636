"""Review before approving: sums by part, and what differs from the payroll before."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_core.lifecycle import reviewing
from gateway_core.model.accounts import Account
from gateway_core.model.errors import WrongState
from gateway_core.model.money import Money

if TYPE_CHECKING:
    from tests.conftest import Shop


def line(shop: Shop, who: int, amount: int, account: str, cycle: str, **extra: str) -> Any:
    return shop.invoice(who, account, amount, id=f"{cycle}-{who}", cycle=str(shop.folder) + cycle, extra=extra)


def proposed(shop: Shop, name: str, people: dict[int, tuple[int, str]], **how: Any) -> str:
    lines = [line(shop, who, amount, account, name) for who, (amount, account) in people.items()]
    return shop.paymaster.propose(name, lines, channel="dummy", by="amina", **how)


def test_what_differs_from_the_last_one(shop: Shop, tmp_path: Path) -> None:
    before = {1: (100, "w-1"), 2: (100, "w-2"), 3: (100, "w-3"), 4: (100, "w-4"), 5: (1, "w-5")}
    october = proposed(shop, "october", before)
    assert shop.paymaster.review(october).against == ""
    shop.paymaster.approve(october, by="joseph")
    november = proposed(
        shop, "november", {1: (100, "w-1"), 2: (150, "w-2"), 3: (100, "w-33"), 4: (90, "w-44"), 6: (7, "w-6")}
    )
    found = shop.paymaster.review(november)
    assert (found.against, found.unchanged, found.payments, found.total) == ("october", 1, 5, "447")
    assert found.changes == {"new": 1, "gone": 1, "amount": 1, "account": 1, "amount and account": 1}
    assert {(c.kind, c.beneficiary, c.before, c.now, c.account_now) for c in found.listed} == {
        ("amount", "ben-2", "100", "150", "wallet w-2"), ("account", "ben-3", "100", "100", "wallet w-33"),
        ("amount and account", "ben-4", "100", "90", "wallet w-44"), ("new", "ben-6", "", "7", "wallet w-6"),
        ("gone", "ben-5", "1", "", ""),
    }  # fmt: skip
    assert shop.paymaster.export_changes(november, tmp_path / "changes.csv") == 5
    with (tmp_path / "changes.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["change"] for row in csv.DictReader(file)} == set(found.changes)
    assert shop.paymaster.export("payroll", tmp_path / "list.csv", payroll=november) == 5
    assert len(shop.paymaster.review(november, listed=2).listed) == 2


def test_what_was_never_approved_or_is_named_otherwise(shop: Shop) -> None:
    refused = proposed(shop, "refused", {1: (100, "w-1")})
    shop.paymaster.reject(refused, by="joseph", reason="no")
    payroll = proposed(shop, "november", {1: (100, "w-1")})
    assert shop.paymaster.review(payroll).against == ""
    assert shop.paymaster.review(payroll, against="refused").unchanged == 1
    with pytest.raises(WrongState, match="no former payroll"):
        shop.paymaster.export_changes(payroll, shop.folder / "changes.csv")


def test_sums_by_channel_place_and_payment_point(shop: Shop) -> None:
    shop.reopen(location="district", channels=dict.fromkeys(("dummy", "other"), shop.config["channels"]["dummy"]))
    lines = [line(shop, n, 10 + n, f"w-{n}", "parts", district="north" if n < 3 else "south") for n in range(5)]
    lines.append(shop.invoice(7, "w-7", 100, channel="other", cycle=str(shop.folder)))
    point = Account("payment_point", "post-office-3")
    lines.append(attrs.evolve(shop.invoice(8, "w-8", 5, cycle=str(shop.folder)), account=point))
    found = shop.paymaster.review(shop.proposed(lines, "parts"))
    assert [(p.name, p.payments, p.total) for p in found.by_channel] == [("dummy", 6, "65"), ("other", 1, "100")]
    assert [(p.name, p.payments, p.total) for p in found.by_place] == [
        ("(none)", 2, "105"), ("north", 3, "33"), ("south", 2, "27")
    ]  # fmt: skip
    assert [(p.name, p.total) for p in found.by_point] == [("post-office-3", "5")]


NUMBERS = itertools.count()
PEOPLE = st.dictionaries(st.integers(0, 12), st.tuples(st.integers(1, 3), st.sampled_from(["w-a", "w-b"])), min_size=1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=PEOPLE, now=PEOPLE)
def test_every_beneficiary_is_in_one_kind(shop: Shop, before: Any, now: Any) -> None:
    """By comparing dictionaries, which is what it means."""
    number = next(NUMBERS)
    first = proposed(shop, f"before-{number}", before, despite="shared accounts")
    second = proposed(shop, f"now-{number}", now, despite="shared accounts")
    found = shop.paymaster.review(second, against=first, listed=100)
    wanted = dict.fromkeys(reviewing.KINDS, 0)
    for who in before.keys() | now.keys():
        old, new = before.get(who), now.get(who)
        if old and new and old != new:
            wanted[("amount and account", "account", "amount")[(old[0] == new[0]) + 2 * (old[1] == new[1])]] += 1
        elif not old or not new:
            wanted["new" if new else "gone"] += 1
    assert found.changes == wanted
    assert found.unchanged == sum(before.get(who) == given for who, given in now.items())
    assert Money(int(found.total), "UGX").minor == sum(amount for amount, _ in now.values())
