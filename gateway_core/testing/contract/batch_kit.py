"""The kit of a batch rail: a Paymaster, the plugin's own way to its bank, and a bank that the author gives."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import attrs

from ...contract.batch import BatchCtx, Document, Incoming
from ...contract.channel import Channel
from ...contract.transports.port import Handed, Parcel, Probed, Put, Ref, Transport
from ...model.money import Money
from ...model.payment import Invoice, Payment
from .bench import SHORT, Movement
from .judging import Judged
from .setup import CHANNEL, Setup
from .tour import logged
from .traps import Slip, trapped, watched

# Seconds of a round; how many may pass in which nothing changes; and how many there are at most.
WAIT, QUIET, ROUNDS = 0.3, 20, 400
HANDING = {"planned", "ready", "sending", "unknown"}
OPEN = {"planned", "ready", "sending", "pending", "unknown"}


@attrs.define
class BatchWatch:
    """What the hooks were given. `plans`: the payments and context of each call of `prepare_batch`."""

    plans: list[tuple[tuple[Payment, ...], BatchCtx]] = attrs.field(factory=list)
    incoming: dict[str, Incoming] = attrs.field(factory=dict)
    put: list[tuple[str, bytes]] = attrs.field(factory=list)
    slips: list[Slip] = attrs.field(factory=list)

    def attach(self, channel: Channel) -> Channel:
        """Stand before the hooks and the transport of a channel."""
        assert channel.batch is not None
        hooks, prepare, read = channel._hooks, channel._hooks.prepare_batch, channel._hooks.read_statement

        def prepare_batch(payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Any]:
            self.plans.append((tuple(payments), attrs.evolve(ctx, attempts=dict(ctx.attempts))))
            for made in self._stepped("prepare_batch", iter(prepare(payments=payments, ctx=ctx))):
                lazy = isinstance(made, Document) and not isinstance(made.content, bytes)
                yield attrs.evolve(made, content=self._stepped("prepare_batch", iter(made.content))) if lazy else made

        def read_statement(incoming: Incoming) -> Generator[Any, None, Any]:
            with incoming.open() as file:
                body = file.read()
            self.incoming[incoming.name] = as_incoming(incoming, body)
            return (yield from self._stepped("read_statement", read(incoming=incoming)))

        hooks.prepare_batch, hooks.read_statement = prepare_batch, read_statement
        hooks.check_payment = trapped("check_payment", hooks.check_payment, self.slips)
        channel.batch.__dict__["transport"] = Unsure(channel.batch.transport, self.put)
        return channel

    def _stepped(self, hook: str, steps: Any) -> Generator[Any, None, Any]:
        while True:
            try:
                with watched(hook, self.slips):
                    said = next(steps)
            except StopIteration as stop:
                return stop.value
            yield said


class Unsure(Transport):
    """The plugin's own transport. Its first put, and its first approval, is done and its answer is lost."""

    def __init__(self, own: Transport, put: list[tuple[str, bytes]]) -> None:
        self._own, self._put, self._approved = own, put, list[str]()
        self.address = own.address

    def put(self, parcel: Parcel) -> Put:
        """Hand it over; what came back is lost once."""
        first = not self._put
        self._put.append((parcel.name, b"".join(parcel.read())))
        said = self._own.put(parcel)
        if first:
            raise ConnectionResetError("the connection broke after the put")
        return said

    def probe(self, parcel: Parcel) -> Probed:
        """As the plugin's own."""
        return self._own.probe(parcel)

    def approve(self, parcel: Parcel, reference: str) -> Put:
        """As the plugin's own; what came back is lost once."""
        first, said = not self._approved, self._own.approve(parcel, reference)
        self._approved.append(reference)
        if first:
            raise ConnectionResetError("the connection broke after the approval")
        return said

    def watch(self, handed: Sequence[Handed]) -> None:
        """As the plugin's own."""
        self._own.watch(handed)

    def list(self) -> Iterable[Ref]:
        """As the plugin's own."""
        return self._own.list()

    def fetch(self, ref: Ref) -> Iterator[bytes]:
        """As the plugin's own."""
        return self._own.fetch(ref)

    def archive(self, ref: Ref) -> None:
        """As the plugin's own."""
        self._own.archive(ref)

    def close(self) -> None:
        """As the plugin's own."""
        self._own.close()


def as_incoming(like: Incoming, body: bytes) -> Incoming:
    """A file from the bank with this content."""
    digest = hashlib.sha256(body).hexdigest()
    return Incoming(like.name, digest, len(body), like.received_at, lambda: io.BytesIO(body))


@attrs.frozen(kw_only=True)
class BatchTour:
    """What became of the payments. `states`: payment to (state, reason). `keys`: line key to payment."""

    states: Mapping[str, tuple[str, str]]
    payments: Mapping[str, Payment]
    keys: Mapping[str, str]
    books: list[Movement]
    log: str


