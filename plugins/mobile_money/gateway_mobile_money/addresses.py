"""Where operators call back: an address per payment with a token in it, made when the request is sent.

In the journal a request says `https://…/{token:KEY/told}`; only what leaves has the token, so nobody who reads the
store can call back in the operator's name. `{asked:KEY/answer}` has the time of asking in it, too: such an address
serves one question, for a few minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import re

import attrs

from gateway_core.contract import Hidden

_PLACE = re.compile(r"\{(token|asked):([0-9a-f-]{32,36}/[a-z]+)\}")
_PATH = re.compile(
    r"/(?P<signed>(?P<key>[0-9a-f-]{32,36})/(?P<purpose>[a-z]+)(\.(?P<at>\d{9,12}))?)/(?P<token>[0-9a-f]{32})"
)


@attrs.frozen
class Called:
    """A callback whose token is right. `asked_at` is in seconds since 1970; 0 where it answers no question."""

    key: str
    purpose: str
    asked_at: int


def address(callback_url: str, key: str, purpose: str, *, asked: bool = False) -> str:
    """As it is journaled."""
    return f"{callback_url.rstrip('/')}/{{{'asked' if asked else 'token'}:{key}/{purpose}}}"


def filled(text: str, secret: str, now: float) -> str:
    """With the tokens put in, as it leaves."""

    def put(found: re.Match[str]) -> str:
        signed = found[2] + (f".{int(now)}" if found[1] == "asked" else "")
        return f"{signed}/{_token(secret, signed)}"

    return _PLACE.sub(put, text)


def called(path: str, secret: Hidden | None) -> Called | None:
    """Whom a callback's path is about; None where it is not one of our addresses."""
    found = _PATH.fullmatch(path)
    if found is None or secret is None:
        return None
    if not hmac.compare_digest(_token(secret.reveal(), found["signed"]), found["token"]):
        return None
    return Called(found["key"], found["purpose"], int(found["at"] or 0))


def _token(secret: str, signed: str) -> str:
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()[:32]
