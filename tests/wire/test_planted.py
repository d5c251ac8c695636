"""The suite is itself proven: a transport with one thing wrong breaks the law that is about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs
import httpx
import pytest

from gateway_core.engine.transport import OwnTransport, Phase, own
from gateway_core.engine.transport.answer import Answer
from gateway_core.engine.transport.connection import Connection
from gateway_core.testing.wire import FAULTS, LawBroken, check, check_cancelled, transports

Patch = Callable[[pytest.MonkeyPatch], None]


def looks_at_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Connection, "quiet", lambda self: not self._transport.is_closing())


def reads_what_nobody_asked_for(patch: pytest.MonkeyPatch) -> None:
    """Bytes that come while nothing is asked are dropped, and the connection lives on."""
    received = Connection.data_received

    def keeps(self: Connection, data: bytes) -> None:
        if self._answer is not None:
            received(self, data)

    patch.setattr(Connection, "data_received", keeps)


def tries_again(patch: pytest.MonkeyPatch) -> None:
    once = OwnTransport.handle_async_request

    async def twice(self: OwnTransport, request: httpx.Request) -> httpx.Response:
        try:
            return await once(self, request)
        except httpx.RemoteProtocolError:
            return await once(self, request)

    patch.setattr(OwnTransport, "handle_async_request", twice)


def claims_too_much(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(own, "mark", lambda error, phase: setattr(error, "phase", Phase.NOTHING_WRITTEN))


def claims_by_the_class(patch: pytest.MonkeyPatch) -> None:
    """As transports do that call every failure of a connection a failure to connect."""

    def fail(self: Connection, error: httpx.TransportError) -> None:
        real(self, httpx.ConnectError(str(error)))

    real = Connection._fail
    patch.setattr(Connection, "_fail", fail)
    patch.setattr(own, "mark", lambda error, phase: None)


def lets_foreign_errors_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Connection, "_fail", lambda self, error: (self._done.set_exception(OSError("x")), self.abort()))


def knows_no_total(patch: pytest.MonkeyPatch) -> None:
    times = OwnTransport._times
    patch.setattr(OwnTransport, "_times", lambda self, seconds: attrs.evolve(times(self, seconds), total=None))


def knows_no_limit(patch: pytest.MonkeyPatch) -> None:
    made = Answer.__init__
    patch.setattr(Answer, "__init__", lambda self, head, body: made(self, 1 << 30, 1 << 30))


def believes_a_cut(patch: pytest.MonkeyPatch) -> None:
    ends = Answer.eof
    patch.setattr(Answer, "eof", lambda self, orderly: ends(self, True))


def takes_half_for_the_whole(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Answer, "eof", lambda self, orderly: setattr(self, "complete", True))


def keeps_every_connection(patch: pytest.MonkeyPatch) -> None:
    """Whatever happened on it."""

    def keep(self: Connection) -> None:
        self.keep(4.0)
        self.owner._idle.append(self)  # type: ignore[attr-defined]

    def connect(self: OwnTransport, *given: Any) -> Any:
        async def made() -> Connection:
            connection = await real(self, *given)
            connection.owner = self  # type: ignore[attr-defined]
            return connection

        return made()

    real = OwnTransport._connect
    patch.setattr(OwnTransport, "_connect", connect)
    patch.setattr(Connection, "abort", keep)


PLANTED: dict[str, tuple[Patch, str, str]] = {
    "looks at nothing": (looks_at_nothing, "answered, closed, not noticed", "its own answer"),
    "reads what nobody asked for": (
        reads_what_nobody_asked_for, "a second answer in two pieces, noticed", "its own answer",
    ),
    "tries again": (tries_again, "read, then closed", "never twice|an answer counts|its own answer"),
    "claims too much": (claims_too_much, "read, then reset", "unsent is proven"),
    "claims by the class": (claims_by_the_class, "no answer", "unsent is proven"),
    "lets foreign errors out": (lets_foreign_errors_out, "garbage", "in its own words"),
    "knows no total": (knows_no_total, "dripped for ever", "in its time"),
    "knows no limit": (knows_no_limit, "longer than the limit", "its own answer"),
    "believes a cut": (believes_a_cut, "ended by a cut, no length", "its own answer"),
    "takes half for the whole": (takes_half_for_the_whole, "part of the body, then closed", "its own answer"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("bug", PLANTED)
@pytest.mark.few(3)
def test_a_planted_bug_breaks_its_law(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, name, law = PLANTED[bug]
    over = FAULTS[name].over[0]
    asyncio.run(check(FAULTS[name], transports.own, tls=over == "tls"))
    plant(monkeypatch)
    with pytest.raises(LawBroken, match=law):
        asyncio.run(check(FAULTS[name], transports.own, tls=over == "tls"))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_connection_that_outlives_a_cancelled_exchange_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    keeps_every_connection(monkeypatch)
    with pytest.raises(LawBroken, match="its own answer"):
        asyncio.run(check_cancelled(transports.own))
