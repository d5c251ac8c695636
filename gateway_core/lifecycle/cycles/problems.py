"""What is wrong with terms: all of it at once, each with key, reason and mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...model.errors import ConfigurationError, ConfigurationErrors

LONGEST_TEXT = 500
MOST = 10**9


class Problems:
    """Collects; `refuse` raises what there is."""

    def __init__(self, of: str) -> None:
        self._of, self._found = of, list[ConfigurationError]()

    def add(self, key: str, reason: str, mend: str) -> None:
        """One more."""
        self._found.append(ConfigurationError(f"{self._of}: {key}", reason, mend))

    def refuse(self) -> None:
        """Raises ConfigurationErrors where there is any."""
        if self._found:
            raise ConfigurationErrors(self._found)

    def unknown(self, key: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
        """Keys that nobody reads."""
        known = tuple(known)
        for name in given:
            if name not in known:
                self.add(f"{key}.{name}" if key else str(name), "is not known", f"write one of {', '.join(known)}")

    def text(self, key: str, given: Any) -> str:
        """A short printable text."""
        if isinstance(given, str) and len(given) <= LONGEST_TEXT and given.isprintable():
            return given.strip()
        self.add(key, f"is no text of at most {LONGEST_TEXT} printable characters", "write it in quotation marks")
        return ""

    def whole(self, key: str, given: Any) -> int | None:
        """A whole number, not negative; None where there is none."""
        if given is None or (type(given) is int and 0 <= given <= MOST):
            return None if given is None else int(given)
        self.add(key, f"is {given!r}", f"write a whole number from 0 to {MOST:,}")
        return None
