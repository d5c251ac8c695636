"""Laws of a flow: it is a pure conversation, the same whenever it is told again."""

from __future__ import annotations

from ...contract.replies import Refused
from .kit import Kit
from .laws import broken, law
from .needs import SHAPED, UNPLANNED
from .replay import printed, run_again
from .watch import FLOWS, Talk


class FlowLaws(Kit):
    """What a generator that yields asks has to keep."""

    @law(*UNPLANNED, *SHAPED)
    def test_two_runs_ask_the_same(self) -> None:
        """The same answers lead to the same asks: in the same object, and in a new one.

        Why: after a crash a flow is replayed over the answers in the journal. One that asks otherwise is stopped, and
        its payment held, because nobody can tell what it would have done.

        Mend: keep nothing in the gateway's object, in its module or in the environment that a flow reads; iterate
        over lists, not over sets; whatever a later step needs comes from the answer of an earlier one.
        """
        channel = self.bench.channel()
        for hook in FLOWS:
            for talk in [talk for talk in self.bench.watch.of(hook) if _replayable(talk)] if self.tour else []:
                first = [printed(turn.ask) for turn in talk.turns]
                for run in (1, 2):
                    again = run_again(channel, talk)
                    if again.raised is not None:
                        broken(f"{_named(talk)} raised {again.raised!r} when it ran again")
                    asked = [printed(ask) for ask in again.asks]
                    if asked != first:
                        broken(f"{_named(talk)} asked otherwise when it ran again ({_difference(talk, again.asks)})")
                    if talk.ended and again.end != talk.end:
                        broken(f"{_named(talk)} ended with {again.end!r} in run {run + 1}, with {talk.end!r} before")

    @law(*SHAPED)
    def test_one_ask_moves_money(self) -> None:
        """At most one ask of an attempt moves money.

        Why: when the second of two is in doubt, the whole attempt is in doubt, and asking about one key says nothing
        of the other. The core stops such a flow.

        Mend: set `moves_money` on the one ask that pays; look-ups, quotes and confirmations before it move nothing.
        Two payments are two payments.
        """
        assert self.tour is not None
        for talk in self.bench.watch.of("execute_payment"):
            money = [turn.ask.name for turn in talk.turns if turn.ask.moves_money]
            if len(money) > 1:
                broken(f"{_named(talk)} moves money in {' and in '.join(money)}")

    @law(*SHAPED)
    def test_a_refusal_ends_the_flow(self) -> None:
        """After its money ask was refused, a flow returns a Refused, and asks nothing more.

        Why: a flow that goes on after a refusal pays by another way within the same attempt: under a key that nobody
        approved, and that is not asked about. Another try is another attempt, and people decide on it.

        Mend: `return done if isinstance(done, Refused) else Paid(...)`, right after the money ask.
        """
        assert self.tour is not None
        channel, refused = self.bench.channel(), Refused("refused_by_the_kit", "to see what the flow does then")
        for talk in self.bench.watch.of("execute_payment"):
            at = next((number for number, turn in enumerate(talk.turns) if turn.ask.moves_money), None)
            if at is None:
                continue
            again = run_again(channel, talk, [*(turn.answer for turn in talk.turns[:at]), refused])
            if again.raised is not None:
                broken(f"{_named(talk)} raised {again.raised!r} when its money ask was refused")
            if not again.ended:
                broken(f"{_named(talk)} asked {again.asks[-1].name!r} after its money ask was refused")
            if not isinstance(again.end, Refused):
                broken(f"{_named(talk)} ended with {again.end!r} although its money ask was refused")


def _replayable(talk: Talk) -> bool:
    """Nothing is said about a flow that raised: that is another law's."""
    return talk.raised is None and talk.began is not None


def _named(talk: Talk) -> str:
    about = f" of {talk.payment.invoice!r}" if talk.payment else ""
    return f"{talk.hook}{about}"


def _difference(talk: Talk, asks: list[object]) -> str:
    """The first ask that differs, in words."""
    for number, turn in enumerate(talk.turns):
        if number >= len(asks):
            return f"{turn.ask.name!r} was not asked"
        if printed(asks[number]) != printed(turn.ask):
            return f"{turn.ask.request!r}, then {getattr(asks[number], 'request', asks[number])!r}"[:600]
    return f"{getattr(asks[-1], 'name', asks[-1])!r} came in addition"
