"""Laws of writing files: the same plan whenever it is made again, each payment in one file, paid once and exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing

import attrs

from ...contract.batch import BatchCtx, Document, LeftOut
from ...contract.channel import Channel
from ...contract.replies import Refused
from ...engine.batch.portion import Portion
from ...model.payment import Payment
from .batch_kit import BatchKit
from .laws import Waits, broken, law
from .needs import UNPLANNED
from .unasked import misjudged

PLANNED = "test_a_plan_made_again_is_the_same"
WRITTEN = "test_every_payment_stands_in_one_file"
Made = list[tuple[str, str, tuple[tuple[str, str], ...]]]


class BatchLaws(BatchKit):
    """prepare_batch, and the way to the bank."""

    @law(*UNPLANNED)
    def test_a_plan_made_again_is_the_same(self) -> None:
        """The same payments and context give the same files: names, lines, keys and bytes.

        Why: after a crash the files are planned again. Another name or other bytes are another file to the bank: the
        first one may lie there already, and both are carried out.

        Mend: take the file's id from `ctx.new_id`, the keys from `ctx.key(payment)`, the date from `ctx.now`; keep
        nothing in the object, count nothing that was planned before, and write lines in the order of the payments.
        """
        assert self.tour is not None
        first, second = self.bench.channel(), self.bench.channel()
        for payments, ctx in self._plans():
            made = _made(first, payments, ctx)
            for again in (_made(first, payments, ctx), _made(second, payments, ctx)):
                if again != made:
                    broken(f"planned again, {_names(made)} became {_names(again)}, or has other bytes or lines")
            planned = {name: digest for name, digest, _ in made}
            for name, body in self.bench.watch.put:
                if name in planned and planned[name] != hashlib.sha256(body).hexdigest():
                    broken(f"{name} was put with other bytes than it has when it is planned again")
        put = {name for name, _ in self.bench.watch.put}
        if put - {name for payments, ctx in self._plans() for name, _, _ in _made(first, payments, ctx)}:
            broken("a file was put that is not planned again under its name")

    @law(PLANNED)
    def test_every_payment_stands_in_one_file(self) -> None:
        """Each payment stands in one line of one file, under a key of its own, or is left out with a reason.

        Why: a payment that stands in two files is paid twice; one that stands in none waits for ever, and nobody
        knows.

        Mend: give a `Document` whose `lines` has every payment that its bytes have, or a `LeftOut` with a `Refused`.
        Put the file's number (`ctx.number`) or `ctx.new_id` into its name, so that no name is used twice.
        """
        channel = self.bench.channel()
        for payments, ctx in self._plans():
            for some in (payments, payments[:1], payments[::2]):
                said = _checked(channel, some, ctx)
                if said:
                    broken(said)
            sent = {payment for _, _, lines in _made(channel, payments, ctx) for payment, _ in lines}
            for payment in payments:
                if payment.id in sent and (why := misjudged(channel, payment)):
                    broken(why)
            names = [
                _names(_made(channel, payments, _numbered(ctx, number))) for number in (ctx.number, ctx.number + 1)
            ]
            if set(names[0]) & set(names[1]):
                broken(f"two files of one payroll have the same name: {sorted(set(names[0]) & set(names[1]))}")

    @law(WRITTEN, "test_a_statement_loses_no_line")
    def test_a_file_pays_exactly_what_was_approved(self) -> None:
        """Every payment is paid, that amount to that account, and the journal says so when the bank does.

        Why: a payroll is approved to the smallest unit, and a file pays thousands at once.

        Mend: write `payment.amount.minor`, or `payment.amount.text` for a decimal number, and the account as it is;
        give each line's `key` and `amount` back in read_statement, with a verdict for every status of the bank's
        manual.
        """
        tour = self.tour
        for movement in tour.books:
            payment = tour.payments.get(tour.keys.get(movement.key, ""))
            if payment is None:
                broken(f"the bank paid {movement}, whose key no file has")
            amount = payment.amount
            if (movement.minor, movement.currency) != (amount.minor, amount.currency):
                broken(
                    f"{amount} was approved for {payment.invoice!r}, and the bank paid {movement.minor} in minor units"
                )
        for payment in tour.payments.values():
            state, why = tour.states[payment.id]
            if state != "paid":
                broken(f"{payment.invoice!r} is {state} ({why.strip()[:200]}), and the bank had every chance to answer")

    @law(WRITTEN)
    def test_a_put_in_doubt_pays_once(self) -> None:
        """A file whose put ended in silence is paid once: it is looked for, and not handed over as another one.

        Why: the connection broke after the last byte. The bank has the file; a second one, or the same one again at a
        bank that does not notice, pays thousands of people twice.

        Mend: `probe` says whether the file lies there, with these very bytes; declare `dedupes` only where the bank
        promises to take a repeated file once. `NotSent` is for what provably never left.
        """
        tour = self.tour
        times: dict[str, int] = {}
        for movement in tour.books:
            times[movement.key] = times.get(movement.key, 0) + movement.times
        twice = sorted(key for key, number in times.items() if number > 1)
        if twice:
            broken(f"{len(twice)} lines were paid more than once, {twice[0]} {times[twice[0]]} times")
        names = [name for name, _ in self.bench.watch.put]
        if len(names) != len(set(names)) and not self.bench.channel().capabilities.dedupes:
            broken(f"{names} were put: a file went twice to a bank that does not notice")

    def _plans(self) -> list[tuple[tuple[Payment, ...], BatchCtx]]:
        if self.tour and not self.bench.watch.plans:
            raise Waits("waits for prepare_batch to be called at all")
        return self.bench.watch.plans


def _made(channel: Channel, payments: Sequence[Payment], ctx: BatchCtx) -> Made:
    found: Made = []
    try:
        for made in channel._hooks.prepare_batch(payments=payments, ctx=ctx):
            if isinstance(made, Document):
                lines = tuple(made.pairs())
                body = made.content if isinstance(made.content, bytes) else b"".join(made.content)
                found.append((made.name, hashlib.sha256(body).hexdigest(), lines))
    except Exception as error:
        broken(f"prepare_batch raised {error!r}")
    return found


def _checked(channel: Channel, payments: Sequence[Payment], ctx: BatchCtx) -> str:
    assert channel.batch is not None
    try:
        with closing(Portion.of(payments, ctx.attempts)) as portion:
            made = list(portion.made(channel.batch, ctx))
    except Exception as error:
        return f"{error} (of {len(payments)} payments)"
    wrong = [one for one in made if isinstance(one, LeftOut) and not isinstance(one.why, Refused)]
    return f"{wrong[0]} leaves a payment out without a Refused" if wrong else ""


def _numbered(ctx: BatchCtx, number: int) -> BatchCtx:
    return attrs.evolve(ctx, number=number)


def _names(made: Made) -> list[str]:
    return [name for name, _, _ in made]
