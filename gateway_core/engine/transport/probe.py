"""Before money moves: does the rail take our client certificate?

Under TLS 1.3 a server judges it after we believe to be connected, so that an expired one makes every payment look
unknown, one by one. Asked beforehand, and without sending anything that moves money, it says so in one word.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from ...contract.channel import Wiring
from ..tls import context

# The end of a TLS alert's name (RFC 8446, 6.2): what it says of our certificate.
ALERTS = {
    "CERTIFICATE_EXPIRED": "has expired",
    "CERTIFICATE_REVOKED": "was revoked",
    "CERTIFICATE_REQUIRED": "is missing",
    "UNKNOWN_CA": "was signed by nobody whom it knows",
    "UNSUPPORTED_CERTIFICATE": "is of a kind that it does not take",
    "CERTIFICATE_UNKNOWN": "is not accepted",
    "BAD_CERTIFICATE": "is not accepted",
    "ACCESS_DENIED": "gives no access",
}
# nginx agrees to any certificate and refuses it in an answer of its own.
PAGES = {b"No required SSL certificate was sent": "is missing", b"The SSL certificate error": "is not accepted"}
SECONDS = 10.0
# An alert follows our side of the handshake within a round trip.
PAUSE = 0.3
LONGEST = 8192


async def certificate_trouble(base_url: str, wiring: Wiring) -> str:
    """What is wrong with our client certificate, as one sentence; empty if nothing is, or nobody can tell."""
    url = urlsplit(base_url)
    if url.scheme != "https":
        return ""
    if wiring.client_certificate and (ours := _validity(wiring.client_certificate)):
        return ours
    if wiring.proxy:
        return ""
    try:
        async with asyncio.timeout(SECONDS):
            said = await _ask(url.hostname or "", url.port or 443, url.path or "/", wiring)
    except ssl.SSLError as error:
        said = next((what for alert, what in ALERTS.items() if (error.reason or "").endswith(alert)), "")
    except (OSError, TimeoutError):
        return ""
    return f"our client certificate {said}, says the rail" if said else ""


def _validity(file: str) -> str:
    """What our own clock says about it."""
    certificate = x509.load_pem_x509_certificate(Path(file).read_bytes())
    now, begins, ends = datetime.now(UTC), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= ends:
        return f"our client certificate expired on {ends:%Y-%m-%d}"
    return f"our client certificate is not valid before {begins:%Y-%m-%d}" if now < begins else ""


async def _ask(host: str, port: int, path: str, wiring: Wiring) -> str:
    """Agree, listen for an alert, and with a certificate of ours ask for the address itself. Raises OSError."""
    reader, writer = await asyncio.open_connection(host, port, ssl=context(wiring))
    try:
        try:
            async with asyncio.timeout(PAUSE):
                return _page(await reader.read(LONGEST))
        except TimeoutError:
            if not wiring.client_certificate:
                return ""
        name = f"[{host}]" if ":" in host else host
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode())
        return _page(await reader.read(LONGEST))
    finally:
        writer.transport.abort()


def _page(answer: bytes) -> str:
    return next((what for text, what in PAGES.items() if text in answer), "")
