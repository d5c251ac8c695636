"""The kit for batch rails is tried: a good one keeps every law, each broken one is caught by the law meant for it."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core.contract import (
    BatchCtx,
    Document,
    Done,
    Hidden,
    Incoming,
    LeftOut,
    LineFact,
    LineFacts,
    Payment,
    Unknown,
)  # fmt: skip
from gateway_core.contract.transports import DirectoryTransport, Transport
from gateway_core.contract.transports.port import NotSent, Parcel, Put
from gateway_core.testing.contract import BatchContract, GatewayContract, Movement, laws_of
from tests.batches.bank import Bank
from tests.batches.gateway import CsvBank, CsvSettings

from .rail import TinyGateway
from .test_table import found

LAWS = laws_of(BatchContract)


class Teller:
    """The bank of the batches' own tests, as the kit wants it: it collects, pays and answers."""

    def __init__(self, folder: Path, dedupes: bool) -> None:
        self.bank, self.answered = Bank(folder, dedupes), 0

    def work(self) -> None:
        self.bank.collect()
        orders = self.bank.everything()
        if new := orders[self.answered :]:
            self.answered = len(orders)
            self.bank.book(new)

    def books(self) -> Iterable[Movement]:
        times = [order.key for order in self.bank.ledger]
        for order in {order.key: order for order in self.bank.ledger}.values():
            yield Movement(order.key, order.account, order.minor, order.currency, times.count(order.key))


@attrs.frozen(kw_only=True)
class Secretive(CsvSettings):
    pin: Hidden


class Good(CsvBank):
    """The directory bank, with a secret."""

    settings_type = Secretive
    settings: Secretive


def changed(payments: Sequence[Payment], made: Iterator[Document | LeftOut], text: str) -> Iterator[Document | LeftOut]:
    """The same documents with another head line."""
    for one in made:
        if isinstance(one, Document):
            body = b"".join(one.content)  # type: ignore[arg-type]
            one = attrs.evolve(one, content=body.replace(b"H,", b"H," + text.encode(), 1))
        yield one


class Contract99(Good):
    contract = 99


class DrawsLots(Good):
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        yield from changed(payments, super().prepare_batch(payments, ctx), uuid.uuid4().hex)


class ReadsTheClock(Good):
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        yield from changed(payments, super().prepare_batch(payments, ctx), str(time.time()))


class OpensASocket(Good):
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        socket.socket().close()
        yield from super().prepare_batch(payments, ctx)


class ShowsItsPin(Good):
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        yield from changed(payments, super().prepare_batch(payments, ctx), self.settings.pin.reveal())


class PlansAnew(Good):
    """Each time that it is asked it begins another file: also after the first one was put."""

    planned = 0

    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        type(self).planned += 1
        for made in super().prepare_batch(payments, ctx):
            new = isinstance(made, Document)
            yield attrs.evolve(made, name=f"{type(self).planned:06d}-{made.name}") if new else made  # type: ignore[union-attr,arg-type]


class OneNameForAll(Good):
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        for made in super().prepare_batch(payments, ctx):
            name = f"PAY-{payments[0].beneficiary}.csv"
            yield attrs.evolve(made, name=name) if isinstance(made, Document) else made


class Rounds(Good):
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        less = [attrs.evolve(p, amount=attrs.evolve(p.amount, minor=p.amount.minor // 100 * 100)) for p in payments]
        yield from super().prepare_batch(less, ctx)


class DropsALine(Good):
    """What it does not understand it leaves out, and counts what is left."""

    def read_statement(self, incoming: Incoming) -> LineFacts:
        count, reader = 0, super().read_statement(incoming)
        for fact in reader:
            if not (isinstance(fact, LineFact) and isinstance(fact.verdict, Unknown)):
                count += 1
                yield fact
        return count


class RemembersWhatItRead(Good):
    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.seen: set[tuple[str, str]] = set()

    def read_statement(self, incoming: Incoming) -> LineFacts:
        for fact in super().read_statement(incoming):
            line = (incoming.name, fact.key if isinstance(fact, LineFact) else "")
            if line not in self.seen:
                self.seen.add(line)
                yield fact
        return None


class SaysItNeverLeft(Good):
    """Whatever breaks, it says that nothing was sent; and its bank takes everything that comes."""

    def transport(self) -> Transport:
        return Denies(Path(self.settings.outbox), Path(self.settings.inbox), quiet=0.0)


class Denies(DirectoryTransport):
    def probe(self, parcel: Parcel) -> Any:
        return NotSent("it is not there") if parcel else Done()

    def put(self, parcel: Parcel) -> Put:
        return super().put(attrs.evolve(parcel, name=f"{time.monotonic_ns()}-{parcel.name}"))


# Which law catches which gateway; the bank of the last notices nothing.
TABLE: dict[type[CsvBank], str] = {
    Contract99: "test_it_can_be_loaded",
    DrawsLots: "test_ids_come_from_the_context",
    ReadsTheClock: "test_time_comes_from_the_context",
    OpensASocket: "test_a_hook_reaches_for_nothing",
    ShowsItsPin: "test_no_secret_is_written_down",
    PlansAnew: "test_a_plan_made_again_is_the_same",
    OneNameForAll: "test_every_payment_stands_in_one_file",
    Rounds: "test_a_file_pays_exactly_what_was_approved",
    DropsALine: "test_a_statement_loses_no_line",
    RemembersWhatItRead: "test_a_statement_read_again_says_the_same",
    SaysItNeverLeft: "test_a_put_in_doubt_pays_once",
}


def kit_of(kind: type[CsvBank]) -> Any:
    class Tried(BatchContract):
        gateway = kind
        settings = {"outbox": "{folder}/out", "inbox": "{folder}/in", "pin": f"pin-of-{kind.__name__}"}  # noqa: RUF012

        def bank(self, folder: Path) -> Teller:
            return Teller(folder, dedupes=kind is not SaysItNeverLeft)

    return Tried()


def test_a_good_bank_keeps_every_law() -> None:
    assert found(kit_of(Good)) == {}


def test_a_broken_one_is_caught_by_its_law_alone() -> None:
    with ThreadPoolExecutor(len(TABLE)) as pool:
        caught = dict(zip(TABLE, pool.map(lambda kind: found(kit_of(kind)), TABLE), strict=True))
    assert {kind.__name__: set(laws) for kind, laws in caught.items()} == {
        kind.__name__: {law} for kind, law in TABLE.items()
    }, caught
    for laws in caught.values():
        for name, said in laws.items():
            assert said.endswith(LAWS[name].mend)


def test_every_law_catches_somebody() -> None:
    assert set(TABLE.values()) == set(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_no_law_of_it_can_be_redefined(name: str) -> None:
    with pytest.raises(TypeError, match=f"redefines the law {name}"):
        type("Tried", (BatchContract,), {"gateway": Good, name: None})


def test_each_kind_of_gateway_has_its_own_contract() -> None:
    with pytest.raises(TypeError, match="Good is tried with BatchContract"):
        type("Tried", (GatewayContract,), {"gateway": Good})
    with pytest.raises(TypeError, match="TinyGateway is tried with GatewayContract"):
        type("Tried", (BatchContract,), {"gateway": TinyGateway})
