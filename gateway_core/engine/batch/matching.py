"""A page of a bank's lines: matched by key, or by the reference that the bank gave a line of ours before; then written.

Nothing is guessed: a key that is not ours, a reference that two lines have, a document that does not hold the line are
strays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...contract.batch import LineFact
from ...contract.batch_channel import KEY
from ...contract.cancelling import REJECTED
from ...contract.replies import Unknown
from ...model.document import EXECUTING, note
from ...model.facts import Fact
from ...model.late import NOT_PAID
from ...model.life import Life, add, fold
from ...model.money import Money
from ...store import Result, Store, answers, document_lines, documents, journal, writes
from ...store import document_tables as d
from ...store.answers import Stray
from ...store.database import Record
from ..decide import Rules
from ..evidence import plain
from ..naming import Found, find
from .cancelling import answered, refused
from .judging import REFERENCE, Ours, stated, stray
from .lines import write_of

UNKNOWN = Unknown.__name__.lower()
# The bank has it, whatever was known of its put.
EVIDENT = frozenset({"ready", "sending", "pending", "unknown", "held"})


@attrs.define
class Applied:
    """What an answer was about so far, in this process."""

    documents: set[str] = attrs.field(factory=set)
    # Those of which something is still to be told to their lines.
    telling: set[str] = attrs.field(factory=set)
    payrolls: set[str] = attrs.field(factory=set)
    ours_unmatched: bool = False

    @property
    def payroll(self) -> str:
        """The one payroll that it is about; '' when it is about several, or none."""
        return next(iter(self.payrolls)) if len(self.payrolls) == 1 else ""


@attrs.define
class Match:
    """A payment that lines of the page are about. `facts`: old and new."""

    row: Record
    life: Life
    facts: list[Fact]
    cases: int
    new: list[Fact] = attrs.field(factory=list)

    def document(self, attempt: int) -> str:
        """The file of which that attempt was a line; '' for none."""
        for fact in self.facts:
            if fact.kind == "intent" and fact.attempt == attempt and "document" in fact.body:
                return str(fact.body["document"])
        return ""

    def states(self, said: LineFact, attempt: int, answer: str, n: int, at: int) -> bool:
        """State what line `n` of an answer says of that attempt. False: it was said before, and nothing is stated."""
        over = attempt != self.life.attempt or self.life.state in NOT_PAID
        ours = Ours(Money(self.row.amount, self.row.currency), attempt, self.facts, self.life.facts, over)
        fact = stated(said, ours, answer, n, at)
        if fact is not None:
            self.add(fact)
        return fact is not None

    def add(self, fact: Fact) -> None:
        """A new fact of the payment."""
        add(self.life, fact)
        self.facts.append(fact)
        self.new.append(fact)


def apply_page(
    store: Store, channel: str, rules: Rules, answer: Record, page: Sequence[tuple[int, LineFact]], applied: Applied,
    now: int,
) -> None:  # fmt: skip
    """One page in one transaction: facts, states, strays, and how far the answer was read.

    Of what another process has applied meanwhile (a sender, while an officer imports it), nothing is applied again.
    """
    with store.write() as connection:
        done = answers.get(connection, answer.id).done
        if not (page := [line for line in page if line[0] > done]):
            return
        found, strays = _found(connection, page)
        matches = _matches(connection, {payment for payment, _ in found.values()})
        # Most banks name a line by its key alone.
        names = _names(connection, matches.values()) if any(said.document for _, said in page) else {}
        known, touched, rejected, executing = 0, set[str](), set[str](), set[str]()
        for n, said in [line for line in page if line[0] in found]:
            payment, attempt = found[n]
            match = matches.get(payment)
            document = "" if match is None or match.row.channel != channel else match.document(attempt)
            if match is None or not document or said.document not in ("", names.get(document)):
                strays.append(stray(n, said, "it is no line of that file, or went over another channel"))
                continue
            # Whether the bank has the file is not said by this: it may answer that it never received it.
            if (told := answered(said, match.life, attempt, answer.id, n, now)) is not None:
                match.add(told)
                if said.cancellation == REJECTED:
                    rejected.add(match.life.request)
                continue
            if isinstance(said.verdict, Unknown):
                strays.append(stray(n, said, said.verdict.why))
                continue
            touched.add(document)
            if said.executing:
                executing.add(document)
            known += not match.states(said, attempt, answer.id, n, now)
        unwritten = _write(connection, store, [match for match in matches.values() if match.new], rules, now)
        if unwritten:
            raise AssertionError(f"answer {answer.id}: rows of {unwritten} disagree with their facts; see verify")
        for request in sorted(rejected):
            refused(connection, store, request, answer.id, now)
        answers.keep_strays(connection, answer.id, strays)
        answers.count(connection, answer, len(page) - known - len(strays), known, len(strays), len(page))
        applied.ours_unmatched |= ours_among(connection, strays)
        applied.payrolls |= {match.row.payroll for match in matches.values()}
        applied.documents |= touched
        for document in sorted(touched):
            if evident(connection, store, document, answer.id, now):
                applied.telling.add(document)
        for document in sorted(executing):
            _executing(connection, store, document, answer.id, now)


def ours_among(connection: Connection, strays: Iterable[Stray]) -> bool:
    """Whether any names something of ours, so that people must look. Of what is called somebody else's (a statement of
    another account), a key in our form counts where it is in this store: another deployment has keys like ours."""
    named = [item for item in strays if item.key or item.document]
    doubted = {item.key for item in named if item.verdict == UNKNOWN and not item.document and KEY.fullmatch(item.key)}
    known = document_lines.by_key(connection, doubted)
    return any(item.key not in doubted or item.key in known for item in named)


def _executing(connection: Connection, store: Store, document: str, answer: str, now: int) -> None:
    """The bank carries out a line of it."""
    row, life = documents.look(connection, document)
    if not life.executing:
        documents.tell(connection, store, row, life, [note(life, now, "word", EXECUTING, "statement", answer=answer)])


def _found(
    connection: Connection, page: Sequence[tuple[int, LineFact]]
) -> tuple[dict[int, tuple[str, int]], list[Stray]]:
    """{n: (payment, attempt)}, and the lines that name none."""
    keys = document_lines.by_key(connection, {said.key for _, said in page if KEY.fullmatch(said.key)})
    wanted = {plain(said.reference, REFERENCE) for _, said in page if not said.key and said.reference}
    references = document_lines.by_reference(connection, wanted)
    found, strays = dict[int, tuple[str, int]](), list[Stray]()
    for n, said in page:
        if isinstance(said.verdict, Unknown) and not (said.cancellation and said.key):
            strays.append(stray(n, said, said.verdict.why or "the gateway does not understand it"))
            continue
        ids = None if not said.key else [keys[said.key]] if said.key in keys else []
        named = find(ids, references.get(plain(said.reference, REFERENCE), []) if not said.key else None)
        if isinstance(named, Found):
            found[n] = named.payment, named.attempt
        else:
            strays.append(stray(n, said, named))
    return found, strays


def _matches(connection: Connection, payments: set[str]) -> dict[str, Match]:
    rows = document_lines.about(connection, payments)
    facts = journal.facts_of_many(connection, sorted(rows))
    lives = {payment: fold(facts[payment]) for payment in rows}
    return {
        payment: Match(row, lives[payment], list(facts[payment]), len(lives[payment].cases))
        for payment, row in rows.items()
    }


def _names(connection: Connection, matches: Iterable[Match]) -> dict[str, str]:
    """{document: the bank's name for it} of every file in which these payments ever were."""
    ids = {fact.body.get("document") for match in matches for fact in match.facts if fact.kind == "intent"} - {None}
    c = d.documents.c
    return {row.id: row.name for row in connection.execute(sa.select(c.id, c.name).where(c.id.in_(ids)))}


def _write(connection: Connection, store: Store, matches: Sequence[Match], rules: Rules, now: int) -> list[str]:
    """Write what is new. Returns the payments of which it cannot be written."""
    new = [write_of(m.life, m.row, m.new, rules, now, cases=tuple(m.life.cases[m.cases :])) for m in matches]
    results = writes.apply(connection, store, new) if new else []
    return [match.row.id for match, result in zip(matches, results, strict=True) if result is not Result.OK]


def evident(connection: Connection, store: Store, document: str, answer: str, now: int) -> bool:
    """The bank names a line of it: so it has the file, whatever was known of the put. Whether that was news."""
    row, life = documents.look(connection, document)
    if life.put.money is not None and row.state in EVIDENT:
        fact = note(life, now, "outcome", "handed_over", "statement", answer=answer)
    elif not life.heard:
        fact = note(life, now, "word", "heard", "statement", answer=answer)
    else:
        return False
    documents.tell(connection, store, row, life, [fact])
    return True
