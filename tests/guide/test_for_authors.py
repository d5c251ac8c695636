"""What the contract gives to authors besides hooks: amounts as rails write them, ids in the forms that rails want."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.contract import Ctx, Money, read_money
from gateway_core.model.money import parse_amount
from gateway_core.model.short import is_short_id

CURRENCIES = st.sampled_from(["UGX", "USD", "BHD", "KES"])


@given(st.integers(0, 10**15), CURRENCIES, st.integers(0, 3))
def test_an_amount_is_read_back_exactly_however_many_zeros_follow(minor: int, currency: str, zeros: int) -> None:
    money = Money(minor, currency)
    tail = "0" * zeros if "." in money.text else "." + "0" * zeros if zeros else ""
    assert read_money(money.text + tail, currency) == money
    if minor:
        assert parse_amount(money.text + tail, currency) == money


NOTHING = st.none() | st.booleans() | st.text() | st.floats() | st.lists(st.integers()) | st.binary()


@given(NOTHING, CURRENCIES | NOTHING)
def test_what_is_no_amount_is_none_and_raises_nothing(said: Any, currency: Any) -> None:
    found = read_money(said, currency)
    assert found is None or (found.currency == currency and found.minor >= 0)


NO_AMOUNTS = ["", "-1", "1,000", "1e3", "0.001", "١٢", "NaN", True, float("nan"), float("inf"), "9" * 19]


@pytest.mark.parametrize("said", NO_AMOUNTS)
def test_it_is_not_guessed(said: object) -> None:
    assert read_money(said, "USD") is None


@pytest.mark.parametrize(("said", "minor"), [("1500.5", 150050), (1500.5, 150050), (1500, 150000), ("0.00", 0)])
def test_numbers_and_texts_are_one_amount(said: object, minor: int) -> None:
    assert read_money(said, "USD") == Money(minor, "USD")


@given(st.text(max_size=9), st.integers(1, 9), st.text(max_size=9))
def test_an_id_has_the_form_asked_for_and_is_always_the_same(entitlement: str, attempt: int, label: str) -> None:
    def made() -> tuple[str, str, str]:
        ctx = Ctx("d", entitlement, 1, attempt, datetime.now(UTC))
        return ctx.new_id(label), ctx.new_id(label, "hex"), ctx.new_id(label, "short")

    uuid, plain, short = made()
    assert made() == (uuid, plain, short)
    assert uuid.replace("-", "") == plain and len(plain) == 32
    assert len(short) == 15 and is_short_id(short)
