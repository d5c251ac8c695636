"""The batch half of a channel's façade: every result of a gateway's own code is checked before the core believes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import attrs

from ..model.money import Money
from ..model.payment import Payment
from .batch import (
    BatchCtx,
    BatchGateway,
    Delivered,
    Document,
    HandedOver,
    Incoming,
    LeftOut,
    Limits,
    LineFact,
    StatementFact,
)
from .cancelling import ANSWERS, Cancelling, CancelRequest
from .flow import Ask, Request, path
from .guard import stepped
from .replies import Done, NotFound, Refused, Reply, Returned, Unknown, Verdict, Waiting
from .transports.port import NotSent, Occupied, Parcel, Parked, Probed, Put, Transport

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
KEY = re.compile(r"[\x21-\x7e]{1,64}")
LARGEST = 100_000
# Lines of a document that are taken at a time.
PAGE = 100
# So many statements of one file are remembered.
STATEMENTS = 100
# A bank's own reference of a file is no longer than this.
REFERENCE = 256
T = TypeVar("T")
# What became of a put, of the question for it, or of an approval.
Said: TypeAlias = Verdict | NotSent | Occupied | Parked
SAYS = (Done, Refused, Returned, Waiting, Unknown)


class Faulty(Exception):
    """The gateway's own code broke a rule. The message is for people."""


