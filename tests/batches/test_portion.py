"""What a gateway is given to write files over is a sequence like any other, though it lies on the disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.contract import Account, BatchCtx, Document, LeftOut, Money, Payment, Refused
from gateway_core.contract.batch_channel import Faulty
from gateway_core.engine.batch.portion import PAGE, Attempts, Portion

ROOT = Path(__file__).parents[2]
TEXT = st.text(max_size=12)
PAYMENTS = st.lists(
    st.builds(
        Payment,
        id=st.uuids().map(str), number=st.integers(1, 2**40), invoice=TEXT, entitlement=TEXT, beneficiary=TEXT,
        name=TEXT, account=st.builds(Account, TEXT, TEXT), amount=st.builds(Money, st.integers(0, 2**62), TEXT),
        programme=TEXT, cycle=TEXT, instalment=TEXT, reference=TEXT, channel=TEXT,
        extra=st.dictionaries(TEXT, TEXT, max_size=3),
    ),
    unique_by=lambda payment: payment.id, max_size=12,
)  # fmt: skip


def payment(n: int) -> Payment:
    return Payment(
        id=f"p-{n}", number=1, invoice=f"inv-{n}", entitlement=f"ent-{n}", beneficiary=f"ben-{n}", name="Amina",
        account=Account("wallet", f"w-{n}"), amount=Money(n, "UGX"), programme="", cycle="", instalment="",
        reference="", channel="bank", extra={},
    )  # fmt: skip


def attempts_of(payments: Iterable[Payment]) -> dict[str, int]:
    return {one.id: n for n, one in enumerate(payments, start=1)}


@given(PAYMENTS, st.slices(12))
def test_it_reads_like_the_list_that_it_was_made_of(payments: list[Payment], some: slice) -> None:
    with closing(Portion.of(payments, attempts_of(payments))) as portion:
        assert len(portion) == len(payments) and bool(portion) == bool(payments)
        assert list(portion) == payments and list(reversed(portion)) == payments[::-1]
        assert portion[some] == payments[some]
        for n in range(-len(payments), len(payments)):
            assert portion[n] == payments[n]
        with pytest.raises(IndexError):
            portion[len(payments)]
        attempts = Attempts(portion)
        assert dict(attempts) == attempts_of(payments) and len(attempts) == len(payments)
        assert attempts.get("nobody") is None
        # What was approved is what the gateway sees, to the last bit.
        assert [one.leaf() for one in portion] == [one.leaf() for one in payments]


class Gateway:
    """Says what it is told to say."""

    def __init__(self, *made: Document | LeftOut) -> None:
        self.said = made

    def prepare(self, payments: Any, ctx: BatchCtx) -> Any:
        yield from self.said


def file(ids: Iterable[int], name: str = "a") -> Document:
    return Document(name, ((f"p-{n}", f"key-{n}") for n in ids), b"")


def made(portion: Portion, *said: Document | LeftOut) -> None:
    gateway: Any = Gateway(*said)
    ctx = BatchCtx("place", "payroll", "bank", 1, datetime(2026, 11, 25, tzinfo=UTC), Attempts(portion))
    for _ in portion.made(gateway, ctx):
        pass


def portion_of(count: int) -> Portion:
    payments = [payment(n) for n in range(count)]
    return Portion.of(payments, attempts_of(payments))


def test_lines_are_kept_in_the_order_of_the_file() -> None:
    count = 2 * PAGE + 1
    with closing(portion_of(count)) as portion:
        made(portion, file(reversed(range(1, count))), LeftOut("p-0", Refused("x", "y")))
        places = list(portion.places(1))
        assert [place.payment for place in places] == [f"p-{n}" for n in reversed(range(1, count))]
        assert [place.n for place in places] == list(range(1, count))
        assert {(place.key, place.attempt, place.amount) for place in places} == {
            (f"key-{n}", n + 1, n) for n in range(1, count)
        }
        assert portion.sums(1) == (count - 1, sum(range(count)), "UGX")


@pytest.mark.parametrize(("said", "why"), [
    ([file([0, 1])], "says nothing of 1 of 3"),
    ([file([0, 1, 2]), file([2], "b")], "into two files"),
    ([file([0, 1, 1, 2])], "into two files"),
    ([file([0, 1, 2, 3])], "that it was not given"),
    ([file([0, 1, 2]), LeftOut("p-1", Refused("x", "y"))], "into two files"),
    ([Document("a", {"p-0": "k", "p-1": "k", "p-2": "l"}, b"")], "same key"),
    ([file([0]), Document("b", {"p-1": "key-0", "p-2": "l"}, b"")], "same key"),
])  # fmt: skip
def test_each_payment_stands_in_one_file_once(said: list[Document | LeftOut], why: str) -> None:
    with closing(portion_of(3)) as portion, pytest.raises(Faulty, match=why):
        made(portion, *said)


def test_what_is_in_no_file_or_in_one_that_came_to_nothing_is_unsettled() -> None:
    with closing(portion_of(6)) as portion:
        gateway: Any = Gateway(LeftOut("p-5", Refused("x", "y")), file([0, 1]), file([2, 3], "b"))
        ctx = BatchCtx("place", "payroll", "bank", 1, datetime(2026, 11, 25, tzinfo=UTC), Attempts(portion))
        steps = portion.made(gateway, ctx)
        for _ in range(2):
            next(steps)
        portion.settled = portion.file
        next(steps)
        assert [known.payment for page in portion.unsettled() for known in page] == ["p-2", "p-3", "p-4"]


@pytest.mark.parametrize("count", [2, 3, PAGE + 1, 2 * PAGE + 2])
def test_halves_have_every_payment_once(count: int) -> None:
    with closing(portion_of(count)) as portion:
        made(portion, file(reversed(range(count))))
        halves = [list(half) for half in portion.halves(1)]
        assert abs(len(halves[0]) - len(halves[1])) <= 1
        assert halves[0] + halves[1] == [payment(n) for n in reversed(range(count))]


RACE = """
import threading, time
from tests.batches.test_portion import portion_of

for number in range(60):
    portion, said = portion_of(2000), []
    def read() -> None:
        try:
            while True:
                for _ in portion:
                    pass
        except Exception as error:
            said.append(error)
    reading = threading.Thread(target=read)
    reading.start()
    time.sleep(0.002 + 0.0007 * (number % 17))
    portion.close()
    reading.join()
    assert "closed" in str(said[0]), said
"""


def test_whoever_reads_it_while_it_is_closed_gets_an_error_and_the_process_lives() -> None:
    """The driver of Python would end the process, and a host's work with it."""
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
