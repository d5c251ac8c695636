"""Two senders at the same time on one store: what each may do beside the other, and what waits until it is alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any

import pytest
import sqlalchemy as sa

from gateway_core.engine import claims
from gateway_core.lifecycle import approval
from gateway_core.model.errors import StoreUncertain
from gateway_core.store import Result, Store, payments, postgresql, senders, writes
from gateway_core.store import tables as t
from gateway_core.store.database import now_us
from gateway_core.store.writes import Write
from tests.store.building import HELD, PAID, WAITING, a_payment, answer, approve, intent, line_of, propose, written

LEASE = 60_000_000
Half = Callable[[Store, Callable[[sa.Connection], Any]], tuple[Future[Any], Callable[[], None]]]
LINES = [a_payment(f"line-{number}") for number in range(8)]
Open = Callable[[], Store]
_p = t.payments.c


@pytest.fixture
def two(open_one: Open) -> tuple[Store, Store]:
    """One store, opened by two processes; a payroll is approved."""
    one, other = open_one(), open_one()
    approve(one, propose(one, "grant", LINES))
    return one, other


@pytest.fixture
def beside() -> Iterator[Callable[..., Future[Any]]]:
    """beside(function, ...): called by another thread."""
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


@pytest.fixture
def half(beside: Callable[..., Future[Any]]) -> Half:
    """half(store, job): the job is done beside others, and not yet committed; (what it says, how it is let go on)."""

    def do(store: Store, job: Callable[[sa.Connection], Any]) -> tuple[Future[Any], Callable[[], None]]:
        halfway, done = threading.Event(), threading.Event()

        def slowly(connection: sa.Connection) -> Any:
            said = job(connection)
            halfway.set()
            assert done.wait(10)
            return said

        said = beside(store.together, slowly)
        assert halfway.wait(10)
        return said, done.set

    return do


def waits(future: Future[Any]) -> bool:
    try:
        future.result(0.3)
    except NotYet:
        return True
    return False


def claim(store: Store, token: int, size: int = 100, payroll: str = "grant") -> claims.Page:
    return claims.page(store, token, payroll, "dummy", now_us(), size, False)


def sender(store: Store) -> int:
    return claims.start(store, LEASE, False)


def lapse(store: Store, token: int) -> None:
    with store.write() as connection:
        connection.execute(sa.update(t.senders).where(t.senders.c.id == token).values(until=now_us() - 1))


def put(store: Store, *group: Write) -> list[Result]:
    return store.together(lambda connection: writes.apply(connection, store, group))


def of(store: Store, number: int, *facts: Any, **changes: Any) -> Write:
    return written(line_of(store, LINES[number]), facts, **changes)


def test_two_senders_claim_different_payments(two: tuple[Store, Store], half: Half) -> None:
    """Neither waits for the other's page: it takes what the other leaves."""
    one, other = two
    mine, yours = sender(one), sender(other)
    assert len(claim(one, mine, 1).lines) == 1  # the first page of a payroll changes its state
    first, go_on = half(one, lambda connection: senders.claim(connection, mine, "grant", "dummy", now_us(), 3))
    second = [line.payment.id for line in claim(other, yours).lines]
    go_on()
    rows, _ = first.result()
    assert len(rows) == 3 and len(second) == 4
    assert not {row.id for row in rows} & set(second)


def test_groups_of_two_senders_are_written_side_by_side(
    two: tuple[Store, Store], half: Half, beside: Callable[..., Future[Any]]
) -> None:
    one, other = two
    mine, yours = sender(one), sender(other)
    claim(one, mine, 4)
    claim(other, yours)
    first, go_on = half(one, lambda connection: writes.apply(connection, one, [of(one, 0, intent("k0"), sender=mine)]))
    assert put(other, of(other, 5, intent("k5"), sender=yours)) == [Result.OK]
    go_on()
    assert first.result() == [Result.OK]


def test_who_writes_alone_waits_for_those_who_write_together_and_they_for_it(
    two: tuple[Store, Store], half: Half, beside: Callable[..., Future[Any]]
) -> None:
    """So a pause and an intent come one after the other: after the pause, nothing goes."""
    one, other = two
    mine = sender(one)
    claim(one, mine)
    first, go_on = half(one, lambda connection: writes.apply(connection, one, [of(one, 0, intent("k0"), sender=mine)]))
    pause = beside(approval.pause, other, "grant", "joseph", "a look first")
    assert waits(pause)
    go_on()
    assert first.result() == [Result.OK]
    pause.result()
    assert put(one, of(one, 1, intent("k1"), sender=mine)) == [Result.STOPPED]


