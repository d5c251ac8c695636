"""Secrets by reference: the configuration says where a secret lies, and it is read when its channel is opened."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import attrs

from ..contract.gateway import Hidden
from ..model.errors import ConfigurationError
from .addresses import absolute
from .problems import Wrong
from .readers import expected, table, text

LONGEST = 1 << 16
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OTHERS = stat.S_IROTH | stat.S_IWOTH
_HOW = 'write { env = "NAME" } or { file = "path" }'


@attrs.frozen
class Place:
    """Where the configuration lies, and its environment; "" while that is wrong, so that nothing else is blamed."""

    folder: Path
    environment: str

    @property
    def live(self) -> bool:
        """Whether money is real."""
        return self.environment == "live"


@attrs.frozen
class Reference:
    """Where a secret lies: `kind` is env or file, `name` the variable or the path. Never the secret itself."""

    kind: str
    name: str

    def read(self, key: str, place: Place) -> Hidden:
        """The secret. Raises ConfigurationError naming `key` when it is missing, empty or open to everybody."""
        try:
            found = _FROM[self.kind](self.name, place)
            if not found:
                raise Wrong(f"refers to {self.kind} {self.name}, which is empty", "put the secret there")
            return Hidden(found)
        except Wrong as wrong:
            problem = ConfigurationError(key, wrong.reason, wrong.mend)
        # Outside the handler: no chained exception, whose text could hold a part of a file.
        raise problem


def reference(value: object) -> Reference:
    """Read { env = "NAME" } or { file = "path" }. A plain value is refused: files of configuration get about."""
    if isinstance(value, str):
        raise Wrong("is a secret written into the configuration", f"{_HOW}, and change the secret: it has been seen")
    given = table(value) if isinstance(value, Mapping) else None
    if given is None or len(given) != 1 or not set(given) <= {"env", "file"}:
        raise Wrong("is not a reference to a secret" if given else expected("a reference", value).reason, _HOW)
    kind, name = next(iter(given.items()))
    if not text(name):
        raise Wrong("refers to nothing", _HOW)
    if kind == "env" and not _NAME.fullmatch(text(name)):
        raise Wrong("refers to what cannot be the name of an environment variable", "use letters, digits and _")
    return Reference(kind, text(name))


def _from_env(name: str, place: Place) -> str:
    if name not in os.environ:
        raise Wrong(f"refers to the environment variable {name}, which is not set", f"set {name} before starting")
    found = os.environ[name]
    if not found.isprintable() and any("\ud800" <= character <= "\udfff" for character in found):
        raise Wrong(f"refers to the environment variable {name}, which is not UTF-8 text", "write the secret as text")
    return found


def _from_file(name: str, place: Place) -> str:
    path = absolute(name, place.folder)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise Wrong(f"refers to {path}, which is no file", "name the file that holds the secret")
        if place.live and mode & OTHERS:
            raise Wrong(f"refers to {path}, which every user of this machine can open", f"chmod 600 {path}")
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
    except OSError as error:
        raise Wrong(f"refers to {path}: {error.strerror}", "create the file, readable by this user") from None
    return _decoded(raw, path)


def _decoded(raw: bytes, path: Path) -> str:
    if len(raw) > LONGEST:
        raise Wrong(f"refers to {path}, which has more than {LONGEST} bytes", "name the file that holds the secret")
    try:
        found = raw.decode()
    except UnicodeDecodeError:
        raise Wrong(f"refers to {path}, which is not UTF-8 text", "write the secret as text") from None
    # One line end, as editors and `echo` leave it; a second one belongs to the secret.
    return found.removesuffix("\r\n") if found.endswith("\r\n") else found.removesuffix("\n")


_FROM = {"env": _from_env, "file": _from_file}
