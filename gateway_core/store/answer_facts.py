"""What the facts of a bank's file say of it. Its row says the same, or somebody changed the table: then it counts for
nothing, and `gateway verify` tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
from sqlalchemy.engine import Connection

from ..model.facts import Fact
from ..model.people import normal
from . import answers, files, journal
from .database import Record, Store
from .findings import miscounted

# What is said of the file itself whenever it comes.
OF_FILE = ("channel", "name", "sha256")


@attrs.define
class Told:
    """The columns that follow from the facts, and what of the facts themselves may not be."""

    channel: str = ""
    name: str = ""
    sha256: str = ""
    state: str = ""
    by: str = ""
    confirmed_by: str = ""
    wrong: list[str] = attrs.field(factory=list)


def told(facts: Sequence[Fact]) -> Told:
    """Fold them: who brought it last, who confirmed it, where it stands."""
    said = Told()
    for fact in facts:
        match fact.kind:
            case "stored" | "collected":
                for name in OF_FILE:
                    setattr(said, name, fact.body.get(name, getattr(said, name)))
                said.by, said.confirmed_by = fact.source, ""
            case "confirmed":
                if said.state != answers.UNCONFIRMED or normal(fact.source) == normal(said.by):
                    said.wrong.append(f"was confirmed by {fact.source}, who was not the second person to say so")
                said.confirmed_by = fact.source
            case "applied" if said.state != answers.NEW:
                said.wrong.append("was applied, and nobody had confirmed it")
        said.state = fact.value or said.state
    return said


def contradictions(row: Record, facts: Sequence[Fact]) -> Iterator[str]:
    """What of a row is not as its facts say."""
    said = told(facts)
    yield from said.wrong
    for name in (*OF_FILE, "state", "by", "confirmed_by"):
        if getattr(row, name) != getattr(said, name):
            yield f"has in the table {name} {getattr(row, name)!r}, and by its facts {getattr(said, name)!r}"
    if why := miscounted(row, facts):
        yield f"is miscounted: {why}"


def giver(connection: Connection, row: Record) -> str:
    """Who brought it, as the journal has it."""
    return told(journal.facts_of_payroll(connection, row.id)).by


def altered(store: Store, row: Record) -> str:
    """Why a file that is to be read is not the one that came; '' when it is."""
    with store.read() as connection:
        now = answers.get(connection, row.id)
        facts = journal.facts_of_payroll(connection, row.id)
    if why := next(contradictions(now, facts), ""):
        return f"it {why}; `gateway verify` looks at all of the store"
    if now.sha256 != row.sha256 or not files.whole(store, row.sha256):
        return "its bytes are gone, or are not those that came"
    return ""