def test_two_writes_of_one_payment_are_one_after_the_other(
    two: tuple[Store, Store], half: Half, beside: Callable[..., Future[Any]]
) -> None:
    """A sender and somebody who reconciles have seen the same facts: the second is stale, and not lost."""
    one, other = two
    mine = sender(one)
    claim(one, mine)
    assert put(one, of(one, 0, intent("k0"), sender=mine)) == [Result.OK]
    write, late = of(one, 0, WAITING, sender=mine), of(other, 0, WAITING)
    first, go_on = half(one, lambda connection: writes.apply(connection, one, [write]))
    second = beside(put, other, late)
    assert waits(second)
    go_on()
    assert (first.result(), second.result()) == ([Result.OK], [Result.STALE])


def test_a_write_without_facts_does_not_undo_what_another_writes(
    two: tuple[Store, Store], beside: Callable[..., Future[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives a payment back has judged it by its facts, too: while another adds one, he waits, and is stale then."""
    one, other = two
    mine = sender(one)
    claim(one, mine)
    assert put(one, of(one, 0, intent("k0"), sender=mine)) == [Result.OK]
    judged, go_on, store = threading.Event(), threading.Event(), writes._store

    def slowly(connection: sa.Connection, where: Store, *rest: Any) -> None:
        if where is other:
            judged.set()
            assert go_on.wait(10)
        store(connection, where, *rest)

    monkeypatch.setattr(writes, "_store", slowly)
    adds, gives_back = of(other, 0, WAITING), of(one, 0, sender=mine, release=True)
    first = beside(put, other, adds)
    assert judged.wait(10)
    second = beside(put, one, gives_back)
    assert waits(second)
    go_on.set()
    assert (first.result(), second.result()) == ([Result.OK], [Result.STALE])


def test_the_first_claim_of_a_payroll_is_made_alone(
    two: tuple[Store, Store], half: Half, beside: Callable[..., Future[Any]]
) -> None:
    """It changes the payroll's state, by which the groups of others are judged."""
    one, other = two
    approve(one, propose(one, "again", [a_payment("another")]))
    mine, yours = sender(one), sender(other)
    claim(one, mine)
    first, go_on = half(one, lambda connection: writes.apply(connection, one, [of(one, 0, intent("k0"), sender=mine)]))
    second = beside(claim, other, yours, 100, "again")
    assert waits(second)
    go_on()
    assert first.result() == [Result.OK]
    assert len(second.result().lines) == 1


def test_a_sender_whose_lease_was_taken_over_writes_nothing(two: tuple[Store, Store]) -> None:
    one, other = two
    mine = sender(one)
    claim(one, mine)
    assert put(one, of(one, 0, intent("k0"), sender=mine)) == [Result.OK]
    lapse(one, mine)
    yours = sender(other)
    assert {line.payment.id for line in claim(other, yours).lines} == {line.id for line in LINES}
    assert put(one, of(one, 0, WAITING, sender=mine)) == [Result.FENCED]
    assert put(one, of(one, 1, intent("k1"), sender=mine)) == [Result.FENCED]
    assert put(other, of(other, 0, answer("done", "k0"), PAID, sender=yours)) == [Result.OK]
    assert not claims.renew(one, mine, LEASE), "a lease that ran out is lost for good"


def test_a_lease_that_ran_out_fences_before_anybody_took_over(two: tuple[Store, Store]) -> None:
    one, _ = two
    mine = sender(one)
    claim(one, mine)
    lapse(one, mine)
    assert put(one, of(one, 0, intent("k0"), sender=mine)) == [Result.FENCED]


def test_a_late_write_and_a_take_over_do_not_interleave(
    two: tuple[Store, Store], half: Half, beside: Callable[..., Future[Any]]
) -> None:
    """The lease was good when it was looked at, and runs out before the COMMIT: who takes over comes after it."""
    one, other = two
    mine = claims.start(one, 300_000, False)
    claim(one, mine)
    first, go_on = half(one, lambda connection: writes.apply(connection, one, [of(one, 0, intent("k0"), sender=mine)]))
    time.sleep(0.4)
    second = beside(sender, other)
    assert waits(second)
    go_on()
    assert first.result() == [Result.OK]
    (sent,) = [line for line in claim(other, second.result()).lines if line.payment == LINES[0]]
    assert [fact.kind for fact in sent.facts] == ["intent"], "who takes over knows what was sent"


def test_leases_run_by_the_clock_of_the_database(two: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's clock may be an hour off: it neither keeps a lease alive nor ends another's."""
    one, other = two
    mine = sender(one)
    claim(one, mine)
    monkeypatch.setattr(senders, "now_us", lambda: now_us() + 3_600_000_000)
    yours = sender(other)
    assert claim(other, yours).lines == []
    assert put(one, of(one, 0, intent("k0"), sender=mine)) == [Result.OK]
    lapse(one, mine)
    monkeypatch.setattr(senders, "now_us", lambda: now_us() - 3_600_000_000)
    assert put(one, of(one, 1, intent("k1"), sender=mine)) == [Result.FENCED]


def test_one_entitlement_in_two_payrolls_is_taken_once(
    two: tuple[Store, Store], half: Half, beside: Callable[..., Future[Any]]
) -> None:
    """Claimed by two senders at the same time: one takes it, the other is told who has it."""
    one, other = two
    again = [a_payment(f"line-{number}", number=2) for number in reversed(range(8))]
    approve(one, propose(one, "again", again))
    mine, yours = sender(one), sender(other)
    # The first page of each payroll changes its state, alone: here it has been.
    for payroll in ("grant", "again"):
        with one.write() as connection:
            connection.execute(sa.update(t.payrolls).where(t.payrolls.c.id == payroll).values(state="ongoing"))
    first, go_on = half(one, lambda connection: senders.claim(connection, mine, "grant", "dummy", now_us(), 100))
    second = beside(claim, other, yours, 100, "again")
    assert waits(second)
    go_on()
    rows, refused = first.result()
    assert len(rows) == 8 and refused == {}
    page = second.result()
    assert len(page.lines) == 8
    assert set(page.refused.values()) == {
        f"its entitlement is live or paid already in payment {line.id}" for line in LINES
    }


def test_a_case_freezes_what_another_sender_is_about_to_send(
    two: tuple[Store, Store], half: Half, beside: Callable[..., Future[Any]]
) -> None:
    """Opening a case is not for company: it waits for the groups under way, and those that come after it see it."""
    one, other = two
    mine, yours = sender(one), sender(other)
    claim(one, mine, 4)
    claim(other, yours)
    assert put(other, of(other, 7, intent("k7"), sender=yours)) == [Result.OK]
    assert put(other, of(other, 7, answer("done", "k7"), PAID, sender=yours)) == [Result.OK]
    first, go_on = half(one, lambda connection: writes.apply(connection, one, [of(one, 0, intent("k0"), sender=mine)]))
    contradiction = of(other, 7, answer("refused", "k7", source="callback"))
    assert contradiction.cases
    second = beside(put, other, contradiction)
    assert waits(second)
    go_on()
    assert (first.result(), second.result()) == ([Result.OK], [Result.OK])
    with one.write() as connection:
        connection.execute(sa.update(t.cases).values(entitlement="line-1"))
    assert put(one, of(one, 1, intent("k1"), sender=mine)) == [Result.FROZEN]


def test_an_entitlement_that_was_given_back_is_taken_again_by_one(two: tuple[Store, Store]) -> None:
    one, _ = two
    mine = sender(one)
    claim(one, mine)
    assert put(one, of(one, 0, intent("k0"), sender=mine)) == [Result.OK]
    with one.write() as connection:
        connection.execute(sa.update(t.payments).where(_p.id == LINES[0].id).values(taken=False))
    assert put(one, of(one, 0, WAITING, sender=mine)) == [Result.OK]
    with one.read() as connection:
        line = payments.get(connection, LINES[0].id)
        taken = connection.execute(sa.select(_p.taken).where(_p.id == LINES[0].id)).scalar()
    assert line is not None and line.state == "pending" and taken is True
    assert put(one, of(one, 1, HELD, sender=mine)) == [Result.OK]


def test_arrivals_at_two_processes_share_a_blob(two: tuple[Store, Store], beside: Callable[..., Future[Any]]) -> None:
    from gateway_core.contract import Arrival
    from gateway_core.model.moments import as_time
    from gateway_core.store import inbox

    def receive(store: Store) -> bool:
        arrival = Arrival("POST", "/", {}, b'{"key": "k"}', as_time(now_us()))
        return store.together(lambda connection: inbox.keep(connection, "dummy", arrival, "k", True))

    assert all(done.result() for done in [beside(receive, store) for _ in range(20) for store in two])
    with two[0].read() as connection:
        assert [tuple(row) for row in connection.execute(sa.select(t.arrivals.c.key, t.arrivals.c.times))] == [
            ("k", 40)
        ]
        assert connection.execute(sa.select(sa.func.count()).select_from(t.blobs)).scalar() == 1


def test_who_stands_still_in_a_transaction_has_it_taken_away(
    open_one: Open, half: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that was stopped there does not keep the others waiting for its locks; nothing of it was written."""
    monkeypatch.setitem(postgresql.SETTINGS, "idle_in_transaction_session_timeout", "500ms")
    one, other = open_one(), open_one()
    approve(one, propose(one, "grant", LINES))
    mine = sender(one)
    claim(one, mine)
    first, go_on = half(one, lambda connection: writes.apply(connection, one, [of(one, 0, intent("k0"), sender=mine)]))
    approval.pause(other, "grant", "joseph", "a look first")
    go_on()
    with pytest.raises(StoreUncertain):
        first.result()
    assert line_of(other, LINES[0]).facts == []
