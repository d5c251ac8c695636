"""What the store refuses whatever its callers believe: laws 2 and 9 as constraints, and writes that come too late."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gateway_core.lifecycle import approval
from gateway_core.model.payment import Payment
from gateway_core.model.states import PAYMENT, PAYROLL, STATES
from gateway_core.store import Result, Store, senders, writes
from gateway_core.store import tables as t
from gateway_core.store.database import now_us
from gateway_core.store.opening import close_store

from .building import (
    PAID,
    REFUSED,
    RETRY,
    WAITING,
    Said,
    a_payment,
    answer,
    approve,
    claim,
    intent,
    line_of,
    new_store,
    propose,
    tell,
    written,
)

ONE, TWO = a_payment("one"), a_payment("two")
_p = t.payments.c


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An approved payroll of two payments."""
    opened = new_store(tmp_path / "store.db")
    approve(opened, propose(opened, "grant", [ONE, TWO]))
    yield opened
    close_store(opened)


def execute(store: Store, statement: sa.Executable) -> None:
    with store.write() as connection:
        connection.execute(statement)


def set_payment(store: Store, payment: Payment, **columns: Any) -> None:
    execute(store, sa.update(t.payments).where(_p.id == payment.id).values(**columns))


def kept(store: Store) -> tuple[int, int]:
    """How many facts and attempts there are."""
    with store.read() as connection:
        facts, attempts = (
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            for table in (t.facts, t.attempts)
        )
    return facts or 0, attempts or 0


# -- law 2: one live attempt -------------------------------------------------------------------------------------------


def test_law_2_the_database_refuses_attempt_2_while_attempt_1_lives(store: Store) -> None:
    execute(store, sa.insert(t.attempts).values(payment=ONE.id, attempt=1))
    with pytest.raises(IntegrityError):
        execute(store, sa.insert(t.attempts).values(payment=ONE.id, attempt=2))
    execute(store, sa.update(t.attempts).values(dead=True))
    execute(store, sa.insert(t.attempts).values(payment=ONE.id, attempt=2))
    with pytest.raises(IntegrityError):
        execute(store, sa.update(t.attempts).values(dead=False))


def test_law_2_a_second_money_intent_is_refused_with_all_that_was_written_beside_it(store: Store) -> None:
    claim(store, "grant")
    assert tell(store, ONE, intent("k1")) is Result.OK
    before, head = kept(store), store.head
    with pytest.raises(IntegrityError):
        # An engine gone wrong: attempt 2 although nobody ended attempt 1.
        tell(store, ONE, ("intent", "sent", {**intent("k2")[2], "attempt": 2}), attempt=2)
    assert (kept(store), store.head) == (before, head)


def test_law_2_the_next_attempt_begins_once_the_last_is_dead(store: Store) -> None:
    claim(store, "grant")
    for facts in ((intent("k1"),), (answer("refused", "k1"), REFUSED), (RETRY,)):
        assert tell(store, ONE, *facts) is Result.OK
    claim(store, "grant")
    assert tell(store, ONE, intent("k2")) is Result.OK
    with store.read() as connection:
        rows = connection.execute(sa.select(t.attempts.c.attempt, t.attempts.c.dead).order_by(t.attempts.c.attempt))
        assert [tuple(row) for row in rows] == [(1, True), (2, False)]


# -- law 9: never more than the entitlement ----------------------------------------------------------------------------


def test_law_9_two_live_payments_of_one_entitlement_are_impossible(store: Store) -> None:
    again = a_payment("one", number=2)
    approve(store, propose(store, "again", [again]))
    claim(store, "grant")
    with pytest.raises(IntegrityError):
        set_payment(store, again, taken=True)
    with store.write() as connection:
        token = senders.start(connection, 60_000_000, alone=True)
        senders.take_over(connection)
        rows, refused = senders.claim(connection, token, "again", "dummy", now_us(), 10)
    assert [row.id for row in rows] == [again.id]
    assert refused == {again.id: f"its entitlement is live or paid already in payment {ONE.id}"}
    assert tell(store, again, intent("k-again")) is Result.STOPPED


def test_law_9_what_was_given_back_is_not_taken_from_another(store: Store) -> None:
    """Payment 1 is refused, payment 2 takes the entitlement, then payment 1 turns out paid: a case, no second taker."""
    again = a_payment("one", number=2)
    approve(store, propose(store, "again", [again]))
    claim(store, "grant")
    tell(store, ONE, intent("k1"))
    tell(store, ONE, answer("refused", "k1"), REFUSED)
    claim(store, "again")
    assert tell(store, again, intent("k2")) is Result.OK
    assert tell(store, ONE, answer("done", "k1", source="callback")) is Result.OK
    with store.read() as connection:
        taken = dict(map(tuple, connection.execute(sa.select(_p.id, _p.taken).where(_p.entitlement == "one"))))
        kinds = list(connection.execute(sa.select(t.cases.c.kind)).scalars())
    assert taken == {ONE.id: False, again.id: True}
    assert kinds == ["possible_double_payment"]


def test_law_9_an_open_case_freezes_the_entitlement(store: Store) -> None:
    execute(store, sa.insert(t.cases).values(payment=TWO.id, payroll="x", entitlement="one", kind="contradiction"))
    with store.write() as connection:
        token = senders.start(connection, 60_000_000, alone=True)
        _, refused = senders.claim(connection, token, "grant", "dummy", now_us(), 10)
    assert refused == {ONE.id: "its entitlement is frozen by an open case"}


