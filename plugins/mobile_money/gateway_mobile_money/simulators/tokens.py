"""Tokens: given out against credentials, good for a while."""

from __future__ import annotations

import secrets
import time

import attrs


@attrs.define(slots=False)
class Doors:
    """`only_newest`: a new token ends the ones before. `turned_away` counts requests without a good one."""

    life: float = 3600.0
    only_newest: bool = False
    given: int = 0
    turned_away: int = 0
    _tokens: dict[str, float] = attrs.field(factory=dict)

    def give(self) -> str:
        """A new token."""
        if self.only_newest:
            self._tokens.clear()
        token = secrets.token_hex(12)
        self._tokens[token] = time.monotonic() + self.life
        self.given += 1
        return token

    def open(self, authorization: str) -> bool:
        """Whether a request's header bears a good token."""
        good = self._tokens.get(authorization.removeprefix("Bearer "), 0.0) > time.monotonic()
        self.turned_away += not good
        return good

    def revoke(self) -> None:
        """All tokens are worth nothing from now on."""
        self._tokens.clear()
