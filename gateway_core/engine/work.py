"""Work on one payment: decide, write, send, ask, until it is settled, held, or has to wait.

Evidence is written together with what is decided from it. Nothing is sent before the write that allows it returned OK.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import attrs

from ..contract.channel import Channel
from ..contract.flow import Ask, Paid
from ..contract.replies import Refused
from ..model.facts import BROUGHT, Fact, apart
from ..model.life import Life, Step, add, conclude, fold
from ..model.payment import Payment
from ..store import Result, Write
from ..store.payments import Line
from ..store.senders import FROZEN
from .attempts import LostClaim as LostClaim
from .attempts import ask_former, none_was_lost
from .conversation import Broken, Conversation, Differs, Intent
from .decide import LINKS, SILENT, Kind, Move, Rules, decide
from .evidence import Source, fact_of, judged, plain
from .groups import Groups
from .lanes import NoAnswer, NotSent
from .pace import Throttle
from .runtime import Lane, Runtime
from .talks import Talks
from .wire import ask_of, wire

log = logging.getLogger(__name__)
ATTEMPTS = 5
STOPPED_PAUSE = 30_000_000
# So often a write may be refused for other facts that are nowhere to be seen.
STALE_AT_MOST = 3
ELSEWHERE = "the channel was configured otherwise when this was sent; configure it so again, and release it to pending"
LOST_LOOKUP = "the store was restored and may have paid this before; now the rail refuses to look it up"
HINTED = "something was heard of an earlier attempt, and the rail does not say what became of it"
# What another writer's fact cannot make untrue: these are written after it, anything else is decided anew.
EVIDENCE = frozenset({"answer", "word", "unsent"})


@attrs.define
class Case:
    """A payment in a driver's hands: its facts, folded, and those not yet written."""

    payment: Payment
    payroll: str
    facts: list[Fact]
    life: Life
    unsaved: list[Fact] = attrs.field(factory=list)
    asks: dict[str, Ask] = attrs.field(factory=dict)
    cases_saved: int = 0
    checked_at: int = 0
    talk: Conversation | None = None
    money_intent: bool = False
    money_copy: bool = False
    ended: int = 0
    stale: int = 0

    @classmethod
    def of(cls, line: Line) -> Case:
        """From a stored line."""
        life = fold(line.facts)
        return cls(line.payment, line.payroll, line.facts, life, cases_saved=len(life.cases))

    def note(self, fact: Fact) -> None:
        """Add a fact, to be written with the next write."""
        add(self.life, fact)
        self.unsaved.append(fact)

    def refold(self, facts: list[Fact]) -> None:
        """Another writer was first: begin from what is stored, and keep our evidence."""
        evidence = [fact for fact in (apart(one)[0] for one in self.unsaved) if fact.kind in EVIDENCE]
        self.facts, self.life, self.unsaved, self.talk, self.asks = facts, fold(facts), [], None, {}
        self.money_intent = self.money_copy = False
        self.ended, self.cases_saved = 0, len(self.life.cases)
        for fact in evidence:
            self.note(attrs.evolve(fact, no=self.life.facts + 1))

    def end(self, outcome: Fact) -> None:
        """The flow has ended. With an answer that is not written yet, and that says the same: one fact says both."""
        last = self.unsaved[-1] if self.unsaved else None
        step = self.life.steps.get(last.step) if last is not None else None
        if last is None or step is None or step.answer is not last or not _agree(last, outcome):
            self.note(outcome)
            return
        body = {**last.body, **outcome.body}
        self.unsaved[-1] = attrs.evolve(last, kind="outcome", value=outcome.value, body=body)
        conclude(self.life, outcome)


def _agree(answer: Fact, outcome: Fact) -> bool:
    """Whether an answer can be read back from the two in one."""
    same = all(answer.body.get(name, value) == value for name, value in outcome.body.items())
    return answer.value == BROUGHT[outcome.value] and same


