"""Batch rails: an instruction is a whole file. A bank's payment file, a clearing house's upload, a pay list on paper.

    payments --prepare_batch--> documents --put--> the bank --answers--> read_statement --> facts about lines

The core fixes file, lines and bytes before anything leaves, hands the file over once, and settles a line only by what
the bank says of it. A gateway writes files, reads answers, and does nothing else: no I/O, no clock, no random ids.
"""

from __future__ import annotations

import abc
import io
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, ClassVar, TextIO, TypeAlias

import attrs

from ..model.money import Money
from ..model.payment import Payment
from .batch_specs import BATCH_HOOKS, BatchSpecs
from .cancelling import Cancelling, CancelRequest
from .flow import Ask, Form, formed
from .gateway import Capabilities, Gateway, S
from .hookspecs import hookimpl
from .replies import Done, NotFound, NotTaken, Refused, Reply, Returned, Unknown, Verdict, Waiting
from .transports.port import Transport


@attrs.frozen
class Limits:
    """Of one file: `lines` payments, and `size` bytes (0: no limit of the bank's).

    No more than `lines` payments are given to `prepare_batch` at once.
    """

    lines: int = 10_000
    size: int = 0


@attrs.frozen
class Document:
    """A file to hand over. `name` is the bank's for it: letters, digits, dots, hyphens, underscores; never used twice.

    `lines` gives each payment's line key, in the order of the file: what the bank quotes when it speaks of that line.
    As pairs (payment id, key) they need not be in memory together. `content` is read after the lines; each once.
    """

    name: str
    lines: Mapping[str, str] | Iterable[tuple[str, str]] = attrs.field(repr=False)
    content: bytes | Iterable[bytes] = attrs.field(repr=False)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """The lines, one by one."""
        yield from self.lines.items() if isinstance(self.lines, Mapping) else self.lines


@attrs.frozen
class LeftOut:
    """A payment that cannot be written into any file of this bank, and why: it is refused, nothing of it was sent."""

    payment: str
    why: Refused


@attrs.frozen
class HandedOver:
    """The bank has the file. `reference` is its own for it, if it gave one."""

    reference: str = ""


@attrs.frozen
class Delivered:
    """A file that was put, with the definite answer of the put, or of the question whether it is there."""

    name: str
    sha256: str
    size: int
    lines: int
    answer: Done | Refused


@attrs.frozen(kw_only=True)
class LineFact:
    """What a bank's file says of one line of ours, or with `document` and neither key nor reference, of a whole file.

    key: our line key as the bank quotes it. document: the name of our file. reference: the bank's own; where there is
    no key, the line that the bank gave this reference before. amount: as the bank has it; it must equal ours.
    lines: only of a whole file, how many lines the bank counts in it. text: what stands there, for people.
    proof: with `Waiting`, the line is a record of a pay-out by hand that people still have to accept; its reference is
    the record's own. Of a line that is known to be unpaid, or beside another record, it opens a case.
    A line that cannot be understood is an `Unknown`: it is kept and shown, never dropped.
    entry: of a whole file, the bank's reference of the booking or return of it: another one is another booking. Of a
    line that is `Done`, which entry of this very file it is a part of: who stands in one twice was paid twice.
    executing: with `Waiting`, the bank carries it out by now; the file of such a line is not refused as a whole.
    cancellation: what it answers to a request to cancel (contract/cancelling.py): accepted, rejected or pending.
    """

    verdict: Done | Refused | Returned | Waiting | Unknown
    key: str = ""
    document: str = ""
    reference: str = ""
    amount: Money | None = None
    lines: int | None = None
    text: str = ""
    proof: bool = False
    cancellation: str = ""
    entry: str = ""
    executing: bool = False


@attrs.frozen(kw_only=True)
class StatementFact:
    """What a bank's file says of the institution's account itself: its balance, and which statement it is.

    sequence: the statement's number, counted by the bank without gaps; None where it has none. opening, closing: the
    booked balances; a debt is below zero. day: of the closing balance, as ISO 8601 has it.
    """

    account: str
    ident: str = ""
    sequence: int | None = None
    opening: Money | None = None
    closing: Money | None = None
    day: str = ""


# A reader yields a fact per line, and one per statement of an account. It returns the file's own count of its lines,
# None only if the file has no count. One that reads on for long before it can say anything yields None now and then
# (every 1,000 lines, say): one that is silent for seconds is taken for one that hangs.
LineFacts: TypeAlias = Generator[LineFact | StatementFact | None, None, int | None]


