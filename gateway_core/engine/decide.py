"""Decide: what to do next with a payment, from its life alone. Pure; every branch ends in a bound that holds.

The moves, and what proves each (laws 2 and 3):

| move | when |
|---|---|
| CONTINUE | no ask is open: let the flow go on |
| COPY | the same bytes may go again: provably nothing can land twice, or a read |
| ASK | silence, a refusal in doubt, pending: ask the rail |
| APPROVE | a file that the bank parks: it may be told to carry it out |
| WAIT | not yet |
| DOUBT | a line of a file: the bank has been silent about it for longer than its patience |
| END | nothing ever left, and it is too late to send it: the next attempt begins |
| HOLD | only people can go on |
| STOP | settled or held: nothing to do |
"""

from __future__ import annotations

import zlib
from enum import StrEnum

import attrs

from ..contract.gateway import Capabilities
from ..model.document import PARKED, DocumentLife
from ..model.life import Life, Step
from ..model.moments import SECOND
from ..model.states import DELIVERED

COPIES = 8
# What is noted at a time so far ahead was noted by a clock that was wrong: nothing is waited for by it.
AHEAD = 60 * SECOND
# So many links are followed at once; a rail that sends us round in circles is asked at its ordinary pace.
LINKS = 4
# Copies that provably moved nothing (never left, not taken) cost nobody anything: patience is longer.
HARMLESS_COPIES = 200
# When nothing happens by itself any more: what comes next comes from people, or from the bank.
NEVER = 1 << 62
# Why a line is unknown then.
SILENT = "the bank has said nothing of it for longer than its patience"


class Kind(StrEnum):
    """See the table above."""

    CONTINUE = "continue"
    COPY = "copy"
    ASK = "ask"
    APPROVE = "approve"
    WAIT = "wait"
    DOUBT = "doubt"
    END = "end"
    HOLD = "hold"
    STOP = "stop"


@attrs.frozen
class Move:
    """`at`: the time (UTC microseconds) from which it may be made."""

    kind: Kind
    step: str = ""
    at: int = 0
    why: str = ""


STOP, CONTINUE = Move(Kind.STOP), Move(Kind.CONTINUE)


@attrs.frozen
class Rules:
    """A rail's declared guarantees, in microseconds."""

    finds_out: bool
    callbacks: bool
    dedupes: bool
    dedupe_window: int
    settle: int
    ask_after: int
    ask_at_most: int
    ask_limit: int
    patience: int
    keeps_pending: bool = False

    @classmethod
    def of(cls, c: Capabilities) -> Rules:
        """From what the gateway declares, as the configuration narrowed it."""
        return cls(
            c.finds_out, c.callbacks, c.dedupes, int(c.dedupe_window * SECOND), int(c.settle * SECOND),
            int(c.ask_after * SECOND), int(c.ask_at_most * SECOND), c.ask_limit, int(c.patience * SECOND),
            c.keeps_pending,
        )  # fmt: skip


def decide(life: Life, rules: Rules, now: int, salt: str = "") -> Move:
    """The next move. `salt` (the payment's id) spreads the payments' waiting, so that they do not ask in step."""
    move = _wanted(life, rules, now, salt)
    if move.kind in (Kind.COPY, Kind.ASK) and move.at > now and life.steps[move.step].last_at <= now + AHEAD:
        return attrs.evolve(move, kind=Kind.WAIT)
    return move


def _wanted(life: Life, rules: Rules, now: int, salt: str) -> Move:
    if life.settled:
        return STOP
    if life.contradicted:
        return Move(Kind.HOLD, why="the rail gave two answers that contradict each other")
    step = life.open_step
    if step is None:
        return CONTINUE
    if not step.moves_money:
        return _read(step, rules, salt)
    if step.document:
        return _line(life, step, rules, now)
    if life.same_bytes_released:
        return Move(Kind.COPY, step.name)
    # A clock that jumped back does not open the dedupe window again: the highest time in the journal counts.
    within = max(now, life.last_at) - step.first_at < rules.dedupe_window
    return _provably_idle(step, now, salt) if step.in_doubt == 0 else _in_doubt(step, rules, now, within, salt)


def decide_document(life: DocumentLife, rules: Rules, now: int, salt: str = "") -> Move:
    """The next move with a file. CONTINUE: its put, if there was none yet; else what its answer means."""
    if not life.complete or life.state in DELIVERED:
        return STOP
    step = life.put.money
    if step is not None and step.last == PARKED and not (step.verdict or life.put.settled or life.put.contradicted):
        return _approval(life, step, rules, now, salt)
    # Whether a file is there can always be asked, and nobody calls back about it.
    move = decide(life.put, attrs.evolve(rules, finds_out=True, callbacks=False), now, salt)
    if move.kind is Kind.COPY and life.approved and not life.put.same_bytes_released:
        return Move(Kind.HOLD, why="the bank was told to carry it out, and now does not know it")
    if move.kind is Kind.COPY and life.put.restored and not life.absent:
        return Move(Kind.HOLD, why="the store was restored, and the bank does not know it: was another put instead?")
    return move


