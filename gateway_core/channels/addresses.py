"""Addresses: of a rail, of the store, and where callbacks arrive. What could leak or mislead a secret is refused.

Python's URL parser drops tabs and line ends and forgives much; other parsers read the same text otherwise. So anything
that two parsers could read in two ways is refused before parsing.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from .problems import Wrong
from .readers import text

_CONFUSING = re.compile(r"[\s\x00-\x20\x7f-\U0010ffff\\]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql+psycopg://"


def base_url(value: object) -> str:
    """Where a rail is reached, without the last slash. The paths of requests are put behind it."""
    parts = _http(value)
    if parts.query or parts.fragment or "?" in text(value) or "#" in text(value):
        raise Wrong("has a query or a fragment", "end it with the path; queries belong to the gateway's requests")
    if {".", ".."} & set(parts.path.split("/")):
        raise Wrong("has a dot segment in its path", "write the path that it leads to")
    return text(value).rstrip("/")


def address(value: object) -> str:
    """Another address of a gateway (its token server, say): as safe as base_url, but a query is its own affair."""
    _http(value)
    return text(value)


def proxy(value: object) -> str:
    """A proxy. The way to it may be plain: what goes through it is encrypted from end to end."""
    parts = _http(value, plain=True)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Wrong("has more than a host and a port", "end it with the port")
    return text(value).rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether an address that was read before leads to this machine only."""
    return _loopback(urlsplit(url).hostname or "") if url else False


def _http(value: object, *, plain: bool = False) -> SplitResult:
    given = text(value)
    if _CONFUSING.search(given):
        raise Wrong(
            "holds a space, a backslash or a character beyond ASCII", "encode it: %20 in a path, xn-- in a host"
        )
    parts = _split(given)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise Wrong("is no web address", "write https:// and a host")
    if "@" in parts.netloc:
        raise Wrong("holds a user or password", "remove what stands before the @; give secrets as references")
    host = parts.hostname or ""
    if not (_HOST.fullmatch(host) or _ip(host)):
        raise Wrong("has no plain host name", "write a host such as api.example.org")
    if parts.scheme == "http" and not plain and not _loopback(host):
        raise Wrong("is plain http to another machine: anybody between can read and change payments", "write https://")
    return parts


def _split(given: str) -> SplitResult:
    try:
        parts = urlsplit(given)
        usable = parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Wrong("has a port or host that cannot be read", "write a port from 1 to 65535")
    return parts


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _loopback(host: str) -> bool:
    known = _ip(host)
    return known.is_loopback if known else host == "localhost"


def listen(value: object) -> str:
    """HOST:PORT where callbacks arrive."""
    match = _LISTEN.fullmatch(text(value))
    if not match or int(match["port"]) > 65_535:
        raise Wrong("is not HOST:PORT")
    return text(value)


def store_url(given: str, folder: Path) -> str:
    """The store's address, absolute: a SQLite path is relative to `folder`."""
    if given.startswith(_POSTGRESQL):
        _parsed(given)
        return given
    path = given.removeprefix(_SQLITE)
    if path == given:
        raise Wrong("is neither sqlite:///PATH nor postgresql+psycopg://HOST/DATABASE")
    if not path or path.startswith(":memory:") or "?" in path or "#" in path:
        raise Wrong("names no file that outlives the process", "write sqlite:///payments.db")
    return _SQLITE + str(absolute(path, folder))


def plain_store_url(value: object) -> str:
    """A store's address as text in the file: it may not hold a password."""
    given = text(value)
    if given.startswith(_POSTGRESQL) and (_parsed(given).password or "password" in _parsed(given).query):
        raise Wrong(
            "holds a password",
            'remove it and use ~/.pgpass or PGPASSWORD, or write store = { env = "NAME" } for the whole address',
        )
    return given


def shown(url: str) -> str:
    """A store's address for people and logs: without user, password and query."""
    parts = make_url(url)
    return str(URL.create(parts.drivername, host=parts.host, port=parts.port, database=parts.database))


def _parsed(url: str) -> URL:
    """As the store's own library will read it, so that both find the password in the same place."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise Wrong("cannot be read as an address", "write postgresql+psycopg://HOST/DATABASE") from None


def absolute(path: str, folder: Path) -> Path:
    """`path` as a person means it: ~ is the home, the rest is relative to `folder`."""
    try:
        return Path.absolute(folder / Path(path).expanduser())
    except RuntimeError:
        raise Wrong("names a home folder that this machine does not know", "write the whole path") from None
