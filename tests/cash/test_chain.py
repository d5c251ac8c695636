"""A device's chain: complete and unaltered, or the break is named."""

from __future__ import annotations

import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.cash.chain import Break, Link, breaks, link_of
from gateway_core.cash.record import sealed
from tests.cash.lists import records

MADE = records(12)[0]
LINKS = [link_of(record) for record in MADE]


@given(st.lists(st.integers(0, 11), max_size=30))
def test_a_complete_chain_has_no_break_however_often_it_came(again: list[int]) -> None:
    links = sorted([*LINKS, *(LINKS[n] for n in again)], key=lambda link: link.number)
    assert list(breaks(links, 12, LINKS[-1].hash)) == []


@given(st.sets(st.integers(1, 12)))
def test_every_missing_number_is_named_and_no_other(missing: set[int]) -> None:
    found = list(breaks((link for link in LINKS if link.number not in missing), 12, LINKS[-1].hash))
    assert {n for one in found for n in range(one.first, one.last + 1)} == missing
    assert {one.code for one in found} <= {"missing"}


@given(st.integers(0, 11), st.booleans())
def test_an_altered_record_shows(n: int, hash_made_anew: bool) -> None:
    altered = attrs.evolve(MADE[n], amount=MADE[n].amount + 1)
    links = [*LINKS[:n], link_of(sealed(altered) if hash_made_anew else altered), *LINKS[n + 1 :]]
    found = list(breaks(links, 12, LINKS[-1].hash))
    after = Break("beyond", 12, 12) if n == 11 else Break("unlinked", n + 2, n + 2)
    assert found == [after if hash_made_anew else Break("altered", n + 1, n + 1)]


def test_a_fork_shows_whatever_came_first() -> None:
    other = link_of(sealed(attrs.evolve(MADE[4], officer="someone")))
    for seed in range(5):
        both = [LINKS[4], other]
        random.Random(seed).shuffle(both)
        assert list(breaks([*LINKS[:4], *both, *LINKS[5:]], 12)) == [Break("forked", 5, 5)]


@pytest.mark.parametrize(
    ("links", "last", "head", "expected"),
    [
        ([], 0, "", []),
        ([], 3, "", [Break("missing", 1, 3)]),
        (LINKS, 11, "", [Break("beyond", 12, 12)]),
        (LINKS, 12, "f" * 64, [Break("beyond", 12, 12)]),
        ([Link(1, "a" * 64, "b" * 64)], 1, "", [Break("unlinked", 1, 1)]),
    ],
    ids=["empty", "nothing came", "more than its last", "another end", "another beginning"],
)
def test_ends_of_a_chain(links: list[Link], last: int, head: str, expected: list[Break]) -> None:
    found = list(breaks(links, last, head))
    assert found == expected
    assert all(one.message.startswith("record") for one in found)