class BatchBench:
    """Everything that runs while a batch plugin is tried."""

    def __init__(self, kit: BatchKit) -> None:
        self.kit, self.watch = kit, BatchWatch()
        self.folder = Path(tempfile.mkdtemp(prefix="gateway-kit-"))
        try:
            (self.folder / "bank").mkdir()
            self.bank = kit.bank(self.folder / "bank")
            short: dict[str, Any] = {**SHORT, "ask_limit": 40, "patience": 600.0}
            declared = kit.gateway.capabilities
            self.setup = Setup.of(
                kit.gateway, kit.settings, {"folder": str(self.folder / "bank")}, folder=self.folder / "shop",
                base_url=getattr(self.bank, "url", ""),
                narrowed={name: min(value, getattr(declared, name)) for name, value in short.items()},
            )  # fmt: skip
            self.gateway = self.channel().gateway
        except BaseException:
            self.close()
            raise

    @property
    def secrets(self) -> Mapping[str, str]:
        """The plugin's secrets, by setting."""
        return self.setup.hidden

    def channel(self) -> Channel:
        """Another channel, with an object of its own, that nobody watches."""
        return self.setup.plan().open()

    def close(self) -> None:
        """Remove the files; a bank that serves somewhere is stopped."""
        getattr(getattr(self, "bank", None), "stop", lambda: None)()
        shutil.rmtree(self.folder, ignore_errors=True)

    def invoices(self) -> list[Invoice]:
        """The payments of the tour."""
        kit = self.kit
        return [
            Invoice(
                id=f"line {n}", beneficiary=f"ben-{n}", name=f"Amina Kit {n}", account=kit.account(n),
                amount=Money(kit.amount(n), kit.currency), programme="kit", cycle="1", reference=f"kit {n}",
            )
            for n in range(kit.payments)
        ]  # fmt: skip

    def travel(self) -> BatchTour:
        """Propose, approve, and run until the bank has answered about every line, or nothing changes any more."""
        with logged() as log, self.setup.open(create=True, watch=self.watch) as paymaster:
            self.kit.office(paymaster)
            payroll = paymaster.propose("tour", self.invoices(), channel=CHANNEL, by="amina")
            paymaster.approve(payroll, by="joseph")
            seen, quiet = list[str](), 0
            for _ in range(ROUNDS):
                paymaster.run(payroll, wait=WAIT)
                files = list(paymaster.documents(payroll))
                # The bank looks only when everything has been handed over, however often that is tried.
                if not {document.state for document in files} & HANDING:
                    self.bank.work()
                    self.kit.people(paymaster)
                views = list(paymaster.all_payments(payroll))
                before, seen = (
                    seen,
                    [f"{one.id} {one.state}" for one in files] + [f"{one.id} {one.state}" for one in views],
                )
                # Rounds are counted, not seconds: on a slow machine each of them is longer.
                quiet = quiet + 1 if seen == before else 0
                if not {view.state for view in views} & OPEN or quiet >= QUIET:
                    break
        known = {payment.id: payment for payments, _ in self.watch.plans for payment in payments}
        return BatchTour(
            states={view.id: (view.state, view.reason) for view in views}, payments=known, keys=self._keys(),
            books=[movement for movement in self.bank.books() if movement.times], log=log.getvalue(),
        )  # fmt: skip

    def _keys(self) -> dict[str, str]:
        channel, found = self.channel(), dict[str, str]()
        assert channel.batch is not None
        for payments, ctx in self.watch.plans:
            # What is wrong with a plan is a law's to say.
            with suppress(Exception):
                for one in channel.batch.prepare(payments, ctx):
                    found |= {key: payment for payment, key in one.pairs()} if isinstance(one, Document) else {}
        return found


class BatchKit(Judged):
    """The author's side of `BatchContract`."""

    payments: ClassVar[int] = 25

    def bank(self, folder: Path) -> Any:
        """The bank to try it with. One over HTTP has a `url`, and `stop`."""
        raise TypeError(f"{type(self).__name__} gives no bank(self, folder)")

    def office(self, paymaster: Any) -> None:
        """What the office sets up before anything is proposed (payment points). Most rails need nothing."""

    def people(self, paymaster: Any) -> None:
        """What people must do before a line is settled (a checker accepts proofs). Most rails need nobody."""

    def set_up(self) -> BatchBench:
        """The plugin with its bank."""
        return BatchBench(self)

    def walk(self) -> BatchTour:
        """All payments."""
        return self.bench.travel()

    @property
    def bench(self) -> BatchBench:
        """Made at the first use."""
        bench: BatchBench = self.once("bench")
        return bench

    @property
    def tour(self) -> BatchTour:
        """Walked once."""
        tour: BatchTour = self.once("tour")
        return tour
