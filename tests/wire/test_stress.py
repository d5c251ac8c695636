"""Random faults, many requests: nothing falsely unsent, nothing sent twice, no answer of another."""

from __future__ import annotations

import pytest

from gateway_core.testing.wire.stress import Tally, stress
from gateway_core.testing.wire.transports import own, stock

SEED = 20261123
LONG = [(SEED + number, False) for number in range(4)] + [(SEED + 9, True)]


def clean(tally: Tally) -> None:
    assert not tally.falsely_unsent, tally
    assert not tally.resent, tally
    assert not tally.wrong, (tally, tally.wrong[:5])
    assert not tally.foreign, tally


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_law_3_ours_under_random_faults(tls: bool) -> None:
    tally = stress(own, 1_000 if tls else 2_000, SEED, tls=tls)
    clean(tally)
    # The faults were really met, and the work went on.
    assert tally.ends["answer"] > tally.ends.total() // 2
    assert tally.ends["unknown"] > tally.ends.total() // 20


@pytest.mark.long
@pytest.mark.parametrize(("seed", "tls"), LONG)
def test_law_3_ours_under_a_hundred_thousand_random_faults(seed: int, tls: bool) -> None:
    tally = stress(own, 20_000 if tls else 25_000, seed, tls=tls)
    print(f"seed {seed}, {'TLS' if tls else 'plain'}: {tally}")
    clean(tally)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_stress_finds_what_is_wrong_with_stock_httpx() -> None:
    tally = stress(stock, 1_000, SEED)
    assert tally.wrong, "a server that answers twice makes it serve stale answers"
    assert not tally.resent and not tally.falsely_unsent
