"""Requests on their way out: safe by construction, secrets named and never written down, equality by fingerprint."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.contract import Request, Secret, path
from gateway_core.engine.wire import UnsafeRequest, ask_of, fingerprint, journal_form, request_of, wire

PIN = "4711-geheim"
SECRETS = {"pin": PIN, "token": "t0ken"}

UNSAFE = [
    "payments", "", "//evil.example/x", "https://evil.example/x", "http:/x", "/a/../b", "/..", "/.", "/a/./b",
    "/a\\b", "/a?x=1", "/a#b", "/a b", "/a\nb", "/a\r\nHost: x", "/a\0b", "/ä", "/a\x7fb", "/a\tb",
]  # fmt: skip


@pytest.mark.parametrize("unsafe", UNSAFE)
def test_a_path_that_could_leave_the_channel_is_refused(unsafe: str) -> None:
    with pytest.raises(UnsafeRequest):
        journal_form(Request("GET", unsafe))


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_a_segment_that_climbs_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="segment"):
        path("accounts", segment)


@given(st.lists(st.text(min_size=1).filter(lambda s: s not in (".", "..")), min_size=1, max_size=4))
def test_any_data_in_path_stays_one_segment(segments: list[str]) -> None:
    try:
        made = path(*segments)
    except UnicodeEncodeError:  # half a surrogate pair cannot be said in UTF-8 at all
        return
    assert journal_form(Request("GET", made))["path"].count("/") == len(segments)


def test_query_is_quoted() -> None:
    form = journal_form(Request("GET", "/a", query={"x&y": "1 2/3", "z": "#?\r\n"}))
    assert wire(form, {}).target == "/a?x%26y=1%202%2F3&z=%23%3F%0D%0A"


# -- secrets ----------------------------------------------------------------------------------------------------------

SECRETIVE = Request(
    "POST", "/pay", json={"pin": Secret("pin"), "deep": [{"x": Secret("token")}], "amount": 5},
    headers={"X-Token": Secret("token")}, key="k",  # type: ignore[dict-item]
)  # fmt: skip


def test_law_4_a_secret_is_a_named_hole_in_the_journal() -> None:
    form = json.dumps(journal_form(SECRETIVE))
    assert PIN not in form
    assert '{"$secret": "pin"}' in form


def test_law_4_the_fingerprint_does_not_change_with_the_secret() -> None:
    form = journal_form(SECRETIVE)
    sent = [wire(form, {**SECRETS, "pin": pin}) for pin in (PIN, "1234")]
    assert sent[0].body != sent[1].body
    assert fingerprint("pay", form) == fingerprint("pay", journal_form(SECRETIVE))


def test_the_hole_is_filled_at_the_last_moment() -> None:
    sent = wire(journal_form(SECRETIVE), SECRETS)
    assert json.loads(sent.body) == {"pin": PIN, "deep": [{"x": "t0ken"}], "amount": 5}
    assert (b"X-Token", b"t0ken") in sent.headers


def test_nothing_shows_what_was_filled_in() -> None:
    assert PIN not in repr(wire(journal_form(SECRETIVE), SECRETS))


def test_an_unknown_secret_sends_nothing() -> None:
    with pytest.raises(KeyError):
        wire(journal_form(SECRETIVE), {})


# -- headers and bodies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["a\r\nHost: evil", "a\nb", "a\rb", "a\0b"])
def test_a_header_with_control_characters_is_refused(value: str) -> None:
    with pytest.raises(UnsafeRequest):
        journal_form(Request("GET", "/a", headers={"X": value}))


@pytest.mark.parametrize("name", ["X\r\nY", "X: 1\nY", "X Y", "", "X:", "ä"])
def test_a_header_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnsafeRequest):
        journal_form(Request("GET", "/a", headers={name: "1"}))


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection"])
def test_where_a_request_goes_and_ends_is_not_the_gateway_s_to_say(name: str) -> None:
    with pytest.raises(UnsafeRequest):
        journal_form(Request("GET", "/a", headers={name: "1"}))


def test_a_secret_with_control_characters_is_refused() -> None:
    with pytest.raises(UnsafeRequest):
        wire(journal_form(SECRETIVE), {**SECRETS, "token": "a\r\nX: y"})


def test_json_is_sent_in_the_order_given_and_said_to_be_json() -> None:
    sent = wire(journal_form(Request("POST", "/a", json={"z": 1, "a": "ä"})), {})
    assert sent.body == '{"z":1,"a":"ä"}'.encode()
    assert sent.headers == ((b"Content-Type", b"application/json"),)


# -- the journal ------------------------------------------------------------------------------------------------------

REQUESTS = [
    Request("GET", "/a"),
    Request("POST", "/a", json={"x": [1, {"y": None}]}, headers={"X": "1"}, query={"q": "1"}, key="k"),
    Request("POST", "/a", json=[]),
    Request("POST", "/a", json=""),
    Request("PUT", "/a", json=0),
    SECRETIVE,
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_law_4_what_comes_back_from_the_journal_makes_the_same_bytes(request_: Request) -> None:
    form = journal_form(request_)
    stored = json.loads(json.dumps(form))
    assert wire(stored, SECRETS) == wire(form, SECRETS)
    assert journal_form(request_of(stored)) == form
    assert fingerprint("a", stored) == fingerprint("a", form)


CHANGES: list[Request] = [
    Request("PUT", "/a", {"x": 1}, {"h": "1"}, {"q": "1"}, "k"),
    Request("POST", "/b", {"x": 1}, {"h": "1"}, {"q": "1"}, "k"),
    Request("POST", "/a", {"x": 2}, {"h": "1"}, {"q": "1"}, "k"),
    Request("POST", "/a", {"x": 1}, {"h": "2"}, {"q": "1"}, "k"),
    Request("POST", "/a", {"x": 1}, {"h": "1"}, {"q": "2"}, "k"),
    Request("POST", "/a", {"x": 1}, {"h": "1"}, {"q": "1"}, "l"),
    Request("POST", "/a", None, {"h": "1"}, {"q": "1"}, "k"),
]


@pytest.mark.parametrize("changed", CHANGES, ids=str)
def test_law_4_every_part_of_a_request_is_in_its_fingerprint(changed: Request) -> None:
    first = journal_form(Request("POST", "/a", {"x": 1}, {"h": "1"}, {"q": "1"}, "k"))
    assert fingerprint("a", journal_form(changed)) != fingerprint("a", first)
    assert fingerprint("b", first) != fingerprint("a", first)


def test_data_that_looks_like_a_hole_is_not_one() -> None:
    """A beneficiary's name, say, may be any JSON that a host passes on: it must never fetch a secret."""
    with pytest.raises(UnsafeRequest, match="secret"):
        journal_form(Request("POST", "/a", json={"extra": {"$secret": "pin"}}))


def test_the_ask_of_a_journaled_intent() -> None:
    body: dict[str, Any] = {
        "request": journal_form(REQUESTS[1]), "moves_money": True, "find_out": journal_form(REQUESTS[0]),
    }  # fmt: skip
    ask = ask_of("pay", body)
    assert (ask.name, ask.moves_money, ask.request, ask.find_out) == ("pay", True, REQUESTS[1], REQUESTS[0])
