"""The transports that we know, and what is known to be wrong with httpx's own."""

from __future__ import annotations

import ssl

import httpx

from ...engine.transport import Limits, OwnTransport


def own(context: ssl.SSLContext | None, limits: Limits) -> httpx.AsyncBaseTransport:
    """Ours."""
    return OwnTransport(context, limits)


def stock(context: ssl.SSLContext | None, limits: Limits) -> httpx.AsyncBaseTransport:
    """httpx's, as lanes use it: one connection. It knows no limit on bodies and on the total time."""
    one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=limits.idle)
    return httpx.AsyncHTTPTransport(verify=context or False, trust_env=False, retries=0, limits=one)


# Of stock httpx 0.28 with httpcore 1.0: which law breaks at which fault (over plain connections, TLS, or both), in the
# words of LawBroken.
STOCK_FAILS = {
    ("dripped for ever", "plain tls"): "in its time",
    ("interim answers for ever", "plain tls"): "in its time",
    ("longer than the limit", "plain tls"): "its own answer: it ended as an answer",
    ("chunks longer than the limit", "plain tls"): "its own answer: it ended as an answer",
    ("HTTP/2", "plain tls"): "its own answer: it ended as an answer",
    ("a length and chunks", "plain tls"): "its own answer: it ended as an answer",
    ("ended by a cut, no length", "tls"): "its own answer: it ended as an answer",
    ("ended by closing", "tls"): "its own answer: request .* ended unknown",
    ("a second answer at once", "plain tls"): "its own answer: request .* 200 b'stale'",
    ("a line end too many", "plain tls"): "its own answer: request .* ended unknown",
    ("longer than it says", "plain tls"): "its own answer: request .* ended unknown",
}


def stock_fails(fault: str, over: str) -> str:
    """How httpx's own is known to fail there; empty where it keeps every law."""
    return next((text for (name, overs), text in STOCK_FAILS.items() if name == fault and over in overs.split()), "")