class Batch:
    """What the core may ask of a batch rail. `judge` is the channel's `parse_response`, `owner` the channel."""

    def __init__(
        self, gateway: BatchGateway[Any], hooks: Any, judge: Callable[[Ask, Reply], Verdict], owner: object
    ) -> None:
        self._gateway, self._hooks, self._judge, self._owner = gateway, hooks, judge, owner

    @cached_property
    def limits(self) -> Limits:
        """The gateway's, within ours."""
        said = self._gateway.limits()
        if not isinstance(said, Limits) or said.lines < 1:
            raise Faulty(f"limits() gives {said!r}")
        return Limits(min(said.lines, LARGEST), max(said.size, 0))

    @cached_property
    def transport(self) -> Transport:
        """The one way to this bank."""
        said = self._gateway.transport()
        if not isinstance(said, Transport):
            raise Faulty(f"transport() gives {type(said).__name__}, not a Transport")
        return said

    @property
    def groups(self) -> bool:
        """Whether the gateway says which payments share a file."""
        return type(self._gateway).group_of is not BatchGateway.group_of

    def group_of(self, payment: Payment) -> str:
        """See BatchGateway.group_of."""
        said = self._gateway.group_of(payment)
        if not isinstance(said, str):
            raise Faulty(f"group_of gives {type(said).__name__}, not a text")
        return said

    def prepare(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        """The documents over these payments, each checked as it comes. Raises Faulty, or what the gateway raises."""
        for made in self._steps(_iterable("prepare_batch", self._hooks.prepare_batch(payments=payments, ctx=ctx))):
            if isinstance(made, Document):
                yield self._checked(made)
            elif isinstance(made, LeftOut):
                yield _left_out(made)
            else:
                raise Faulty(f"prepare_batch gives {type(made).__name__}, neither Document nor LeftOut")

    def _checked(self, document: Document) -> Document:
        _named_well(document.name)
        content = document.content if isinstance(document.content, bytes) else self._steps(document.content)
        pairs = (pair for page in self._steps(_paged(document.pairs())) for pair in page)
        return attrs.evolve(document, lines=_keyed(pairs), content=content)

    def _steps(self, said: Iterable[T]) -> Generator[T, None, None]:
        """What a gateway gives one by one; it may do so with code of its own, which is guarded."""
        yield from stepped(self._owner, f"{self._gateway.name}.prepare_batch", _each(said))

    @property
    def cancel_codes(self) -> Mapping[str, str]:
        """The reasons for which the bank can be asked to cancel; none: it cannot."""
        said = self._gateway.cancel_codes()
        if not isinstance(said, Mapping) or not all(isinstance(text, str) for pair in said.items() for text in pair):
            raise Faulty("cancel_codes must give texts by code")
        return said

    def cancel(self, asked: Cancelling) -> CancelRequest:
        """The request as the gateway writes it. Raises Faulty, or whatever the gateway raises."""
        said = self._gateway.cancel_batch(asked)
        if not isinstance(said, CancelRequest) or not isinstance(said.content, bytes):
            raise Faulty(f"cancel_batch gives {type(said).__name__}, not a CancelRequest with bytes")
        _named_well(said.name)
        return said

    def handed_over(self, document: Delivered, ctx: BatchCtx) -> HandedOver | Refused:
        """What the gateway makes of a definite answer. Raises Faulty."""
        said = self._hooks.execute_payment(document=document, ctx=ctx)
        if not isinstance(said, HandedOver | Refused):
            raise Faulty(f"execute_payment gives {type(said).__name__}, neither HandedOver nor Refused")
        return said

    def read(
        self, incoming: Incoming, statements: list[StatementFact] | None = None
    ) -> Generator[LineFact, None, int | None]:
        """Every line of a file from the bank; returns the file's own count. Raises Faulty, or what the gateway does.

        What it says of the institution's account is added to `statements`.
        """
        reader = self._hooks.read_statement(incoming=incoming)
        if not isinstance(reader, Generator):
            raise Faulty(f"read_statement must be a generator, got {type(reader).__name__}")
        while True:
            try:
                said = next(reader)
            except StopIteration as stop:
                if stop.value is not None and not isinstance(stop.value, int):
                    raise Faulty(f"read_statement returns {type(stop.value).__name__}, not a count") from None
                return stop.value
            if isinstance(said, StatementFact):
                _account(said, statements)
            elif said is not None:
                yield _said(said)

    # -- the way to the bank ------------------------------------------------------------------------------------------

    def put(self, parcel: Parcel) -> Said:
        """Hand a file over. What raises is Unknown."""
        return self._asked(lambda: self.transport.put(parcel), Ask("put", _named("PUT", parcel)))

    def probe(self, parcel: Parcel) -> Said:
        """Is the file there? What raises is Unknown."""
        return self._asked(lambda: self.transport.probe(parcel), Ask("put", _named("GET", parcel)))

    def approve(self, parcel: Parcel, reference: str) -> Said:
        """Let the bank carry out what it parked. What raises is Unknown."""
        return self._asked(lambda: self.transport.approve(parcel, reference), Ask("approve", _named("PATCH", parcel)))

    def _asked(self, ask: Callable[[], Put | Probed], about: Ask) -> Said:
        try:
            said = ask()
        except Exception as error:
            return Unknown(f"{type(error).__name__}: {str(error)[:200]}")
        if isinstance(said, Reply):
            return self._judge(about, said)
        if isinstance(said, Done | NotSent | NotFound | Unknown | Occupied):
            return said
        if isinstance(said, Parked):
            known = isinstance(said.reference, str) and 0 < len(said.reference) <= REFERENCE
            return said if known else Unknown("parked, without a reference")
        return Unknown(f"the transport says {type(said).__name__}")


def _named(method: Any, parcel: Parcel) -> Request:
    return Request(method, path(parcel.name), key=parcel.key)


def _iterable(hook: str, made: object) -> Iterable[Any]:
    if not isinstance(made, Iterable):
        raise Faulty(f"{hook} must give documents, got {type(made).__name__}")
    return made


def _each(said: Iterable[T]) -> Generator[T, None, None]:
    yield from said


def _paged(pairs: Iterator[T]) -> Iterator[list[T]]:
    while page := list(islice(pairs, PAGE)):
        yield page


def _left_out(said: LeftOut) -> LeftOut:
    if not isinstance(said.why, Refused) or not all(isinstance(text, str) for text in (said.why.code, said.why.reason)):
        raise Faulty(f"prepare_batch leaves a payment out with {type(said.why).__name__}, not with a Refused of texts")
    return said


def _keyed(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for payment, key in pairs:
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise Faulty(f"{key!r} cannot be the key of a line: 1 to 64 visible ASCII characters")
        yield payment, key


def _named_well(name: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Faulty(f"{name!r} cannot be the name of a file: letters, digits, dots, hyphens, underscores")


def _account(said: StatementFact, statements: list[StatementFact] | None) -> None:
    texts, money = (said.account, said.ident, said.day), (said.opening, said.closing)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(one, Money | None) for one in money):
        raise Faulty("read_statement gives a StatementFact whose texts are no texts, or whose balances are no Money")
    if statements is not None and len(statements) < STATEMENTS:
        statements.append(said)


def _said(said: object) -> LineFact:
    if not isinstance(said, LineFact) or not isinstance(said.verdict, SAYS):
        raise Faulty(f"read_statement gives {type(said).__name__}, not a LineFact with a verdict")
    texts = (said.key, said.document, said.reference, said.text, said.entry)
    if not all(isinstance(text, str) for text in texts) or not isinstance(said.amount, Money | None):
        raise Faulty("read_statement gives a LineFact whose texts are no texts, or whose amount is no Money")
    if not isinstance(said.lines, int | None):
        raise Faulty("read_statement gives a LineFact whose lines are no number")
    if said.cancellation not in ANSWERS:
        raise Faulty(f"read_statement gives a LineFact whose cancellation is {said.cancellation!r}")
    return said
