"""Reading answers: never two readings of the same bytes, and never more of them than the limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.engine.transport.answer import Answer, Garbled
from gateway_core.testing.wire.differential import SEEDS, compare, read_by_us

SEED = 20261123
OK = b"HTTP/1.1 200 OK\r\n"
HEAD, BODY = 1_000, 10_000


def fed(data: bytes) -> Answer:
    answer = Answer(HEAD, BODY)
    answer.feed(data)
    return answer


def test_ours_and_h11_never_read_two_different_answers() -> None:
    compared = compare(5_000, SEED)
    assert compared.differ == []
    assert compared.same["answer"] > 1_000 and compared.same["fault"] > 1_000


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SEED, SEED + 10))
def test_ours_and_h11_over_a_million_answers(seed: int) -> None:
    compared = compare(100_000, seed)
    print(f"seed {seed}: {compared}")
    assert compared.differ == []
    # What only ours takes for an answer is rare and known: control characters in words that nobody reads, empty lines
    # before a final answer, trailers.
    known = ("no response line received", "illegal status line", "illegal request line", "Only Transfer-Encoding")
    unknown = {why: count for why, count in compared.only_ours.items() if not why.startswith(known)}
    assert sum(unknown.values()) < 10, unknown


@given(st.sampled_from(SEEDS), st.lists(st.integers(1, 200), max_size=6))
def test_an_answer_is_the_same_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    places = sorted({cut for cut in cuts if cut < len(data)})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert read_by_us(pieces, True) == read_by_us([data], True)


@pytest.mark.parametrize("more", [b"\r\n", b"\n", b"x", b"HTTP/1.1 200 OK\r\n", OK + b"Content-Length: 0\r\n\r\n"])
@pytest.mark.parametrize(
    "whole", [OK + b"Content-Length: 2\r\n\r\nok", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
def test_a_single_byte_beyond_an_answer_is_noticed(whole: bytes, more: bytes) -> None:
    assert not fed(whole).beyond
    assert fed(whole).complete
    for count in range(1, len(more) + 1):
        answer = fed(whole + more[:count])
        assert answer.complete and answer.beyond


ENDLESS = {
    "a header": OK + b"X: " + b"y" * HEAD,
    "headers": OK + b"X: y\r\n" * HEAD,
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * HEAD,
    "a body": OK + b"Content-Length: 10001\r\n\r\n" + b"x" * 10_001,
    "a body without a length": OK + b"\r\n" + b"x" * 10_001,
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n2400\r\n" + b"x" * 9216,
    "trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * HEAD,
    "an extension of a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n1;x=" + b"y" * 30_000,
    "chunks of one byte": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 9_000,
}


@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("step", [37, 100_000])
def test_law_11_what_has_no_end_is_refused_at_a_limit(what: str, step: int) -> None:
    data, answer, taken = ENDLESS[what], Answer(HEAD, BODY), 0
    with pytest.raises(Garbled, match="longer than"):
        for at in range(0, len(data), step):
            answer.feed(data[at : at + step])
            taken += step
    assert not answer.complete
    assert taken <= 2 * (HEAD + BODY)


def test_a_fault_quotes_nothing_of_what_came() -> None:
    secret = b"s3cr3t-t0ken"
    for data in (
        secret,
        OK + secret + b"\r\n\r\n",
        OK + b"X: \0" + secret,
        OK + b"Content-Length: " + secret + b"\r\n\r\n",
    ):
        with pytest.raises(Garbled) as caught:
            fed(data)
        assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(b"timeout=5, max=100", 5.0), (b"max=3,timeout=2", 2.0), (b"timeout=x", None), (b"max=9", None), (b"", None),
     (b"timeout=" + b"9" * 400, None)],
)  # fmt: skip
def test_how_long_the_server_says_it_waits(header: bytes, seconds: float | None) -> None:
    assert fed(OK + b"Keep-Alive: " + header + b"\r\nContent-Length: 0\r\n\r\n").idle == seconds