@attrs.define
class Worker:
    """What is needed to work on a channel's payments. `holds(now)`: does this sender still have its lease?"""

    runtime: Runtime
    groups: Groups
    channel: Channel
    rules: Rules
    throttle: Throttle
    deployment: str
    sender: int
    secrets: Mapping[str, str] = attrs.field(repr=False)
    reload: Any
    holds: Any
    on_stop: Any
    # The store was restored: a copy that it does not know of may have gone under the same key.
    restored: bool = False
    talks: Talks = attrs.field(factory=Talks)

    async def work(self, case: Case, lane: Lane) -> None:
        """Until nothing can be done now; the payment is then released."""
        try:
            while await self._turn(case, lane):
                pass
        except LostClaim:
            return

    async def put_off(self, case: Case, due: int) -> None:
        """Give it back as it is: its turn did not come before the channel closed."""
        try:
            while not await self._save(case, release=True, due=due):
                pass
        except LostClaim:
            return

    async def ask_again(self, case: Case, lane: Lane) -> str | None:
        """Ask the rail about a payment whatever its state (reconciling); what it says is written, and returned.

        None: nothing was ever sent. Otherwise done, refused, returned, waiting, not_found, asked or unknown.
        """
        step = case.life.money
        if step is None or not step.body.get("find_out"):
            return None
        if step.channel not in ("", self.channel.fingerprint):
            # It was sent to another address, and what this one says of it says nothing.
            raise LostClaim
        await self._ask(case, step, lane, "reconcile")
        for _ in range(LINKS):
            if not (link := case.unsaved[-1].body.get("ask_next")):
                break
            await self._exchange(case, step, link, lane, "reconcile")
        said = case.unsaved[-1].value
        while not await self._save(case):
            pass
        return said

    async def _turn(self, case: Case, lane: Lane) -> bool:
        move = self._decide(case)
        match move.kind:
            case Kind.CONTINUE | Kind.COPY | Kind.ASK if self._went_elsewhere(case.life):
                self._broken(case, Differs(ELSEWHERE))
            case Kind.CONTINUE:
                await self._continue(case, lane)
            case Kind.COPY:
                await self._copy(case, case.life.steps[move.step], lane)
            case Kind.ASK:
                await self._ask(case, case.life.steps[move.step], lane, "find_out")
            case Kind.HOLD:
                case.note(self._fact(case, "hold", move.why))
            case Kind.END if case.life.attempt < ATTEMPTS:
                self._end(case, move.why)
            case Kind.END:
                case.note(self._fact(case, "hold", move.why))
            case Kind.DOUBT:
                case.note(self._fact(case, "word", "unknown", step=move.step, body={"why": SILENT}))
            case Kind.WAIT | Kind.STOP:
                return not await self._let_go(case, move.at)
        return True

    async def _let_go(self, case: Case, due: int) -> bool:
        if not await self._save(case, release=True, due=due):
            return False
        if not case.life.settled:
            self.talks.keep(case.talk, case.life)
        return True

    def _went_elsewhere(self, life: Life) -> bool:
        """Law 5: what was sent is asked about where it was sent. Another address never heard of it, and would pay."""
        here = self.channel.fingerprint
        settled = life.money is not None and life.money.verdict
        return not settled and any(step.channel not in ("", here) for step in life.steps.values())

    def _decide(self, case: Case) -> Move:
        return decide(case.life, self.rules, self.runtime.now(), case.payment.id)

    def _fact(self, case: Case, kind: str, value: str = "", *, at: int = 0, attempt: int = 0, **rest: Any) -> Fact:
        life = case.life
        return Fact(life.facts + 1, at or self.runtime.now(), kind, value, attempt=attempt or life.attempt, **rest)

    # -- the flow goes on ---------------------------------------------------------------------------------------------

    async def _continue(self, case: Case, lane: Lane) -> None:
        now = self.runtime.now()
        try:
            if case.talk is None or case.talk.attempt != case.life.attempt:
                case.talk = self.talks.take(case.payment, case.life)
            if case.talk is None:
                case.talk = Conversation(self.channel, case.payment, self.deployment, case.life.attempt, now)
            said = case.talk.advance(case.life)
        except Broken as error:
            case.talk = None
            self._broken(case, error)
            return
        if isinstance(said, Intent):
            await self._intend(case, said, lane, now)
        else:
            case.talk = None
            self._end_of_flow(case, said)

    async def _intend(self, case: Case, intent: Intent, lane: Lane, now: int) -> None:
        money = intent.ask.moves_money
        if money and case.life.former_hints:
            await self._ask_hinted(case, lane)
            return
        case.asks[intent.ask.name] = intent.ask
        withheld = money and (self.restored or case.life.restored)
        case.note(
            self._fact(
                case, "intent", "withheld" if withheld else "sent", at=now, step=intent.ask.name, key=intent.key,
                body=intent.body,
            )
        )  # fmt: skip
        case.money_intent = money
        if await self._save(case) and not withheld:
            await self._send(case, case.life.steps[intent.ask.name], lane)

    async def _ask_hinted(self, case: Case, lane: Lane) -> None:
        """Law 8: what nobody vouches for triggers a question, about an attempt that is over, too: before the next."""
        await ask_former(self, case, lane)
        case.talk = None
        if case.life.former_hints and not case.life.settled:
            case.note(self._fact(case, "hold", HINTED))

    def _end_of_flow(self, case: Case, said: Paid | Refused) -> None:
        money = case.life.money
        moved = money is not None and money.verdict in ("done", "returned")
        if isinstance(said, Paid) and moved:
            case.end(self._fact(case, "outcome", "paid", source="flow", body={"reference": plain(said.reference)}))
        elif isinstance(said, Refused) and money is None and case.life.steps and self.restored:
            # The rail refuses to look it up today; what was lost may have paid, under this very key.
            case.note(self._fact(case, "hold", f"{LOST_LOOKUP}: {plain(said.reason or said.code)}"))
        elif isinstance(said, Refused) and not moved:
            body = {"code": plain(said.code), "reason": plain(said.reason or said.code)}
            case.end(self._fact(case, "outcome", "refused", source="flow", body=body))
        else:
            verdict = money.verdict if money else "never asked"
            case.note(self._fact(case, "hold", f"the flow says {type(said).__name__}, its money ask: {verdict}"))

    def _broken(self, case: Case, error: Broken) -> None:
        """Law 10: a plugin's fault parks the payment; what the rail said about the money still counts."""
        money = case.life.money
        if money is not None and money.verdict == "done" and money.answer is not None:
            reference = str(money.answer.body.get("body", {}).get("reference", money.key))
            case.note(self._fact(case, "outcome", "paid", body={"reference": reference, "reason": plain(error)}))
        elif money is None and isinstance(error, Differs) and case.life.attempt < ATTEMPTS:
            self._end(case, plain(error))
        else:
            case.note(self._fact(case, "hold", plain(error)))

    def _end(self, case: Case, why: str) -> None:
        case.ended = case.life.attempt if case.life.money is not None else 0
        case.note(self._fact(case, "ended", why))
        case.talk, case.asks = None, {}

    # -- the wire -----------------------------------------------------------------------------------------------------

    async def _copy(self, case: Case, step: Step, lane: Lane) -> None:
        """The same bytes again; that they may go was decided, that they go is written first."""
        name = step.name
        if step.moves_money and not await none_was_lost(self, case, lane):
            return
        case.note(self._fact(case, "copy", step=name))
        case.money_copy = step.moves_money
        if await self._save(case):
            await self._send(case, case.life.steps[name], lane)

    async def _send(self, case: Case, step: Step, lane: Lane) -> None:
        if not self.holds(self.runtime.now()):
            raise LostClaim
        if step.too_late(self.runtime.now()):
            case.note(
                self._fact(case, "unsent", "TooLate", source="ask", step=step.name, body={"why": "its time is over"})
            )
            return
        await self._exchange(case, step, step.body["request"], lane, "ask")

    async def _ask(self, case: Case, step: Step, lane: Lane, source: Source) -> None:
        form = step.ask_next or step.body.get("find_out")
        if form is None:
            await self._copy(case, step, lane)
            return
        if case.unsaved and not await self._save(case):
            return
        await self._exchange(case, step, form, lane, source)

    async def _exchange(
        self, case: Case, step: Step, form: Mapping[str, Any], lane: Lane, source: Source, attempt: int = 0
    ) -> None:
        """Send one request, and note what came of it. `attempt`: of which it is, where that is not the present one."""
        runtime, pace = self.runtime, self.channel.pace
        about: dict[str, Any] = {"attempt": attempt or case.life.attempt, "source": source, "step": step.name}
        try:
            out = wire(form, self.secrets)
        except Exception as error:
            self._cannot_be_sent(case, error, about)
            return
        runtime.point(f"before-{source}")
        try:
            reply = await lane.send(out, pace.timeout, pace.body_limit)
        except NotSent as error:
            self.throttle.heard(runtime.now(), False)
            kind, value = ("unsent", str(error)) if source == "ask" else ("word", "unknown")
            case.note(self._fact(case, kind, value, body={"why": str(error)}, **about))
            return
        except NoAnswer as error:
            self.throttle.heard(runtime.now(), False)
            case.note(self._fact(case, "word", "unknown", body={"why": str(error)[:300]}, **about))
            return
        runtime.point(f"after-{source}")
        self.throttle.heard(runtime.now(), True)
        ask = case.asks.get(step.name) or ask_of(step.name, step.body)
        verdict, seen = judged(self.channel, ask, reply, source, form["path"])
        if isinstance(verdict, Refused) and verdict.stops_channel:
            await self.on_stop(self.channel.name, plain(verdict.reason or verdict.code))
        no, at = case.life.facts + 1, runtime.now()
        case.note(fact_of(verdict, seen, no=no, at=at, money=step.moves_money, **about))

    def _cannot_be_sent(self, case: Case, error: Exception, about: dict[str, Any]) -> None:
        """A secret that is not there, or that no header can hold: nothing left, and trying again is no help."""
        why = f"{about['step']} cannot be sent: {type(error).__name__}: {plain(error, 200)}"
        if about["source"] == "ask":
            case.note(self._fact(case, "unsent", type(error).__name__, body={"why": why}, **about))
        if about["source"] == "reconcile":
            case.note(self._fact(case, "word", "unknown", body={"why": why}, **about))
        else:
            case.note(self._fact(case, "hold", why))

    # -- the journal --------------------------------------------------------------------------------------------------

    async def _save(self, case: Case, *, release: bool = False, due: int = 0) -> bool:
        """Write what is unsaved. False: another writer was first; the case was folded anew, decide again."""
        write = self._write(case, release, due)
        result = await self.groups.write(write)
        if result is Result.OK:
            case.facts += case.unsaved
            case.unsaved, case.money_intent, case.money_copy, case.ended = [], False, False, 0
            case.cases_saved, case.stale = len(case.life.cases), 0
            if case.facts:
                self.runtime.point(f"written-{case.facts[-1].kind}")
            return True
        if result is Result.STALE:
            facts = await self.runtime.offload(lambda: self.reload(case.payment.id))
            case.stale = case.stale + 1 if len(facts) == write.expected else 0
            if case.stale > STALE_AT_MOST:
                log.error("payment %s: its row disagrees with its facts; see `gateway verify`", case.payment.id)
                raise LostClaim
            case.refold(facts)
            return False
        if result is Result.FROZEN:
            case.refold(await self.runtime.offload(lambda: self.reload(case.payment.id)))
            case.note(self._fact(case, "hold", FROZEN))
            return False
        if result is Result.STOPPED:
            await self._give_back(case)
        raise LostClaim

    async def _give_back(self, case: Case) -> None:
        """The payroll was stopped under us: drop the intent, keep the evidence, and let go."""
        result = Result.STALE
        while result is Result.STALE:
            case.refold(await self.runtime.offload(lambda: self.reload(case.payment.id)))
            result = await self.groups.write(self._write(case, True, self.runtime.now() + STOPPED_PAUSE))

    def _write(self, case: Case, release: bool, due: int) -> Write:
        """`due` counts from the release on; a sender that dies before it leaves the payment due at once."""
        life = case.life
        return Write.of(
            case.payment.id, case.payroll, life, life.facts - len(case.unsaved), case.unsaved, due, sender=self.sender,
            release=release, money_intent=case.money_intent, money_copy=case.money_copy, ended_attempt=case.ended,
            cases=tuple(life.cases[case.cases_saved :]),
        )  # fmt: skip