def _approval(life: DocumentLife, step: Step, rules: Rules, now: int, salt: str) -> Move:
    """The bank parks the file. Telling it again is safe, as long as it is the very same one."""
    if life.approved not in ("", life.parked):
        return Move(Kind.HOLD, why=f"the bank parks it as {life.parked}, and was told to carry out {life.approved}")
    if life.put.restored and not life.released:
        return Move(Kind.HOLD, why="the store was restored, and the bank parks it: was it replaced by another file?")
    if life.approvals - life.untold >= COPIES or life.approvals >= HARMLESS_COPIES:
        return Move(Kind.HOLD, why=f"the bank was told {life.approvals} times to carry it out, and still parks it")
    again = _later(step, rules.ask_after, rules.ask_at_most, life.approvals - 1, salt) if life.approvals else now
    at = max(again, step.not_before)
    return Move(Kind.WAIT if at > now and step.last_at <= now + AHEAD else Kind.APPROVE, step.name, at)


def _line(life: Life, step: Step, rules: Rules, now: int) -> Move:
    """It goes with its file, and the bank's files settle it. Silence makes it unknown, in which state it may stay.

    One with a proof of its pay-out waits for its checker.
    """
    if life.state != "pending" or step.proof:
        return Move(Kind.WAIT, step.name, NEVER)
    until = (step.waiting_since or step.last_at) + rules.patience
    return Move(Kind.WAIT if now < until else Kind.DOUBT, step.name, until)


def _read(step: Step, rules: Rules, salt: str) -> Move:
    """A step that moves nothing: the same question again, a bounded number of times."""
    if step.last == "waiting" and (step.ask_next or step.body.get("find_out")):
        if step.asks >= rules.ask_limit or step.last_at - step.waiting_since > rules.patience:
            return Move(Kind.HOLD, why=f"{step.name}: the rail does not decide")
        return Move(Kind.ASK, step.name, _later(step, rules.ask_after, rules.ask_at_most, _asked(step), salt))
    if step.copies - step.closed >= COPIES:
        return Move(Kind.HOLD, why=f"{step.name}: the rail stays silent")
    if step.copies >= HARMLESS_COPIES:
        return Move(Kind.HOLD, why=f"{step.name}: the rail cannot be reached")
    return Move(Kind.COPY, step.name, _later(step, rules.ask_after, rules.ask_at_most, step.copies - 1, salt))


def _provably_idle(step: Step, now: int, salt: str) -> Move:
    """Every copy never left, or was not taken: the same bytes may go again, if it is not too late for them."""
    if step.too_late(now):
        return Move(Kind.END, step.name, why="its time was over before any copy left")
    if step.copies >= HARMLESS_COPIES:
        return Move(Kind.HOLD, why="the rail could not be reached or would not take it, many times")
    return Move(Kind.COPY, step.name, _later(step, SECOND, 300 * SECOND, step.copies - 1, salt))


def _in_doubt(step: Step, rules: Rules, now: int, within: bool, salt: str) -> Move:
    """A copy may have moved money: ask. Only a rail that dedupes gets the same bytes again (design section 7)."""
    askable = bool(step.ask_next or (rules.finds_out and step.body.get("find_out")))
    if not askable:
        return _only_listen(step, rules, now)
    if step.follow and step.links <= LINKS:
        return Move(Kind.ASK, step.name, step.not_before)
    # The rail must have said "pending" after patience was over: a sender that was away asks before it gives up.
    if step.last == "waiting" and step.last_at - step.waiting_since > rules.patience:
        return Move(Kind.HOLD, why="pending for longer than the rail's patience")
    if step.not_found >= 2 and step.last == "not_found" and step.last_at - step.first_not_found >= rules.settle:
        if step.taken and rules.keeps_pending:
            return Move(Kind.HOLD, why="the rail had this payment and now does not know it")
        if rules.dedupes and within and step.copies < COPIES and not step.too_late(now):
            return Move(Kind.COPY, step.name)
        # Where the rail itself ends what is expired, it is asked until that is proven.
        if not step.expires and (not rules.dedupes or not within):
            return Move(Kind.HOLD, why="the rail does not know this payment, and a second copy might pay twice")
    if step.asks >= rules.ask_limit:
        return Move(Kind.HOLD, why=f"asked {step.asks} times without a definite answer")
    if step.last in ("heard", "withheld"):
        return Move(Kind.ASK, step.name)
    gap = rules.settle if step.last == "not_found" else 0
    at = max(_later(step, rules.ask_after, rules.ask_at_most, _asked(step), salt), step.last_at + gap)
    return Move(Kind.ASK, step.name, at)


def _asked(step: Step) -> int:
    return step.asks + step.waits


def _only_listen(step: Step, rules: Rules, now: int) -> Move:
    """A rail that cannot be asked: wait for its callback as long as patience lasts, then people must look."""
    until = (step.waiting_since or step.first_at) + rules.patience
    if rules.callbacks and now < until:
        return Move(Kind.WAIT, step.name, until)
    return Move(Kind.HOLD, why="no answer came, and this rail cannot be asked")


def _later(step: Step, first: int, at_most: int, times: int, salt: str) -> int:
    """An absolute time, computed from the facts (a restart does not reset it); doubles, spread by up to a quarter."""
    pause = min(first << min(times, 20), at_most)
    spread = pause // 4 * (zlib.crc32(salt.encode()) % 1000) // 1000
    return max(step.last_at + pause + spread, step.not_before)