def test_law_9_a_number_of_an_entitlement_is_given_once(store: Store) -> None:
    twin = a_payment("one")
    with pytest.raises(IntegrityError):
        propose(store, "twin", [twin])


# -- facts are appended ------------------------------------------------------------------------------------------------


def test_a_fact_of_a_payment_has_its_number_once(store: Store) -> None:
    claim(store, "grant")
    tell(store, ONE, intent("k1"))
    with pytest.raises(IntegrityError):
        execute(store, sa.update(t.facts).where(t.facts.c.payment == ONE.id).values(payment="", no=1))


# -- writes that come too late -----------------------------------------------------------------------------------------


def test_a_write_from_an_older_fold_is_stale(store: Store) -> None:
    claim(store, "grant")
    before = line_of(store, ONE)
    assert tell(store, ONE, intent("k1")) is Result.OK
    held = kept(store)
    with store.write() as connection:
        assert writes.apply(connection, store, [written(before, [intent("k2")])]) == [Result.STALE]
    assert kept(store) == held


def test_two_writes_of_one_payment_in_a_group_are_not_both_good(store: Store) -> None:
    claim(store, "grant")
    line, other = line_of(store, ONE), line_of(store, TWO)
    group = [written(line, [intent("k1")]), written(line, [intent("k2")]), written(other, [intent("k3")])]
    with store.write() as connection:
        assert writes.apply(connection, store, group) == [Result.OK, Result.STALE, Result.OK]
    assert [fact.key for fact in line_of(store, ONE).facts] == ["k1"]


def end_of_lease(store: Store, token: int) -> None:
    execute(store, sa.update(t.senders).where(t.senders.c.id == token).values(until=now_us() - 1))


def ended(store: Store, token: int) -> None:
    with store.write() as connection:
        senders.end(connection, token)


def taken_over(store: Store, token: int) -> None:
    claim(store, "grant")


@pytest.mark.parametrize("gone", [end_of_lease, ended, taken_over])
def test_a_sender_that_is_gone_is_fenced(store: Store, gone: Any) -> None:
    token = claim(store, "grant")
    assert tell(store, ONE, intent("k1"), sender=token) is Result.OK
    gone(store, token)
    held = kept(store)
    assert tell(store, ONE, WAITING, sender=token) is Result.FENCED
    assert tell(store, TWO, intent("k2"), sender=token) is Result.FENCED
    assert kept(store) == held


def test_a_sender_does_not_write_what_another_claimed(store: Store) -> None:
    token = claim(store, "grant", 1)
    assert tell(store, TWO, intent("k2"), sender=token) is Result.FENCED


PAYROLL_SENDS = {"approved", "ongoing", "awaiting_reconciliation"}
COPY: Said = ("copy", "", {"step": "pay"})


@pytest.mark.parametrize("state", PAYROLL)
def test_money_goes_only_from_a_payroll_that_sends(store: Store, state: str) -> None:
    claim(store, "grant")
    execute(store, sa.update(t.payrolls).values(state=state))
    expected = Result.OK if state in PAYROLL_SENDS else Result.STOPPED
    assert tell(store, ONE, intent("k1"), state="ready" if state not in PAYROLL_SENDS else "sending") is expected


@pytest.mark.parametrize("paused", [True, False])
def test_a_paused_payroll_sends_nothing_and_still_learns(store: Store, paused: bool) -> None:
    claim(store, "grant")
    assert tell(store, ONE, intent("k1")) is Result.OK
    if paused:
        approval.pause(store, "grant", "joseph", "a look first")
    expected = Result.STOPPED if paused else Result.OK
    assert tell(store, TWO, intent("k2")) is expected
    assert tell(store, ONE, COPY, money_copy=True) is expected
    assert tell(store, ONE, intent("look", money=False)) is Result.OK
    assert tell(store, ONE, answer("done", "k1"), PAID) is Result.OK


def test_money_goes_only_where_the_entitlement_was_taken(store: Store) -> None:
    assert tell(store, ONE, intent("k1")) is Result.STOPPED


# -- edges of the table of states --------------------------------------------------------------------------------------

NO_EDGE = [(old, new) for old, new in product(STATES, STATES) if new != old and new not in PAYMENT[old]]
EDGES = [(old, new) for old in STATES for new in sorted(PAYMENT[old])]


def move(store: Store, old: str, new: str) -> Result:
    """One fact that would take the payment from `old` to `new`."""
    # A stored `planned` shows as `ready` once the payroll is approved.
    execute(store, sa.update(t.payrolls).values(state="awaiting_approval" if old == "planned" else "ongoing"))
    set_payment(store, ONE, state=old)
    return tell(store, ONE, WAITING, state=new)


@pytest.fixture(scope="module")
def edges(stores_of_session: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all pairs: each begins by setting the state."""
    opened = new_store(tmp_path_factory.mktemp("edges") / "store.db")
    approve(opened, propose(opened, "grant", [ONE, TWO]))
    yield opened
    opened.close()


@pytest.mark.parametrize(("old", "new"), NO_EDGE)
def test_what_is_no_edge_is_refused(edges: Store, old: str, new: str) -> None:
    before = kept(edges)
    with pytest.raises(AssertionError, match=f"{ONE.id}: {old} -> {new} is no edge of the table of states"):
        move(edges, old, new)
    assert kept(edges) == before


@pytest.mark.parametrize(("old", "new"), EDGES)
def test_every_edge_is_open(edges: Store, old: str, new: str) -> None:
    assert move(edges, old, new) is Result.OK


def test_the_pairs_are_all_pairs() -> None:
    assert len(NO_EDGE) + len(EDGES) + len(STATES) == len(STATES) ** 2
