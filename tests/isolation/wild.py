"""Plugins that misbehave: each is the dummy gateway with one thing wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import attrs
import httpx
from gateway_dummy_server import DummyGateway

from gateway_core.contract import (
    Ask,
    Balance,
    Callback,
    Done,
    NotTaken,
    Objection,
    Paid,
    Refused,
    Request,
    Returned,
    Unknown,
    Waiting,
    path,
)  # fmt: skip


class Boom(BaseException):
    """What nobody expects."""


def endless_recursion() -> None:
    endless_recursion()


def raises(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


# What a plugin's code may raise, wherever it stands.
RAISED: dict[str, Callable[[], None]] = {
    "ValueError": raises(ValueError("a\nlong\nstory")),
    "AssertionError": raises(AssertionError()),
    "RecursionError": endless_recursion,
    "MemoryError": raises(MemoryError()),
    "StopIteration": raises(StopIteration("early")),
    "SystemExit": raises(SystemExit(3)),
    "KeyboardInterrupt": raises(KeyboardInterrupt()),
    "GeneratorExit": raises(GeneratorExit()),
    "CancelledError": raises(asyncio.CancelledError()),
    "Boom": raises(Boom("boom")),
    "surrogate": raises(ValueError("\ud800")),
    "BaseExceptionGroup": raises(BaseExceptionGroup("several", [SystemExit(1), ValueError()])),
}


def made(**hooks: Any) -> type[DummyGateway]:
    """The dummy gateway with these hooks."""
    return type("Wild", (DummyGateway,), hooks)


def flow(*steps: Any, end: Any = None) -> Callable[..., Any]:
    """A flow that yields these steps; what can be called is called in its place."""

    def execute_payment(self: Any, payment: Any, ctx: Any) -> Generator[Any, Any, Any]:
        for step in steps:
            yield step(self, payment, ctx) if callable(step) else step
        return end

    return execute_payment


def ends(end: Any) -> Callable[..., Any]:
    """A flow of another hook, which asks nothing."""

    def hook(self: Any) -> Generator[Any, Any, Any]:
        return end
        yield

    return hook


def look(number: int) -> Callable[..., Ask]:
    """One of many questions."""
    return lambda self, payment, ctx: Ask(f"look {number}", Request("GET", path("accounts", "wallet", str(number))))


def pays(self: Any, payment: Any, ctx: Any) -> Ask:
    """The ask of a dummy gateway that is good."""
    ask: Ask = next(DummyGateway.execute_payment(self, payment, ctx))
    return ask


def misdoes(do: Callable[[], None]) -> dict[str, type[DummyGateway]]:
    """One thing that goes wrong, at every place of the four hooks where a run or a check calls a plugin."""

    def plain(self: Any) -> Any:
        do()

    def first(self: Any) -> Any:
        do()
        yield pays

    def later(self: Any, payment: Any, ctx: Any) -> Any:
        yield pays(self, payment, ctx)
        do()

    def answering(self: Any, ask: Any, reply: Any) -> Any:
        if ask.moves_money:
            do()
        return DummyGateway.parse_response(self, ask, reply)

    return {
        "execute_payment": made(execute_payment=plain), "its flow at once": made(execute_payment=first),
        "its flow after paying": made(execute_payment=later), "parse_response": made(parse_response=answering),
        "check_balance": made(check_balance=plain), "validate_beneficiary": made(validate_beneficiary=first),
        "auth_flow": made(auth=lambda self: Signs(do)),
    }  # fmt: skip


class Signs(httpx.Auth):
    """An auth that misbehaves on each request that moves money."""

    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if request.method == "POST":
            self.do()
        yield request


def asks(**parts: Any) -> Callable[..., Any]:
    """A flow whose ask has these parts instead of its own."""
    return flow(lambda self, payment, ctx: attrs.evolve(pays(self, payment, ctx), **parts))


def requests(**parts: Any) -> Callable[..., Any]:
    """A flow whose request has these parts instead of its own."""

    def ask(self: Any, payment: Any, ctx: Any) -> Ask:
        good = pays(self, payment, ctx)
        return attrs.evolve(good, request=attrs.evolve(good.request, **parts))

    return flow(ask)


def reads(said: Any) -> type[DummyGateway]:
    """What parse_response gives of every reply about a payment."""

    def parse_response(self: Any, ask: Any, reply: Any) -> Any:
        return said if ask.moves_money else DummyGateway.parse_response(self, ask, reply)

    return made(parse_response=parse_response)


nested: Any = []
for _ in range(5000):
    nested = [nested]

# What a plugin may give where something else is expected. Nothing of it may call a payment refused.
GIVEN: dict[str, type[DummyGateway]] = {
    "the flow is none": made(execute_payment=lambda self: None),
    "the flow is a list": made(execute_payment=lambda self: [pays]),
    "the flow yields None": made(execute_payment=flow(None)),
    "the flow yields a Request": made(execute_payment=flow(Request("GET", "/"))),
    "the flow ends with None": made(execute_payment=flow(pays)),
    "the flow ends with a text": made(execute_payment=flow(pays, end="paid")),
    "the flow ends Paid without asking": made(execute_payment=flow(end=Paid("D-1"))),
    "the flow ends Paid with an object": made(execute_payment=flow(pays, end=Paid(object()))),  # type: ignore[arg-type]
    "the flow ends Refused although it paid": made(execute_payment=flow(pays, end=Refused("no"))),
    "the flow never ends": made(execute_payment=flow(*map(look, range(99)))),
    "an ask without a name": made(execute_payment=asks(name=None)),
    "an ask with a number for a name": made(execute_payment=asks(name=7)),
    "an ask with an object for a name": made(execute_payment=asks(name=object())),
    "an ask with no request": made(execute_payment=asks(request=None)),
    "an ask whose find_out is a text": made(execute_payment=asks(find_out="/payments")),
    "an ask whose callback is a number": made(execute_payment=asks(callback=7)),
    "a request without a method": made(execute_payment=requests(method=None)),
    "a request with a strange method": made(execute_payment=requests(method="PAY ME\r\nX: y")),
    "a request without a path": made(execute_payment=requests(path=None)),
    "a request to elsewhere": made(execute_payment=requests(path="//elsewhere.example/")),
    "a request with an object in it": made(execute_payment=requests(json={"x": object()})),
    "a request with a set in it": made(execute_payment=requests(json={1, 2})),
    "a request that is too deep": made(execute_payment=requests(json=nested)),
    "a request with a surrogate in it": made(execute_payment=requests(json={"x": "\ud800"})),
    "a request with NaN in it": made(execute_payment=requests(json={"x": float("nan")})),
    "a request with a huge number": made(execute_payment=requests(json={"x": 10**5000})),
    "a request with headers that are none": made(execute_payment=requests(headers=None)),
    "a request with a header of bytes": made(execute_payment=requests(headers={"X": b"y"})),
    "a request with a query that is a text": made(execute_payment=requests(query="a=b")),
    "a request with a number for a key": made(execute_payment=requests(key=7)),
    "a verdict that is None": reads(None),
    "a verdict that is a class": reads(Done),
    "a verdict that is a text": reads("paid"),
    "Done with a text": reads(Done("paid")),  # type: ignore[arg-type]
    "Done with nothing": reads(Done(None)),  # type: ignore[arg-type]
    "Done with an object in it": reads(Done({"receipt": object()})),
    "Done with a surrogate in it": reads(Done({"receipt": "\ud800"})),
    "Done with numbers for names": reads(Done({1: 2})),  # type: ignore[dict-item]
    "Done that is too deep": reads(Done({"receipt": nested})),
    "Waiting for a text": reads(Waiting("/next")),  # type: ignore[arg-type]
    "Waiting until a text": reads(Waiting(not_before="soon")),  # type: ignore[arg-type]
    "Waiting for ever": reads(Waiting(not_before=float("inf"))),
    "NotTaken for no time": reads(NotTaken(None)),  # type: ignore[arg-type]
    "NotTaken for NaN": reads(NotTaken(float("nan"))),
    "Returned with an object": reads(Returned(object())),  # type: ignore[arg-type]
    "Unknown with bytes": reads(Unknown(b"\xff")),  # type: ignore[arg-type]
    "Unknown with an object": reads(Unknown(object())),  # type: ignore[arg-type]
    "a balance that is a number": made(check_balance=lambda self: 5),
    "a balance of a number": made(check_balance=ends(Balance(5))),  # type: ignore[arg-type]
    "objections that are none": made(validate_beneficiary=ends(None)),
    "objections that are texts": made(validate_beneficiary=ends(["dead"])),
    "a strange objection": made(validate_beneficiary=ends([Objection(object(), object(), object(), "yes")])),  # type: ignore[arg-type]
    "objections to a payment that are texts": made(check_payment=lambda self, payment: ["dead"]),
    "objections to a payment that are none": made(check_payment=lambda self, payment: None),
    "an objection to a payment that is an error": made(check_payment=lambda self, payment: 1 / 0),
    "an auth that is a text": made(auth=lambda self: "Bearer x"),
    "an auth whose flow is none": made(auth=lambda self: type("A", (httpx.Auth,), {"auth_flow": lambda s, r: None})()),
    "an auth that sends something else": made(
        auth=lambda self: type("A", (httpx.Auth,), {"auth_flow": lambda s, r: iter([1])})()
    ),
}  # fmt: skip

# What parse_callback may give; the arrival is kept in any case.
CALLED: dict[str, Any] = {
    "a text": "key", "a number": 7, "Callback with a number": Callback(7, True),  # type: ignore[arg-type]
    "Callback with None": Callback(None, True), "Callback with a surrogate": Callback("\ud800", True),  # type: ignore[arg-type]
    "Callback with a text for a proof": Callback("key", "yes"), "Callback without end": Callback("x" * 10**6, False),  # type: ignore[arg-type]
}  # fmt: skip
