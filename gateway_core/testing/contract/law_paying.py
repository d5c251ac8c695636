"""Laws of paying, with the real engine: what was approved, once; silence proves nothing."""

from __future__ import annotations

from .kit import Kit
from .laws import broken, law
from .needs import FINDS_OUT, ONCE, PAYS, PURE, READING, SILENCE
from .rows import (
    LATE,
    NEVER_CAME,
    PENDING_FOR_EVER,
    PENDING_PAID,
    PENDING_REFUSED,
    REFUSED,
    REFUSED_UNHEARD,
    STRANGE,
    TAKEN,
    TWICE,
    dedupes,
    finds_out,
    sends_again,
)
from .tour import Fate


class PayingLaws(Kit):
    """What becomes of the money."""

    @law(*PURE)
    def test_it_pays_exactly_what_was_approved(self) -> None:
        """Where nothing goes wrong: paid once, that amount, that currency, that account; a refusal is refused.

        Why: a payroll is approved to the smallest unit. A gateway that rounds, or sends major units as minor ones,
        pays hundreds of thousands of people wrongly in one night.

        Mend: give the rail `payment.amount.minor`, or `payment.amount.text` where it wants a decimal number; never a
        float. Return `Paid` with the rail's own reference after `Done`, and the `Refused` as it came.
        """
        for fate in self.tour.plain():
            self._exact(fate)
        for fate in self.tour.of(REFUSED):
            if fate.state != "refused" or fate.times:
                broken(f"a payment that the rail refuses: {fate.told()}")

    def _exact(self, fate: Fate) -> None:
        if fate.state != "paid" or fate.times != 1 or fate.payment is None:
            broken(fate.told())
        amount, account = fate.payment.amount, fate.payment.account
        movement = fate.moved[0]
        if (movement.minor, movement.currency) != (amount.minor, amount.currency):
            broken(
                f"{amount} was approved for {fate.name!r}, and the simulator's books have {movement.minor} "
                f"{movement.currency} in minor units"
            )
        if _bare(movement.account) not in _bare(account.value) and _bare(account.value) not in _bare(movement.account):
            broken(f"{account} was approved for {fate.name!r}, and the simulator paid {movement.account!r}")

    @law(PAYS, *READING)
    def test_pending_ends_as_the_rail_decides(self) -> None:
        """A payment that the rail calls pending ends as the rail decides it, also when that takes a while.

        Why: most rails decide later. A plugin that does not recognise the decision leaves every payment to people.

        Mend: give a `find_out` that tells the payment's status, and list all final statuses in parse_response, for
        "find_out" and for "callback".
        """
        if not (self.bench.capabilities.finds_out or self.bench.capabilities.callbacks):
            return
        for rows, state, times in ((PENDING_PAID, "paid", 1), (PENDING_REFUSED, "refused", 0)):
            for fate in self.tour.of(rows):
                if fate.state != state or fate.times != times:
                    broken(fate.told())

    @law(PAYS, *READING, applies=finds_out)
    def test_it_finds_out(self) -> None:
        """After silence, asking tells what became of the payment: paid, or refused.

        Why: `finds_out` promises it, and the core relies on it after every time-out. Without it each lost answer ends
        with people.

        Mend: give the money ask a `find_out` that asks about its key, and read its answers in parse_response. If the
        rail has no such query, do not declare finds_out.
        """
        for fate in self.tour.plain():
            asks = [turn.ask for talk in fate.talks for turn in talk.turns if turn.ask.moves_money]
            if not asks or asks[0].find_out is None:
                broken("the ask that moves money has no find_out")
        for fate in self.tour.of(*TAKEN):
            if fate.state != "paid" or fate.times != 1:
                broken(f"the rail paid and its answer was lost: {fate.told()}")
        for fate in self.tour.of(REFUSED_UNHEARD):
            if fate.state != "refused" or fate.times:
                broken(f"the rail refused and its answer was lost: {fate.told()}")

    @law(PAYS, *READING)
    def test_silence_is_never_refused(self) -> None:
        """No answer, a strange answer, or a decision that never comes: unknown, pending or held, never refused.

        Why: silence is the moment in which people are paid twice: the money moved, the answer was lost, and somebody
        calls it failed and pays again. Time alone proves nothing.

        Mend: no counter and no time-out of your own: say `Waiting`, `NotFound` or `Unknown` as often as you are
        asked. The core knows when people must look.
        """
        for fate in self.tour.of(*TAKEN, *STRANGE, NEVER_CAME, PENDING_FOR_EVER, LATE, TWICE):
            if fate.state == "refused":
                broken(f"nobody refused it: {fate.told()}")
            if fate.state == "paid" and not fate.times:
                broken(f"nobody paid it: {fate.told()}")

    @law(PAYS, applies=dedupes)
    def test_a_repeated_key_pays_once(self) -> None:
        """The same request that arrives twice pays once.

        Why: `dedupes` lets the core send the same bytes again after silence. On a rail that does not honour keys that
        is a second payment.

        Mend: declare dedupes only where the manual says that a repeated key is not paid again, and give the time for
        which that is true as dedupe_window. Put the key where the rail looks for it.
        """
        for fate in self.tour.of(TWICE):
            if fate.times != 1:
                broken(f"its request was delivered twice: {fate.told()}")

    @law(ONCE, FINDS_OUT, SILENCE, applies=sends_again)
    def test_a_second_copy_has_the_same_key(self) -> None:
        """A copy that goes after a time-out bears the key of the first.

        Why: the first copy may still be under way. If the second has a key of its own, the rail takes both.

        Mend: the key stands in the request that the flow yields, made by `ctx.new_id`; `auth()` signs and brings
        tokens, and changes nothing else.
        """
        if self.tour.strange:
            broken(f"the simulator's books have payments under keys that no ask named: {self.tour.strange[:3]}")
        for fate in self.tour.of(LATE):
            if fate.times != 1 or fate.state != "paid":
                broken(f"its first copy arrived after its second: {fate.told()}")


def _bare(account: str) -> str:
    return "".join(character for character in account.casefold() if character.isalnum())