@attrs.frozen
class Incoming:
    """A file from the bank, as it lies in the store. `open()` gives its bytes, from the beginning, each time anew."""

    name: str
    sha256: str
    size: int
    received_at: datetime
    open: Callable[[], BinaryIO] = attrs.field(repr=False)

    def text(self, encoding: str = "utf-8") -> TextIO:
        """Its text, line ends as they are; use it in a `with`. Bytes that are none of this encoding raise."""
        return io.TextIOWrapper(self.open(), encoding=encoding, newline="")

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """Its bytes, piece by piece."""
        with self.open() as file:
            while chunk := file.read(size):
                yield chunk


@attrs.frozen
class BatchCtx:
    """What `prepare_batch` may know besides its payments. `number` counts the payroll's files on the channel, from 1.

    `now` is the time of planning, UTC; `attempts` is which attempt of each payment this is.
    """

    deployment: str
    payroll: str
    channel: str
    number: int
    now: datetime
    attempts: Mapping[str, int]

    def new_id(self, label: str, form: Form = "uuid") -> str:
        """An id of the file's, the same for ever for this deployment, payroll, channel, number and label."""
        return formed(form, "file", self.deployment, self.payroll, self.channel, self.number, label)

    def key(self, payment: Payment, form: Form = "uuid") -> str:
        """The key of a payment's line, the same for ever for this attempt of it. `short`: 15 of A-Z and 0-9."""
        attempt = self.attempts[payment.id]
        return formed(form, "key", self.deployment, payment.entitlement, payment.number, attempt, "line")


class BatchGateway(Gateway[S]):
    """Base of every batch rail. What must be written: `prepare_batch`, `read_statement`, `transport`.

    Of the capabilities: `ask_after` and `ask_at_most` say how often the bank's answers are looked for, `patience` how
    long a line may be pending before it is unknown, `dedupes` that the bank takes a repeated file (same name, same
    bytes) once, `settle` how long two looks for a file that is not there must lie apart.
    """

    specs: ClassVar[type] = BatchSpecs
    capabilities: Capabilities = Capabilities(ask_after=30.0, ask_at_most=600.0, max_concurrency=1)

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _mark(cls)

    def limits(self) -> Limits:
        """How large a file may be; usually from the bank's profile."""
        return Limits()

    def group_of(self, payment: Payment) -> str:
        """Payments of different groups never share a file (a pay list per payment point). Pure."""
        return ""

    @abc.abstractmethod
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        """Write files over all of these payments: each in one document, once, or left out with a reason. Pure.

        `payments` are read from the disk each time they are looked at, in the order of the payroll.
        """

    def execute_payment(self, document: Delivered, ctx: BatchCtx) -> HandedOver | Refused:  # type: ignore[override]
        """What the answer to the put means. (A file is not a payment: other arguments than a single payment's.)"""
        answer = document.answer
        return HandedOver(str(answer.body.get("reference", ""))) if isinstance(answer, Done) else answer

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """How an HTTP transport's answers are read: the file is there (2xx), not there (404 to a question), unknown."""
        if reply.status in (200, 201, 204):
            return Done({"reference": str(reply.json().get("reference", ""))})
        if reply.status == 404 and reply.to == "find_out":
            return NotFound()
        if reply.status == 429 and reply.to == "ask":
            return NotTaken()
        return super().parse_response(ask, reply)

    @abc.abstractmethod
    def read_statement(self, incoming: Incoming) -> LineFacts:
        """Every line of a file from the bank, then the file's own count. Pure: it may be read more than once."""

    def cancel_codes(self) -> Mapping[str, str]:
        """Reasons for which this bank can be asked to cancel what it has: {its code: for people}. None: it cannot."""
        return {}

    def cancel_batch(self, asked: Cancelling) -> CancelRequest:
        """Write the request. Pure: the same request has the same bytes. Needed with `cancel_codes` alone."""
        raise TypeError(f"{type(self).__name__} writes no requests to cancel")

    @abc.abstractmethod
    def transport(self) -> Transport:
        """The way to the bank: a directory, HTTP, or one's own. Made once per channel; nothing is opened yet."""


def _mark(cls: type[Any]) -> None:
    for hook in BATCH_HOOKS:
        if hook in vars(cls):
            hookimpl(vars(cls)[hook])


_mark(BatchGateway)
