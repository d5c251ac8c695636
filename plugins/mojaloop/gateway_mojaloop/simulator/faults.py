"""Answers of the hub at its door."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway_core.testing.serving import CONNECTION, Dropped

from ..fspiop.texts import Malformed


@attrs.frozen
class Refuses(Exception):
    """An answer that ends the handling of a request."""

    response: Response


def accepted() -> Response:
    """202, and no body."""
    return Response(status_code=202)


def refusal(status: int, code: str, text: str) -> Response:
    """An error in the answer itself."""
    said = {"errorInformation": {"errorCode": code, "errorDescription": text[:128]}}
    return Response(json.dumps(said), status, media_type="application/vnd.interoperability.transfers+json;version=1.1")


class Endpoint:
    """One route: a broken connection answers nothing, a malformed body is refused. `now` is the hub's clock."""

    def __init__(self, handle: Callable[[Request], Awaitable[Response]], now: Callable[[], datetime]) -> None:
        self._handle, self._now = handle, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._handle(Request(scope, receive, send))
        except Refuses as refused:
            response = refused.response
        except (Malformed, KeyError, TypeError) as error:
            response = refusal(400, "3101", f"{type(error).__name__}: {error}")
        except Dropped:
            return
        if CONNECTION in scope.get("extensions", {}):
            # Our own server adds no date.
            response.headers["date"] = format_datetime(self._now(), usegmt=True)
        await response(scope, receive, send)
