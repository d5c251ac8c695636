"""What a bank's files said last of the institution's account: its balance with its day, and which statement is missing.

Kept in the facts of the answers that said it; nothing is asked, because a bank that works by files cannot be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import sqlalchemy as sa

from ...contract.batch import StatementFact
from ...model.money import Money
from ...store import Store, journal
from ...store import document_tables as d
from ..evidence import plain

# So many of the channel's latest files are looked at.
FILES = 200
TEXT = 100
LARGEST = 2**63 - 1


@attrs.frozen
class Stated:
    """`missing`: numbers of statements that lie between those that came, oldest first. `broken`: numbers of those whose
    opening balance is not the closing one of the statement before.
    """

    closing: Money
    day: str
    missing: list[int]
    broken: list[int]


def body(said: StatementFact) -> dict[str, Any]:
    """As a fact's body has it."""
    return {
        "account": plain(said.account, TEXT), "ident": plain(said.ident, TEXT), "day": plain(said.day, TEXT),
        "sequence": said.sequence if isinstance(said.sequence, int) and abs(said.sequence) <= LARGEST else None,
        "opening": _money(said.opening), "closing": _money(said.closing),
    }  # fmt: skip


def _money(money: Money | None) -> list[Any] | None:
    return None if money is None or abs(money.minor) > LARGEST else [money.minor, plain(money.currency, 3)]


def last(store: Store, channel: str) -> Stated | None:
    """The newest closing balance that the channel's files said; None while they said none."""
    said = list(_said(store, channel))
    with_balance = [one for one in said if one["closing"]]
    if not with_balance:
        return None
    # By its day; of one day the highest number, of equal ones the latest to come.
    newest = max(enumerate(with_balance), key=lambda pair: (pair[1]["day"], pair[1]["sequence"] or 0, pair[0]))[1]
    of_account = [one for one in said if one["account"] == newest["account"] and one["sequence"] is not None]
    return Stated(Money(*newest["closing"]), newest["day"], _missing(of_account), _broken(of_account))


def _said(store: Store, channel: str) -> Iterator[Mapping[str, Any]]:
    """Of the latest files, oldest first."""
    c = d.answers.c
    query = sa.select(c.id).where(c.channel == channel, c.state == "applied").order_by(c.at.desc(), c.id).limit(FILES)
    with store.read() as connection:
        ids = [row.id for row in connection.execute(query)]
        facts = [fact for answer in reversed(ids) for fact in journal.facts_of_payroll(connection, answer)]
    for fact in facts:
        if fact.kind == "applied":
            yield from fact.body.get("statements", ())


def _missing(said: list[Mapping[str, Any]]) -> list[int]:
    numbers = {one["sequence"] for one in said}
    gaps = [number for number in range(min(numbers), max(numbers)) if number not in numbers] if _near(numbers) else []
    return gaps[:FILES]


def _broken(said: list[Mapping[str, Any]]) -> list[int]:
    closings = {one["sequence"]: one["closing"] for one in said if one["closing"]}
    return sorted({
        one["sequence"] for one in said
        if one["opening"] and closings.get(one["sequence"] - 1, one["opening"]) != one["opening"]
    })  # fmt: skip


def _near(numbers: set[int]) -> bool:
    """A count that begins anew with the year is no gap of thousands."""
    return bool(numbers) and max(numbers) - min(numbers) <= FILES
