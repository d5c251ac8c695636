"""Payment history: everything that ever became of a beneficiary's or an invoice's payments, over all payrolls."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import sqlalchemy as sa

from ..model.facts import Fact, said_apart
from ..model.money import amount_text
from ..model.states import shown_state
from ..store import Store, disputes, journal, statements
from ..store import tables as t
from ..store.database import Record
from ..store.views import EventView, event_of

PAGE = 100
_p = t.payments.c
_r = t.payrolls.c


@attrs.frozen
class AttemptView:
    """One try: when its money request was fixed (UTC microseconds), and the definite answers about it."""

    attempt: int
    sent_at: int
    key: str
    answers: list[str]


@attrs.frozen
class PastPayment:
    """One payment of the history. Amounts are decimal texts; `proofs` are what files say, `cases` kinds with reasons.

    `carried_to` is the payment in a later payroll that took the invoice over, '' if none did.
    """

    payment: str
    invoice: str
    beneficiary: str
    name: str
    entitlement: str
    payroll: str
    payroll_name: str
    channel: str
    account: str
    state: str
    amount: str
    currency: str
    paid: str
    reference: str
    reason: str
    attempts: list[AttemptView]
    events: list[EventView]
    proofs: list[str]
    cases: list[str]
    disputes: list[int]
    carried_to: str


def history(store: Store, beneficiary: str = "", invoice: str = "") -> Iterator[PastPayment]:
    """The payments, oldest first, of a beneficiary or an invoice, page by page."""
    after = (-1, "")
    while True:
        with store.read() as connection:
            page = _page(connection, beneficiary, invoice, after)
            past = [_past(connection, row) for row in page]
        yield from past
        if len(page) < PAGE:
            return
        after = (page[-1].proposed_at, page[-1].id)


def _page(connection: sa.Connection, beneficiary: str, invoice: str, after: tuple[int, str]) -> list[Record]:
    query = (
        sa.select(t.payments, _r.name.label("of_name"), _r.state.label("of"), _r.proposed_at)
        .join(t.payrolls, _r.id == _p.payroll)
        .where(_r.complete, sa.tuple_(_r.proposed_at, _p.id) > sa.tuple_(*after))
        .order_by(_r.proposed_at, _p.id)
        .limit(PAGE)
    )
    if beneficiary:
        query = query.where(_p.beneficiary == beneficiary)
    if invoice:
        query = query.where(_p.invoice == invoice)
    return list(connection.execute(query))


def _past(connection: sa.Connection, row: Record) -> PastPayment:
    facts = journal.facts_of(connection, row.id)
    state = shown_state(row.state, row.of)
    said = statements.standing(connection, [row.id]).get(row.id, [])
    c = t.cases.c
    cases = connection.execute(sa.select(t.cases).where(c.payment == row.id).order_by(c.id))
    return PastPayment(
        row.id, row.invoice, row.beneficiary, row.name, row.entitlement, row.payroll, row.of_name, row.channel,
        row.account, state, amount_text(row.amount, row.currency), row.currency,
        amount_text(row.amount if state == "paid" else 0, row.currency), row.outcome_reference, row.reason,
        _attempts(facts), [event_of(fact) for fact in facts], [_proof(line) for line in said],
        [f"{case.kind}: {case.why}" if case.closed_at else case.kind for case in cases],
        [one.number for one in disputes.listed(connection, payment=row.id)], _carried_to(connection, row),
    )  # fmt: skip


def _attempts(facts: list[Fact]) -> list[AttemptView]:
    made: dict[int, AttemptView] = {}
    for fact in said_apart(facts):
        if fact.kind == "intent" and fact.body.get("moves_money"):
            made[fact.attempt] = AttemptView(fact.attempt, fact.at, fact.key, [])
        elif fact.kind == "answer" and fact.attempt in made and fact.body.get("moves_money", True):
            made[fact.attempt].answers.append(f"{fact.value} ({fact.source})")
    return list(made.values())


def _proof(line: Record) -> str:
    amount = amount_text(line.amount, line.currency)
    said = (line.verdict, amount, line.currency, line.reference, line.booked, f"file {line.statement} line {line.n}")
    return " ".join(filter(None, said))


def _carried_to(connection: sa.Connection, row: Record) -> str:
    query = sa.select(_p.id).where(_p.entitlement == row.entitlement, _p.number > row.number).order_by(_p.number)
    return str(connection.execute(query.limit(1)).scalar() or "")
