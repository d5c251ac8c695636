"""What was journaled reads back as the value that it was, whichever library reads or wrote it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.model.compact import compact, parsed

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(VALUES)
def test_what_was_written_is_what_is_read(value: object) -> None:
    written = compact(value).decode()
    assert parsed(written) == value == json.loads(written)


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**18, 10**40, -(10**40)])
def test_a_long_integer_stays_an_integer(number: int) -> None:
    found = parsed(compact({"minor": number}).decode())["minor"]
    assert found == number and type(found) is int


@pytest.mark.parametrize("text", ["", "{", '{"a":1', "NaN", "nothing"])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        parsed(text)
