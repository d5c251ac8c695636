"""The other attempts of a payment: those before this one, and those that only a lost part of the journal had.

A rail may have paid what it had refused. And a store that was restored from a backup begins an attempt whose key the
rail does not know: that proves nothing while the lost part may have gone on to the next attempt, and paid by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from ..model.facts import Fact
from ..model.life import Step
from .conversation import Broken, Conversation
from .evidence import plain

if TYPE_CHECKING:
    from .runtime import Lane
    from .work import Case, Worker


class LostClaim(Exception):
    """Another sender owns the payment, its payroll was stopped, or its turn is later: hands off."""


# So many attempts after this one are asked about: as many as the engine itself begins.
LATER = 4
# What says that nothing of an attempt has moved.
NOTHING = ("not_found", "refused")
MOVED = ("done", "returned", "waiting")
PAUSE = 60_000_000
LOST = "the store was restored, and the rail knows attempt {} of this payment, which was lost with the newer store"
UNSAID = "the store was restored, and the rail does not say whether an attempt of this payment, now lost, was paid"


async def ask_former(worker: Worker, case: Case, lane: Lane) -> list[str]:
    """Ask about the attempts before this one, too. Returns what the rail says."""
    said, here = [], worker.channel.fingerprint
    for intent in [fact for fact in case.facts if fact.kind == "intent" and fact.attempt < case.life.attempt]:
        form = intent.body.get("find_out")
        if not intent.body.get("moves_money"):
            continue
        if form is None or intent.body.get("channel", here) != here:
            said.append("unknown")
            continue
        step = Step(intent.step, intent.key, True, intent.body, intent.at)
        await worker._exchange(case, step, form, lane, "reconcile", intent.attempt)
        said.append(case.unsaved[-1].value)
    while case.unsaved and not await worker._save(case):
        pass
    return said


async def none_was_lost(worker: Worker, case: Case, lane: Lane) -> bool:
    """Before bytes go (again) from a restored store: whether the rail knows of no attempt that this journal does not.

    That is a later one, or one that ended here before its money ask: what was lost may have come to it. Where the rail
    knows one, or cannot say, people decide; where it says nothing at all, it is asked again later. That it does not
    know one counts when it says so twice, apart: a lost copy may have been on its way. Not asked any more when two
    people have said that what was lost is known, or have released these very bytes.
    """
    life = case.life
    if not worker.restored or life.same_bytes_released:
        return True
    asked = {fact.attempt for fact in case.facts if fact.kind == "intent" and fact.body.get("moves_money")}
    known = asked | {life.attempt}
    others = [number for number in range(1, life.attempt + LATER + 1) if number not in known]
    heard = _heard(case, others)
    unknown = sum(fact.value == "unknown" for fact in heard)
    settled = _settled(heard, worker.rules.settle)
    for attempt in [number for number in others if number not in settled]:
        said = await _ask_ahead(worker, case, lane, attempt)
        if said == "unknown" and unknown < worker.rules.ask_limit:
            await _later(worker, case, PAUSE)
        if said not in NOTHING:
            why = LOST.format(attempt) if said in MOVED else UNSAID
            case.note(worker._fact(case, "hold", why))
            return False
    if not _settled(_heard(case, others), worker.rules.settle).issuperset(others):
        await _later(worker, case, worker.rules.settle)
    return True


async def _ask_ahead(worker: Worker, case: Case, lane: Lane, attempt: int) -> str:
    """What the rail says of an attempt that this journal does not have: its key follows from its number."""
    try:
        talk = Conversation(worker.channel, case.payment, worker.deployment, attempt, worker.runtime.now())
        intent = talk.ahead(case.life)
    except Broken as error:
        return f"cannot be asked: {plain(error)}"
    form = intent.body.get("find_out")
    if form is None:
        return "cannot be asked"
    # What it asked for this attempt is not what is asked now.
    case.asks = {}
    step = Step(intent.ask.name, intent.key, True, intent.body, worker.runtime.now())
    await worker._exchange(case, step, form, lane, "reconcile", attempt)
    return case.unsaved[-1].value


async def _later(worker: Worker, case: Case, us: int) -> NoReturn:
    """Its turn is later."""
    while not await worker._save(case, release=True, due=worker.runtime.now() + us):
        pass
    raise LostClaim


def _heard(case: Case, attempts: Sequence[int]) -> list[Fact]:
    """What the rail said of these attempts since the store was restored."""
    facts = [*case.facts, *case.unsaved]
    last = max((place for place, fact in enumerate(facts) if fact.kind == "restored"), default=-1)
    return [fact for fact in facts[last + 1 :] if fact.source == "reconcile" and fact.attempt in attempts]


def _settled(heard: Sequence[Fact], settle: int) -> set[int]:
    """The attempts that moved nothing: refused, or not known when asked twice, `settle` microseconds apart."""
    first: dict[int, int] = {}
    over = {fact.attempt for fact in heard if fact.value == "refused"}
    for fact in heard:
        if fact.value == "not_found" and fact.at - first.setdefault(fact.attempt, fact.at) >= settle:
            over.add(fact.attempt)
    return over
