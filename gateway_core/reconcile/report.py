"""The zero-sum report of a payroll: approved = paid + returned + refused + cancelled, gateway = ours = statement.

Each difference is listed with what it comes to, so that the columns add up to the smallest unit:

    gateway   = ours + the sum of the differences with the gateway
    statement = ours + the sum of the differences with the statements
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from ..cash import accounts
from ..cash.accounts import DIFFERS, NOT_SEALED
from ..model.facts import Fact, said_apart
from ..model.ranks import Rank, rank
from ..model.states import SETTLED, shown_state
from ..store import Store, journal, payments, payrolls, statements
from ..store import tables as t
from ..store.database import Record
from . import weighing
from .weighing import Weight

PAGE = 500
LISTED = 1000
# With which column a difference is: only these two have sums.
GATEWAY, STATEMENT = "gateway", "statement"
KINDS = {
    "gateway_says_paid": (GATEWAY, "the rail says that it was paid, also or in spite of what we have"),
    "gateway_says_not_paid": (GATEWAY, "we have it as paid, and the rail's last word is another"),
    "gateway_is_silent": (GATEWAY, "we have it as paid, and neither the rail nor two people said so"),
    "missing_in_statement": (STATEMENT, "we have it as paid, and no statement has it"),
    "returned_in_statement": (STATEMENT, "we have it as paid, and a statement says that it came back"),
    "paid_in_statement": (STATEMENT, "a statement has it as paid, and we do not"),
    "underpaid": (STATEMENT, "less was paid than was owed"),
    "overpaid": (STATEMENT, "more was paid than was owed"),
    "unknown_line": (STATEMENT, "a line of a statement names no payment of ours"),
    "proposed_line": (STATEMENT, "a line is only proposed to be a payment's: a person decides"),
    "list_differs": ("", "an officer's list says otherwise than the provider's statement"),
    "still_open": ("", "it is not settled yet"),
    NOT_SEALED: ("", "a pay list whose cash was not counted by one person and sealed by another"),
    DIFFERS: ("", "a pay list's cash: handed out is not paid + returned"),
}


@attrs.frozen
class Difference:
    """`delta` in minor units: what the other column has more than ours. `explained_by` and `why`: why it is none."""

    kind: str
    subject: str
    invoice: str
    state: str
    delta: int
    about: str
    explained_by: str = ""
    why: str = ""


@attrs.define
class Report:
    """Counts and sums (minor units) of a payroll, by state; nets are what stayed with the payees.

    `statement_net` is None where no statement or list is about it. `differences` holds the first ones; `unexplained`
    counts all that nobody explained.
    """

    payroll: str
    name: str
    state: str
    currency: str
    approved: tuple[int, int]
    # Facts of the payroll when it was made.
    facts: int = 0
    ours: dict[str, tuple[int, int]] = attrs.field(factory=dict)
    ours_net: int = 0
    gateway_net: int = 0
    statement_net: int | None = None
    people: tuple[int, int] = (0, 0)
    fees: int = 0
    statements: list[str] = attrs.field(factory=list)
    differences: list[Difference] = attrs.field(factory=list)
    deltas: dict[str, int] = attrs.field(factory=dict)
    count: int = 0
    unexplained: int = 0

    @property
    def partition(self) -> bool:
        """approved = paid + returned + refused + cancelled."""
        parts = [self.ours.get(state, (0, 0)) for state in SETTLED]
        return set(self.ours) <= SETTLED and self.approved == tuple(map(sum, zip(*parts, strict=True)))

    @property
    def adds_up(self) -> bool:
        """Every column is ours plus its listed differences, to the smallest unit."""
        gateway = self.gateway_net == self.ours_net + self.deltas.get(GATEWAY, 0)
        shown = self.statement_net is None or self.statement_net == self.ours_net + self.deltas.get(STATEMENT, 0)
        return gateway and shown

    @property
    def explained(self) -> bool:
        """Whether the payroll may be proposed for closing."""
        return self.partition and self.adds_up and not self.unexplained


def report(store: Store, payroll: str, listed: int = LISTED) -> Report:
    """Compare all three, payment by payment; memory stays flat."""
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        files = statements.about(connection, row.id)
        known = statements.explanations(connection, row.id)
    cases = _closed_cases(store, row.id)
    made = _begun(row, files)
    for found in _all(store, row, files, made):
        made.count += 1
        side = KINDS[found.kind][0]
        made.deltas[side] = made.deltas.get(side, 0) + found.delta
        found = _explained(found, known, cases)
        made.unexplained += not found.explained_by
        if len(made.differences) < listed:
            made.differences.append(found)
    return made


def _explained(found: Difference, known: Mapping[tuple[str, str], Record], cases: Mapping[str, Record]) -> Difference:
    """With who explained it: outright, or by closing the case of what the rail says."""
    why = known.get((found.subject, found.kind))
    if why is not None and why.delta == found.delta:
        return attrs.evolve(found, explained_by=why.by, why=why.reason)
    case = cases.get(found.subject)
    if case is not None and KINDS[found.kind][0] == GATEWAY:
        return attrs.evolve(found, explained_by=case.closed_by, why=case.why)
    return found


def _closed_cases(store: Store, payroll: str) -> dict[str, Record]:
    """{payment: a case about it that a person looked at and closed}."""
    c = t.cases.c
    with store.read() as connection:
        rows = connection.execute(sa.select(t.cases).where(c.payroll == payroll, c.closed_at > 0).order_by(c.id)).all()
    return {row.payment: row for row in rows}


def every(store: Store, payroll: str) -> Iterator[Difference]:
    """Every difference, however many there are."""
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        files = statements.about(connection, row.id)
    yield from _all(store, row, files, _begun(row, files))


def _begun(row: Record, files: Sequence[Record]) -> Report:
    made = Report(row.id, row.name, row.state, row.currency, (row.lines, row.total), row.facts)
    made.statements = [file.id for file in files]
    made.statement_net = 0 if files else None
    return made


def _all(store: Store, row: Record, files: Sequence[Record], made: Report) -> Iterator[Difference]:
    for page in payments.pages(store.read, row.id, PAGE):
        with store.read() as connection:
            facts = journal.facts_of_many(connection, [line.id for line in page])
            standing = statements.standing(connection, [line.id for line in page]) if files else {}
        for line in page:
            state = shown_state(line.state, row.state)
            had = made.ours.get(state, (0, 0))
            made.ours[state] = (had[0] + 1, had[1] + line.amount)
            yield from _one(line, state, facts[line.id], standing.get(line.id, []), bool(files), made)
    for file in files:
        yield from _loose(store, file, row, made)
    with store.read() as connection:
        unaccounted = list(accounts.differences(connection, row.id))
    for kind, cash in unaccounted:
        # A debt of the point's is what the payees' column has less than it should.
        yield Difference(kind, cash.name, "", cash.state, -cash.missing if kind == DIFFERS else 0, KINDS[kind][1])


def _one(
    line: Record, state: str, facts: Sequence[Fact], said: Sequence[Any], files: bool, made: Report
) -> Iterator[Difference]:
    ours = line.amount if state == "paid" else 0
    made.ours_net += ours

    def differs(kind: str, delta: int, about: str = "") -> Difference:
        return Difference(kind, line.id, line.invoice, state, delta, about or KINDS[kind][1])

    if state not in SETTLED:
        yield differs("still_open", 0)
    times, came_back, by_people = rail_says(facts)
    if by_people and state in SETTLED:
        # Two people decided last, because no rail told: theirs is the word, and the report says how many these are.
        made.people = (made.people[0] + 1, made.people[1] + line.amount)
        made.gateway_net += ours
    else:
        net = line.amount * max(times - came_back, 0)
        made.gateway_net += net
        if net > ours:
            yield differs("gateway_says_paid", net - ours)
        elif net < ours:
            yield differs("gateway_says_not_paid" if times or came_back else "gateway_is_silent", net - ours)
    if files:
        yield from _with_files(line, state, ours, said, made, differs)


def _with_files(
    line: Record, state: str, ours: int, said: Sequence[Any], made: Report, differs: Any
) -> Iterator[Difference]:
    sheets, lists = weighing.of_sources(said)
    weight = weighing.weigh(sheets or lists)
    net = _net(weight, line.amount, ours)
    assert made.statement_net is not None
    made.statement_net += net
    made.fees += weight.fees
    if kind := _kind(weight, net, ours):
        yield differs(kind, net - ours, _about(kind, weight))
    if sheets and lists and _net(weighing.weigh(lists), line.amount, ours) != net:
        yield differs("list_differs", 0)


def _net(weight: Weight, owed: int, ours: int) -> int:
    """What stayed with the payee by the files. One that only tells of the return had its booking in an earlier one."""
    return 0 if not weight.paid and weight.returned == owed else weight.net


def _kind(weight: Weight, net: int, ours: int) -> str:
    if net == ours:
        return ""
    if not ours:
        return "paid_in_statement"
    if not weight.lines or weight.refused:
        return "missing_in_statement"
    if weight.returned and net <= 0:
        return "returned_in_statement"
    return "overpaid" if net > ours else "underpaid"


def _about(kind: str, weight: Weight) -> str:
    if kind in ("overpaid", "underpaid") and weight.times_paid > 1:
        return f"{KINDS[kind][1]}, in {weight.times_paid} payments"
    return KINDS[kind][1]


def _loose(store: Store, file: Record, row: Record, made: Report) -> Iterator[Difference]:
    """Lines of its files that name none of ours. One in a statement of several payrolls is shown in each of them."""
    after = 0
    while True:
        with store.read() as connection:
            page = statements.loose(connection, file.id, after)
        if not page:
            return
        for line in page:
            after = line.n
            if line.decided or (line.payroll not in ("", row.id)) or line.verdict == "pending":
                continue
            signed = {"paid": line.amount, "returned": -line.amount}.get(line.verdict, 0)
            # Sums are in the payroll's currency: what is in another adds nothing to them.
            signed = signed if line.currency == row.currency else 0
            kind = "proposed_line" if line.payment else "unknown_line"
            made.statement_net = (made.statement_net or 0) + signed
            about = line.why or f"proposed: payment {line.payment}"
            yield Difference(kind, f"{file.id}/{line.n}", "", line.verdict, signed, about)


def rail_says(facts: Iterable[Fact]) -> tuple[int, int, bool]:
    """(how often the rail said that it paid, how often that it came back, whether two people had the last word)."""
    paid: set[tuple[int, str]] = set()
    back: set[int] = set()
    people = False
    for fact in said_apart(facts):
        if fact.kind == "release" or fact.source == "confirmed":
            people = True
        elif _definite(fact) and rank(fact.source) is Rank.RAIL:
            people = False
            if fact.value == "done":
                paid.add((fact.attempt, fact.key if fact.source == "statement" else ""))
            elif fact.value == "returned":
                back.add(fact.attempt)
    for attempt in {attempt for attempt, key in paid if key}:
        paid.discard((attempt, ""))
    # A rail that only tells of the return had paid before.
    paid |= {(attempt, "") for attempt in back if not any(one == attempt for one, _ in paid)}
    return len(paid), len(back), people


def _definite(fact: Fact) -> bool:
    return fact.kind == "answer" and fact.value in ("done", "returned") and bool(fact.body.get("moves_money", True))
