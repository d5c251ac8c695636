"""How a channel connects: the transport, a proxy, and the certificates of both sides, checked when it is opened."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..contract.channel import Wiring
from ..engine import tls
from ..model.errors import ConfigurationError
from .addresses import absolute
from .secrets import OTHERS, Place

FILES = ("ca_file", "client_certificate", "client_key", "listen_certificate", "listen_key", "listen_ca")


def wiring_of(given: Mapping[str, Any], key: str, place: Place) -> Wiring:
    """The wiring of the channel at `key`. Raises ConfigurationError naming the file that cannot be used, and why."""
    files = {name: _file(f"{key}.{name}", given[name], place) for name in FILES if name in given}
    proxy = given.get("proxy", "")
    wiring = Wiring(transport=given.get("transport", "stock" if proxy else "own"), proxy=proxy, **files)
    _fits(wiring, key)
    _serves(wiring, key)
    return wiring


def rules(found: Mapping[str, Any]) -> tuple[tuple[bool, str, str, str], ...]:
    """What the keys say to each other: (broken, key, reason, mend)."""
    return (
        ("proxy" in found and found.get("transport") == "own", "transport",
         'is "own", which speaks to no proxy', 'remove it, or write "stock"'),
        ("client_key" in found and "client_certificate" not in found, "client_key",
         "is a key without a certificate", "name the certificate, too: client_certificate"),
        *((name in found and "listen_certificate" not in found, name, "needs a certificate to be served with",
           "name the certificate, too: listen_certificate") for name in ("listen_key", "listen_ca")),
        ("listen_certificate" in found and "listen" not in found, "listen_certificate",
         "is for an address that nobody listens on", "write the address, too: listen"),
    )  # fmt: skip


def _file(key: str, name: str, place: Place) -> str:
    path = absolute(name, place.folder)
    try:
        mode = path.stat().st_mode
        with path.open("rb"):
            pass
    except OSError as error:
        raise ConfigurationError(key, f"names {path}: {error.strerror}", "create it, readable by this user") from None
    if place.live and mode & OTHERS and not key.endswith(("ca_file", "listen_ca")) and _holds_a_key(path):
        raise ConfigurationError(key, f"names {path}, which every user of this machine can open", f"chmod 600 {path}")
    if not stat.S_ISREG(mode):
        raise ConfigurationError(key, f"names {path}, which is no file", "name a file in the PEM format")
    return str(path)


def _serves(wiring: Wiring, key: str) -> None:
    """The certificate and key by which callbacks are taken in fit together."""
    if not wiring.listen_certificate:
        return
    try:
        tls.serving(wiring)
    except OSError as error:
        why = getattr(error, "reason", "") or error.strerror or error
        problem = ConfigurationError(
            f"{key}.listen_certificate", f"cannot be used ({str(why).lower().replace('_', ' ')})",
            "name PEM files: the certificate, and the key that belongs to it, without a password",
        )  # fmt: skip
    else:
        return
    raise problem


def _holds_a_key(path: Path) -> bool:
    return b"PRIVATE KEY" in path.read_bytes()


def _fits(wiring: Wiring, key: str) -> None:
    if not (wiring.ca_file or wiring.client_certificate):
        return
    try:
        tls.context(wiring)
    except OSError as error:
        what = "client_certificate" if wiring.client_certificate else "ca_file"
        why = getattr(error, "reason", "") or error.strerror or error
        problem = ConfigurationError(
            f"{key}.{what}", f"cannot be used ({str(why).lower().replace('_', ' ')})",
            "name PEM files: the certificate, and the key that belongs to it, without a password",
        )  # fmt: skip
    else:
        return
    raise problem
