"""What two people vouch for about money: a balance that they saw, and a payroll that goes without a known one."""

from __future__ import annotations

from ..model.errors import WrongState
from ..model.facts import Fact
from ..model.money import Money
from ..model.people import differ
from ..model.states import SENDS
from ..store import Store, books, journal, payrolls
from ..store.database import now_us


def enter_balance(store: Store, channel: str, amount: Money, by: str, reason: str) -> bool:
    """The first of two people says what the account holds now (False), another one says the same (True)."""
    if not reason.strip():
        raise WrongState("say where the balance was seen")
    book = books.balance_of(channel)
    facts = books.facts_of(store, book)
    figure = [amount.minor, amount.currency]
    first = facts[-1] if facts and facts[-1].kind == "balance_entered" else None
    with store.write() as connection:
        if first is None or first.body.get("amount") != figure:
            body = {"amount": figure, "reason": reason, "at": now_us()}
            books.record(connection, store, book, "balance_entered", by, body)
            return False
        differ(first.source, by, "entered this balance")
        body = {"amount": figure, "reason": reason, "first": first.source, "at": first.body["at"]}
        books.record(connection, store, book, "balance_agreed", by, body)
    return True


def release_balance(store: Store, payroll: str, by: str, reason: str) -> bool:
    """The first of two people lets a payroll go that no known balance covers (False), another one agrees (True).

    It holds until the payroll needs another approval.
    """
    if not reason.strip():
        raise WrongState("say why it goes although no known balance covers it")
    with store.write() as connection:
        row = payrolls.get(connection, payroll)
        if row.state not in SENDS:
            raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}; objections are released instead")
        first = _first(journal.facts_of_payroll(connection, row.id))
        if first is None:
            payrolls.record(connection, store, row, "balance_release", by, {"reason": reason})
            return False
        differ(first.source, by, "released the balance first")
        body = {"reason": reason, "first": first.source}
        payrolls.record(connection, store, row, "balance_released", by, body)
    return True


def _first(facts: list[Fact]) -> Fact | None:
    """The first person's word, if it stands alone since the last approval."""
    said = [fact for fact in facts if fact.kind in ("approved", "balance_release", "balance_released")]
    return said[-1] if said and said[-1].kind == "balance_release" else None
