"""One TLS context per channel, for both directions of trust: whom we believe, and who we say that we are."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

import httpx

from ..contract.channel import Wiring


def context(wiring: Wiring) -> ssl.SSLContext:
    """The context of a channel's connections. Making one is costly, so it is kept until one of its files changes.

    Raises OSError (ssl.SSLError is one) when a file is missing, or is no certificate or key, or the two do not fit.
    """
    files = (wiring.ca_file, wiring.client_certificate, wiring.client_key)
    return _made(*files, tuple(Path(file).stat().st_mtime_ns for file in files if file))


@lru_cache(16)
def _made(ca_file: str, certificate: str, key: str, changed: tuple[int, ...]) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context(trust_env=False)
    made.set_alpn_protocols(["http/1.1"])
    if certificate:
        made.load_cert_chain(certificate, key or None, password=_no_password)
    return made


def serving(wiring: Wiring) -> ssl.SSLContext:
    """The context in which callbacks are taken in; with `listen_ca`, only from its clients. Raises as `context`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(wiring.listen_certificate, wiring.listen_key or None, password=_no_password)
    if wiring.listen_ca:
        made.load_verify_locations(wiring.listen_ca)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def _no_password() -> str:
    """OpenSSL would ask on the terminal for the password of a locked key."""
    raise ssl.SSLError("the key is locked with a password")
