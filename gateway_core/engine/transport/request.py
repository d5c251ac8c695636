"""A ready request as bytes, checked before a connection is used: what could be read in two ways never leaves."""

from __future__ import annotations

import re

import httpx

# HEAD, CONNECT and the like have answers of another shape, and no rail needs them.
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
# RFC 9112: visible ASCII in the target; names are tokens; values without control characters other than tab.
_HEAD = re.compile(
    rb"[A-Z]+ [!-~]+ HTTP/1\.1(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*)+"
)  # fmt: skip


async def as_bytes(request: httpx.Request) -> bytes:
    """Head and body. Raises LocalProtocolError, UnsupportedProtocol; nothing was written then."""
    if request.url.scheme not in ("http", "https") or request.method not in METHODS:
        raise httpx.UnsupportedProtocol(f"{request.method} over {request.url.scheme!r} is not spoken here")
    body = await request.aread()
    length = b"%d" % len(body)
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    hosts = lengths = 0
    for name, value in request.headers.raw:
        match name.lower():
            case b"transfer-encoding":
                continue  # the whole body is in hand: its length is said
            case b"content-length":
                lengths += 1
                if value != length:
                    raise httpx.LocalProtocolError("Content-Length is not the body's")
            case b"host":
                hosts += 1
        lines.append(name + b": " + value)
    if hosts != 1 or lengths > 1:
        raise httpx.LocalProtocolError("a request has one Host and at most one Content-Length")
    if not lengths and (body or request.method != "GET"):
        lines.append(b"Content-Length: " + length)
    head = b"\r\n".join(lines)
    # A value that brings lines of its own would look like more headers.
    if not _HEAD.fullmatch(head) or head.count(b"\n") != len(lines) - 1:
        raise httpx.LocalProtocolError("the request's head holds a character that may not be there")
    return b"%s\r\n\r\n%s" % (head, body)
