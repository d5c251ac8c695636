"""The mark (what was last sent from this store) without a file: on paper that outlives every process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from ...engine.mark import Mark
from ...store import Store
from .watch import Violation


class Paper:
    """A file that is there, or not, to be read."""

    text = ""

    def read_text(self) -> str:
        """What stands on it."""
        if not self.text:
            raise FileNotFoundError
        return self.text


class SimMark(Mark):
    """The marks of a world's senders, one for each session, as they have them where several may send.

    `unseen`: an older store was put in place after something had been sent.
    """

    def __init__(self) -> None:
        self.unseen = False
        self.lose()

    def lose(self) -> None:
        """No mark is there."""
        self._papers: dict[int, Paper] = {0: Paper()}
        self.path = cast(Path, self._papers[0])

    def of(self, store: Store) -> SimMark:
        """The mark of this store."""
        self._store, self._address = store, "the simulated store"
        return self

    def write(self, session: int, n: int, chain: bytes) -> None:
        """See Mark."""
        self._papers.setdefault(session, Paper()).text = json.dumps(
            {"session": session, "n": n, "chain": chain.hex(), "server": self._store.server}
        )

    def reset(self, session: int, n: int, chain: bytes) -> None:
        """See Mark."""
        self.unseen = False
        self.lose()
        self.write(session, n, chain)
        self._papers[0].text = self._papers[session].text

    def _places(self) -> list[Any]:
        return [paper for session, paper in self._papers.items() if session]

    def noticed(self) -> None:
        """The check let this sender go."""
        if self.unseen:
            raise Violation("1", "a store older than what was sent from it was not noticed")
