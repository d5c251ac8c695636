"""Invoice objects meet the same rules as a file."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from gateway_core.model.accounts import Account
from gateway_core.model.money import Money
from gateway_core.model.payment import Invoice

from .conftest import Take

GOOD = Invoice(
    id="1", beneficiary="B1", name="Ann", account=Account("wallet", "w-1"), amount=Money(5, "UGX"), extra={"a": "b"}
)
BAD: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"id": ""}, "invoice", "missing"),
    ({"id": 7}, "invoice", "not_text"),
    ({"name": None}, "name", "not_text"),
    ({"account": Account("wallet", "w")}, "account", "implausible"),
    ({"account": Account("cash", "w-1")}, "account_type", "unknown_type"),
    ({"amount": Money(0, "UGX")}, "amount", "zero"),
    ({"amount": Money(-5, "USD")}, "amount", "negative"),
    ({"amount": Money(5.0, "USD")}, "amount", "not_text"),  # type: ignore[arg-type]
    ({"amount": Money(True, "USD")}, "amount", "not_text"),
    ({"amount": Money(5, "???")}, "currency", "unknown_currency"),
    ({"channel": "nowhere"}, "channel", "unknown_channel"),
    ({"extra": {"a": 1}}, "extra", "not_text"),
    ({"extra": {"a\x00": "b"}}, "extra", "control_character"),
    ({"extra": None}, "extra", "not_text"),
    ({"extra": {"a": "=1+1"}}, "a", "formula"),
)


@pytest.mark.parametrize(("changed", "field", "code"), BAD)
def test_a_bad_object_is_a_mistake(take: Take, changed: dict[str, Any], field: str, code: str) -> None:
    (mistake,) = take(iter([GOOD, attrs.evolve(GOOD, **{"id": "2", **changed})])).mistakes
    assert (mistake.line, mistake.field, mistake.code) == (2, field, code)


def test_what_is_no_invoice_is_a_mistake(take: Take) -> None:
    (mistake,) = take([{"invoice": "1"}]).mistakes
    assert (mistake.line, mistake.code, mistake.reason) == (1, "not_an_invoice", "is dict, not Invoice")
    empty = attrs.evolve(GOOD, account=None, amount=None)  # type: ignore[arg-type]
    assert {m.code for m in take([empty]).mistakes} == {"not_text"}
    assert [m.code for m in take([]).mistakes] == ["empty"]


def test_good_objects_come_back_as_they_are(take: Take) -> None:
    invoices = [
        attrs.evolve(GOOD, id=str(i), account=Account("wallet", f"w-{i}"), beneficiary=f"B{i}") for i in range(9)
    ]
    taken = take(iter(invoices))
    assert [pair for page in taken.pages(4) for pair in page] == list(enumerate(invoices, 1))


def test_what_the_callers_iterable_raises_passes_through(take: Take) -> None:
    def broken() -> Any:
        yield GOOD
        raise RuntimeError("the MIS lost its database")

    with pytest.raises(RuntimeError, match="lost its database"):
        take(broken())
