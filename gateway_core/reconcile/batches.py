"""Reconciling a batch channel: the bank has spoken in its files; is what it said last what we have?"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..model.facts import Fact
from ..model.states import SETTLED
from ..store import Store, journal, payments
from ..store import tables as t

PAGE = 500
SAID = frozenset({"statement", "document"})


def last_word(facts: Collection[Fact]) -> str:
    """The bank's last definite word about the present attempt: done, refused or returned; '' where it said none.

    What it says again of a payment that came back does not make it paid.
    """
    attempt = max((fact.attempt for fact in facts if fact.kind == "intent"), default=0)
    said = [f.value for f in facts if f.kind == "answer" and f.source in SAID and f.attempt == attempt]
    return "returned" if "returned" in said else said[-1] if said else ""


def compare(
    store: Store, payroll: str, channel: str, agrees: Callable[[str, str], bool]
) -> tuple[int, list[tuple[str, str, str]]]:
    """(how many the bank spoke about, those of which it said otherwise: (payment, ours, theirs)).

    Not counted: what was never put into a file, and what two people settled because the bank said nothing.
    """
    spoken, differing = 0, list[tuple[str, str, str]]()
    where = (t.payments.c.channel == channel, t.payments.c.state.in_(SETTLED))
    for rows in payments.pages(store.read, payroll, PAGE, *where):
        with store.read() as connection:
            facts = journal.facts_of_many(connection, [row.id for row in rows])
        for row in rows:
            if not (said := last_word(facts[row.id])):
                continue
            spoken += 1
            if not agrees(row.state, said) and not _decided(facts[row.id]):
                differing.append((row.id, row.state, said))
    return spoken, differing


def _decided(facts: Collection[Fact]) -> bool:
    """Two people decided after the bank's last word: they had seen it."""
    kinds = [fact.kind if fact.kind != "answer" else fact.source for fact in facts]
    return "release" in kinds and max(n for n, kind in enumerate(kinds) if kind == "release") > max(
        (n for n, kind in enumerate(kinds) if kind in SAID), default=-1
    )
