"""Programmes and cycles are made, changed, suspended and activated by named people; each time a fact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
from sqlalchemy.engine import Connection

from ...model.errors import ConfigurationError, NotFoundError, WrongState
from ...store import Store, cycles, suspension
from ...store.database import Record
from ..intake.text import read_text
from .terms import Terms, merged, plain, read_terms

LONGEST = 64


@attrs.frozen
class CycleView:
    """A programme (`cycle` '') or one of its cycles. `terms` are its own, as given; `suspended_by` '': it is active."""

    address: str
    programme: str
    cycle: str
    state: str
    suspended_by: str
    why: str
    terms: Mapping[str, Any]


def keep(store: Store, address: str, by: str, given: Mapping[str, Any]) -> bool:
    """Make a programme or cycle, or give it other terms. Returns whether anything changed."""
    _named(address)
    terms = plain({name: value for name, value in given.items() if value is not None}, address)
    with store.write() as connection:
        row = cycles.find(connection, *cycles.split(address))
        if row is not None and json.loads(row.terms) == terms:
            return False
        _read(connection, address, terms)
        if row is None:
            cycles.make(connection, store, address, by, terms)
        else:
            cycles.change(connection, store, row, by, terms)
    return True


def _named(address: str) -> None:
    parts = address.split("/")
    # In the one form that lines of a payroll have: otherwise a suspension would not reach them.
    good = len(parts) <= 2 and all(0 < len(part) <= LONGEST and read_text("programme", part) == part for part in parts)
    if not good:
        raise ConfigurationError(
            address[:LONGEST] or "name", "is no name of a programme, or of a cycle as PROGRAMME/CYCLE",
            f"write 1 to {LONGEST} plain characters for each, as a payroll's lines have them, and no other slash",
        )  # fmt: skip


def _read(connection: Connection, address: str, terms: Mapping[str, Any]) -> None:
    """Raises for terms that do not hold: its own, and those of each cycle whose programme it is."""
    programme, name = cycles.split(address)
    if not name:
        read_terms(terms, address)
        for row in cycles.listed(connection, programme):
            if row.name:
                read_terms(merged(terms, json.loads(row.terms)), cycles.address_of(row))
        return
    above = cycles.find(connection, programme, "")
    if above is None:
        raise NotFoundError(f"there is no programme {programme!r}; `gateway set-programme` makes one")
    read_terms(merged(json.loads(above.terms), terms), address)


def terms_of(connection: Connection, address: str) -> Terms:
    """The terms that hold, with the programme's where the cycle says nothing. Raises NotFoundError."""
    row = cycles.get(connection, address)
    own = json.loads(row.terms)
    if not row.name:
        return read_terms(own, address)
    return read_terms(merged(json.loads(cycles.get(connection, row.programme).terms), own), address)


def suspend(store: Store, address: str, by: str, reason: str) -> None:
    """From now on nothing of it is proposed, approved or sent. What was sent is still asked about."""
    if not reason.strip():
        raise WrongState("suspending needs a reason")
    _turn(store, address, "active", "suspended", by, reason)


def activate(store: Store, address: str, by: str, reason: str) -> None:
    """Let it go on."""
    _turn(store, address, "suspended", "active", by, reason)


def _turn(store: Store, address: str, before: str, state: str, by: str, reason: str) -> None:
    with store.write() as connection:
        row = cycles.get(connection, address)
        if row.state != before:
            raise WrongState(f"{address} is {row.state} already")
        kept = {"suspended_by": by, "why": reason} if state == "suspended" else {"suspended_by": "", "why": ""}
        kind = "suspended" if state == "suspended" else "activated"
        cycles.record(connection, store, row, kind, by, {"reason": reason}, state=state, **kept)


def refuse_suspended(connection: Connection, row: Record) -> None:
    """Raises WrongState when a cycle or its programme is suspended."""
    for name in dict.fromkeys(("", row.name)):
        found = cycles.find(connection, row.programme, name)
        if found is not None and found.state == "suspended":
            said = suspension.said(found.programme, found.name, found.suspended_by, found.why)
            raise WrongState(f"{said}; `gateway activate` lets it go on")


def views(store: Store, programme: str = "") -> list[CycleView]:
    """All, or a programme and its cycles."""
    with store.read() as connection:
        return [view(row) for row in cycles.listed(connection, programme)]


def view(row: Record) -> CycleView:
    """One for people."""
    return CycleView(
        cycles.address_of(row), row.programme, row.name, row.state, row.suspended_by, row.why, json.loads(row.terms)
    )
