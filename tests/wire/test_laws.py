"""The laws of the wire over every fault of the table: ours keeps them all; what stock httpx breaks is known by name.

A known failure is asserted, not excused: when a new httpx mends one, its line in STOCK_FAILS must go.
"""

from __future__ import annotations

import asyncio

import pytest

from gateway_core.testing.wire.connecting import CONNECTING, connecting
from gateway_core.testing.wire.faults import FAULTS
from gateway_core.testing.wire.laws import LawBroken, check, check_cancelled, check_connecting
from gateway_core.testing.wire.link import missing
from gateway_core.testing.wire.race import CASES, raced
from gateway_core.testing.wire.transports import STOCK_FAILS, own, stock, stock_fails

OVERS = ("plain", "tls")
ALL = [(name, reused, over) for name, fault in FAULTS.items() for reused in (0, 1) for over in fault.over]
# anyio, under stock httpx, leaves the closing of broken connections to the garbage collector.
untidy = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # fmt: skip


def named(case: object) -> str:
    if isinstance(case, tuple):
        name, reused, over = case
        return f"{name}, {'reused' if reused else 'fresh'}, {over}"
    return str(case)


@pytest.mark.parametrize("case", ALL, ids=named)
@pytest.mark.few(40)
def test_law_3_ours_keeps_every_law(case: tuple[str, int, str]) -> None:
    name, reused, over = case
    asyncio.run(check(FAULTS[name], own, good=reused, tls=over == "tls"))


@untidy
@pytest.mark.parametrize("case", [case for case in ALL if case[1] == 0], ids=named)
@pytest.mark.few(12)
def test_law_3_stock_httpx_keeps_those_that_it_is_not_known_to_break(case: tuple[str, int, str]) -> None:
    name, _, over = case
    if known := stock_fails(name, over):
        with pytest.raises(LawBroken, match=known):
            asyncio.run(check(FAULTS[name], stock, tls=over == "tls"))
    else:
        asyncio.run(check(FAULTS[name], stock, tls=over == "tls"))


def test_every_known_failure_is_a_fault_of_the_table() -> None:
    assert {name for name, _ in STOCK_FAILS} <= set(FAULTS)


@pytest.mark.parametrize("name", CONNECTING)
def test_law_2_only_what_fails_before_a_connection_stands_is_unsent(name: str) -> None:
    [row] = [row for row in connecting() if row.name == name]
    asyncio.run(check_connecting(row, own))


@untidy
@pytest.mark.parametrize("name", CONNECTING)
def test_law_2_so_it_is_with_stock_httpx(name: str) -> None:
    """Under TLS 1.3 it sometimes lets an error out that is not httpx's own, so lanes know no other than the listed."""
    [row] = [row for row in connecting() if row.name == name]
    try:
        asyncio.run(check_connecting(row, stock))
    except LawBroken as broken:
        assert name.startswith("TLS 1.3")
        assert "in its own words: unknown: ssl.SSLError" in str(broken)


@pytest.mark.parametrize("over", OVERS)
@pytest.mark.parametrize("make", [own, pytest.param(stock, marks=untidy)])
def test_law_3_a_cancelled_exchange_leaves_no_answer_behind(make: object, over: str) -> None:
    asyncio.run(check_cancelled(make, tls=over == "tls"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["own", "stock"])
@pytest.mark.deep
def test_law_3_a_close_that_crosses_the_request_is_unknown(name: str) -> None:
    """The true race, over a link where packets are under way for a while."""
    if why := missing():
        pytest.xfail(why)
    met = {case: (end, copies) for case, end, copies, _ in raced(f"gateway_core.testing.wire.transports:{name}")}
    assert set(met) == set(CASES)
    assert {end for end, _ in met.values()} == {"unknown"}
    # The same error, whether it was read or not: that is why it proves nothing.
    assert [copies for _, copies in met.values()] == [0, 0, 1, 1, 1]
