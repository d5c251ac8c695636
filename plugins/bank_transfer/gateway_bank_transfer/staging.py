"""A file read once, whole, before anything of it is said: its words on a scratch file, and what is wrong with it.

An entry or a statement may turn out wrong at its end, when its words were read already.
"""

from __future__ import annotations

import io
import marshal
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from .reading.entries import Said
from .reading.safe import Refused
from .words import Held, Stated, Word

# In memory at first; larger ones go to a file that nobody else sees.
IN_MEMORY = 8 << 20
BLOCK = 500


class Staged:
    """`held`: entries that must not be believed, and why. `statements`: what each says of its account."""

    def __init__(self, unbalanced: str = "hold") -> None:
        """`unbalanced`: hold (refuse), mark (hold its entries), or note."""
        self.held: dict[int, str] = {}
        self.statements: list[Stated] = []
        self._file: BinaryIO = io.BytesIO()
        self._blocks: list[tuple[int, int]] = []
        self._unbalanced, self._first, self._last = unbalanced, 1, 0

    @classmethod
    def whole(cls, said: Iterable[Said], unbalanced: str = "hold") -> Staged:
        """Read to its end. Raises Refused."""
        made = cls(unbalanced)
        for _ in made.read(said):
            pass
        return made

    def read(self, said: Iterable[Said]) -> Iterator[None]:
        """Read it to its end; now and then it is seen that this goes on. Raises Refused."""
        block: list[tuple[object, ...]] = []
        for one in said:
            if isinstance(one, Word):
                self._last = max(self._last, one.group)
                block.append(tuple(one))
                if len(block) == BLOCK:
                    self._keep(block)
                    block = []
                    yield
            elif isinstance(one, Held):
                self.held[one.group] = one.why
            else:
                self._state(one)
        if block:
            self._keep(block)

    def _state(self, stated: Stated) -> None:
        self.statements.append(stated)
        if stated.ours and stated.balanced is False:
            if self._unbalanced == "hold":
                raise Refused(f"statement {stated.ident}: {stated.why}")
            if self._unbalanced == "mark":
                self.held |= dict.fromkeys(range(self._first, self._last + 1), stated.why)
        self._first = self._last + 1

    def _keep(self, block: list[tuple[object, ...]]) -> None:
        body = marshal.dumps(block)
        if self._file.tell() > IN_MEMORY and isinstance(self._file, io.BytesIO):
            known, self._file = self._file, tempfile.TemporaryFile()  # noqa: SIM115 - closed when we are gone
            self._file.write(known.getbuffer())
            weakref.finalize(self, self._file.close)
        self._blocks.append((self._file.tell(), len(body)))
        self._file.write(body)

    def words(self) -> Iterator[Word]:
        """Every word; what was found wrong at the end is a review by now."""
        for start, size in self._blocks:
            self._file.seek(start)
            for item in marshal.loads(self._file.read(size)):  # noqa: S302 - we wrote it
                word = Word._make(item)
                if word.group in self.held and word.says not in ("foreign", "noted"):
                    word = word._replace(says="review", why=self.held[word.group])
                yield word
