"""Collecting every problem of a configuration before refusing it, so that a person mends the file once.

No reason or mend ever repeats a value of the file: it could be a secret in the wrong place.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..model.errors import ConfigurationError, ConfigurationErrors

T = TypeVar("T")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Wrong(ValueError):
    """A value cannot be used. `under` extends the key; without a mend, the setting's own is shown."""

    def __init__(self, reason: str, mend: str = "", under: str = "") -> None:
        super().__init__(reason)
        self.reason, self.mend, self.under = reason, mend, under


class Problems:
    """What was found so far. `refuse()` raises it, all at once."""

    def __init__(self) -> None:
        self.found: list[ConfigurationError] = []

    def add(self, key: str, reason: str, mend: str) -> None:
        """Note one problem."""
        self.found.append(ConfigurationError(key, reason, mend))

    def read(self, key: str, reader: Callable[[object], T], value: object, mend: str = "") -> T | None:
        """What `reader` makes of `value`; None when it is wrong, which is noted."""
        try:
            return reader(value)
        except Wrong as wrong:
            self.add(f"{key}.{quoted(wrong.under)}" if wrong.under else key, wrong.reason, wrong.mend or mend)
            return None

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what the body raises, and go on."""
        try:
            yield
        except ConfigurationError as error:
            self.found += error.all

    def refuse(self) -> None:
        """Raise what was found: one ConfigurationError as it is, several as ConfigurationErrors."""
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise ConfigurationErrors(self.found)


def quoted(part: object) -> str:
    """One part of a key as TOML writes it, on one line whatever it holds: mtn-uganda, "Big Bank"."""
    return str(part) if _BARE.fullmatch(str(part)) else json.dumps(str(part))


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The mend for a name that is not known."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return "use one of " + ", ".join(sorted(known)) if known else "remove it"
