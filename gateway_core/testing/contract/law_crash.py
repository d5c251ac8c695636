"""Laws that need a mishap of their own: a sender that dies at any ask, and answers without an end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import attrs

from ...contract.flow import Balances, Ctx
from ...engine.runtime import AsyncioRuntime
from ...paymaster import Paymaster
from ...store import journal
from . import faults
from .bench import PATIENCE as WAIT
from .bench import Bench
from .kit import Kit
from .laws import broken, law
from .needs import FINDS_OUT, PAYS, READING
from .proxy import Exchange, Fault
from .rows import Row
from .setup import CHANNEL, Setup

POINTS = ("before-ask", "after-ask")
STEPS = 5
# Seconds. It ends by itself; only what hangs is ended.
PATIENCE = 300.0
# What the kernel may take in before a client that stopped reading has an effect.
BUFFERS = 24 << 20
# The channel's limit, in seconds.
SHORT_TIMEOUT = 0.6


class Crashed(Exception):
    """Here the sender dies."""


class MishapLaws(Kit):
    """The process and the connection end at the worst moment."""

    @law(PAYS, *READING, FINDS_OUT)
    def test_a_crash_at_any_ask_pays_once(self) -> None:
        """A sender that dies before or after any ask is finished by another process, and each person is paid once.

        Why: machines stop in the middle of payrolls. What the flow knew in memory is gone; the journal has its asks
        and answers, and the flow has to come to the same point by them alone.

        Mend: whatever a step needs comes from `payment`, `ctx` and the answers; nothing from the object, the module
        or what was made when the plugin was imported.
        """
        bench = self.bench
        steps = max(len(talk.turns) for fate in self.tour.plain() for talk in fate.talks)
        setup = attrs.evolve(bench.setup, folder=bench.folder / "crashes", narrowed=self._narrowed())
        places = [(point, number) for number in range(1, min(steps, STEPS) + 1) for point in POINTS]
        names = {f"crash {point} {number}": (point, number) for point, number in places}
        self._crash(setup, names)
        done = subprocess.run(
            [sys.executable, "-m", f"{__package__}.resume"], input=setup.as_json(), text=True, timeout=PATIENCE,
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            broken(f"another process cannot go on with it: {(done.stderr.strip().splitlines() or ['it ended'])[-1]}")
        self._judge(setup)

    def _narrowed(self) -> dict[str, Any]:
        """Who cannot be asked has missed the callbacks while nobody listened: nothing is gained by waiting for them."""
        given = dict(self.bench.setup.narrowed)
        short = min(given["patience"], self.bench.given.decides_in)
        return given if self.bench.capabilities.finds_out else {**given, "patience": short}

    def _crash(self, setup: Setup, names: dict[str, tuple[str, int]]) -> None:
        bench = self.bench
        with setup.open(create=True, watch=bench.watch) as paymaster:
            for number, (name, place) in enumerate(names.items()):
                lines = bench.invoices([name], 500 + number)
                payroll = paymaster.propose(name, lines, channel=CHANNEL, by="amina")
                paymaster.approve(payroll, by="joseph")
                paymaster._runtime = _dying(*place)
                try:
                    paymaster.run(payroll, wait=0.0)
                except Crashed:
                    continue

    def _judge(self, setup: Setup) -> None:
        books = self.bench.books()
        with setup.open() as paymaster:
            for view in paymaster.all_payments():
                keys = _keys(paymaster, view.id)
                times = sum(movement.times for movement in books if movement.key in keys)
                why = (view.reason.strip().splitlines() or [""])[-1][:300]
                told = f"after {view.invoice} it is {view.state} ({why}), money moved {times} times"
                if times > 1 or (view.state == "paid" and times != 1):
                    broken(told)
                # Where a repeated key pays again, what nobody heard of is for people.
                doubted = view.state == "held" and not times and not self.bench.capabilities.dedupes
                if view.state == "refused" or (
                    view.state != "paid" and self.bench.capabilities.finds_out and not doubted
                ):
                    broken(told)
                if view.attempt > 1:
                    broken(f"after {view.invoice} another process asked otherwise, and had to begin anew")

    @law(PAYS, *READING)
    def test_only_the_rail_has_its_bytes_sent_again(self) -> None:
        """After a 401 that is not the rail's own, no second copy goes: the core alone decides about those.

        Why: a proxy passed the payment on, and then answered in the rail's place. The copy that `auth()` sends after it
        may be refused because the first one was paid (the limit is used up), and nobody knows that there were two.

        Mend: in `auth_flow`, send again only after an answer that has the rail's own word for a token that it does not
        take. After any other 401 forget the token, and let the answer be read.
        """
        bench = self.set_up()
        try:
            row = Row("a 401 on the way", answer=faults.instead(401))
            bench.meets(row)
            with bench.setup.open(create=True, watch=bench.watch) as paymaster:
                payroll = paymaster.propose(row.name, bench.invoices([row.name], 800), channel=CHANNEL, by="amina")
                paymaster.approve(payroll, by="joseph")
                # It ends when the payment is settled or held.
                paymaster.run(payroll, wait=WAIT)
            sent = sum(bench.is_copy(exchange.passed) for exchange in bench.proxy.exchanges)
        finally:
            bench.close()
        if sent != 1:
            broken(f"its first copy reached the rail, and somebody on the way answered 401: {sent} copies were sent")

    @law(PAYS)
    def test_every_answer_has_limits(self) -> None:
        """An answer that never ends, or comes byte by byte, is left: nothing is read beyond the channel's limits.

        Why: one endless answer fills the memory of the machine that pays a whole country; one slow answer keeps the
        payments behind it waiting for ever.

        Mend: send nothing yourself. `auth()` yields requests in its `auth_flow` (a token's, too) and reads what comes
        back: so they have the channel's limits on time and size.
        """
        for fault in (faults.endless, faults.dripping):
            if said := self._without_an_end(fault):
                broken(said)

    def _without_an_end(self, fault: Fault) -> str:
        """On a bench of its own: this spoils everything."""
        bench = Bench(self.bench.given)
        try:
            bench.all_meet(fault, SHORT_TIMEOUT)
            with bench.setup.open(create=True, watch=bench.watch) as paymaster:
                # Its question would be tried three times before anything is sent.
                paymaster.configuration.channel(CHANNEL)._hooks.check_balance = _unknown_balance
                lines = bench.invoices(["without an end"], 700)
                payroll = paymaster.propose("limits", lines, channel=CHANNEL, by="amina")
                paymaster.approve(payroll, by="joseph")
                stopped = paymaster.run(payroll, wait=0.0).stopped_channels
                state = paymaster.payments(payroll)[0].state
        finally:
            bench.close()
        if state in ("paid", "refused"):
            return f"the payment is {state}, and no answer ever ended"
        if stopped:
            # Where it could not be seen how much it read: the core had to interrupt it.
            return f"an answer has no end, and {stopped[CHANNEL]}"
        return next((said for exchange in bench.proxy.exchanges if (said := _greedy(exchange))), "")


def _unknown_balance(ctx: Ctx) -> Balances:
    return None
    yield


def _greedy(exchange: Exchange) -> str:
    asked = f"{exchange.passed.method} {exchange.passed.target}"
    if exchange.taken > BUFFERS:
        return f"of the answer to {asked} {exchange.taken >> 20} MiB were read"
    if exchange.drops >= faults.DROPS:
        waited = faults.DROPS * faults.DRIP
        return f"the answer to {asked} was read to its end, for {waited:g} s; the limit is {SHORT_TIMEOUT:g} s"
    return ""


def _keys(paymaster: Paymaster, payment: str) -> set[str]:
    """Under which keys money was to move, as the journal has it."""
    with paymaster._store.read() as connection:
        facts = journal.facts_of(connection, payment)
    return {
        str(fact.body["request"]["key"]) for fact in facts if fact.kind == "intent" and fact.body.get("moves_money")
    }


def _dying(point: str, number: int) -> Callable[[], AsyncioRuntime]:
    """A runtime that dies when it comes to a point for the n-th time."""

    def make() -> AsyncioRuntime:
        runtime, left = AsyncioRuntime(), [number]

        def reached(name: str) -> None:
            if name == point:
                left[0] -= 1
                if not left[0]:
                    raise Crashed(point)

        runtime.on_point = reached
        return runtime

    return make
