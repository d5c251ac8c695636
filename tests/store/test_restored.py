"""After two people said that a store is an older one, nothing of it is sent before the rail was asked."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway_core.model.life import fold
from gateway_core.model.states import SETTLED
from gateway_core.store import journal
from gateway_core.store import opening as openings
from gateway_core.store import tables as t
from gateway_core.store.opening import close_store, restored
from gateway_core.store.verifying import verify

from .building import LINES, a_payment, approve, claim, line_of, new_store, open_again, propose

OPEN = ("pending", "held", "late", "unsent", "waiting", "refused")
LEFT = ("paid", "closed", "gone")


def test_every_open_payment_is_marked(path: Path) -> None:
    store = open_again(path)
    count = restored(store, "amina", "joseph")
    with store.read() as connection:
        for name, payment in LINES.items():
            facts = journal.facts_of(connection, payment.id)
            marks = [fact for fact in facts if fact.kind == "restored"]
            assert bool(marks) is (name in OPEN), name
            for fact in marks:
                assert fact.body == {"by": "amina", "second": "joseph"}
                assert fold(facts).restored
    assert count == len(OPEN)
    close_store(store)


def test_a_refused_payment_is_marked_because_it_may_be_tried_again(path: Path) -> None:
    """In the lost part of the journal its next attempt may have been sent already."""
    assert "refused" in SETTLED and "refused" in OPEN
    store = open_again(path)
    restored(store, "amina", "joseph")
    assert line_of(store, LINES["refused"]).state == "refused"
    close_store(store)


def test_what_is_claimed_and_due_later_is_free_and_due_now(path: Path) -> None:
    store = open_again(path)
    claim(store, "grant")
    with store.write() as connection:
        connection.execute(sa.update(t.payments).where(t.payments.c.open).values(due=2**60))
    restored(store, "amina", "joseph")
    with store.read() as connection:
        query = sa.select(t.payments.c.sender, t.payments.c.due).where(
            t.payments.c.open, t.payments.c.payroll == "grant"
        )
        assert {tuple(row) for row in connection.execute(query)} == {(None, 0)}
    close_store(store)


def test_states_still_follow_from_the_facts(path: Path, heads: Path) -> None:
    store = open_again(path)
    restored(store, "amina", "joseph")
    found = verify(store, heads)
    close_store(store)
    assert found.ok, found.findings


def test_it_goes_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings, "PAGE", 4)
    store = new_store(tmp_path / "a.db")
    approve(store, propose(store, "grant", [a_payment(f"{number}") for number in range(11)]))
    assert restored(store, "amina", "joseph") == 11
    assert restored(store, "amina", "joseph") == 11
    assert verify(store).ok
    close_store(store)
