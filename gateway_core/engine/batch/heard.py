"""What a bank's file says, read once: its lines wait on a scratch file until all of them were counted.

What is applied afterwards is what was counted, whatever the gateway's code would say the next time.
"""

from __future__ import annotations

import io
import marshal
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any, BinaryIO

from ...contract.batch import LineFact
from ...contract.replies import Done, Refused, Returned, Unknown, Waiting
from ...model.money import Money

# In memory at first; larger ones go to a file that nobody else sees.
IN_MEMORY = 4 << 20
BLOCK = 500
_DONE, _WAITING = Done(), Waiting()


class Heard:
    """Lines in their order. What a verdict carries that no fact is made of (a `Done`'s body) is not kept."""

    def __init__(self) -> None:
        self._file: BinaryIO = io.BytesIO()
        self._blocks: list[tuple[int, int]] = []
        self._block: list[tuple[Any, ...]] = []

    def add(self, said: LineFact) -> None:
        """One more."""
        amount = said.amount
        self._block.append((
            *_verdict(said), str(said.key), str(said.document), str(said.reference),
            None if amount is None else (int(amount.minor), str(amount.currency)),
            said.lines if said.lines is None else int(said.lines), str(said.text), bool(said.proof),
            str(said.cancellation), str(said.entry), bool(said.executing),
        ))  # fmt: skip
        if len(self._block) == BLOCK:
            self.close()

    def close(self) -> None:
        """No more come: what is left goes to the others."""
        if not self._block:
            return
        body = marshal.dumps(self._block)
        if isinstance(self._file, io.BytesIO) and self._file.tell() > IN_MEMORY:
            known, self._file = self._file, tempfile.TemporaryFile()  # noqa: SIM115 - closed when we are gone
            self._file.write(known.getbuffer())
            weakref.finalize(self, self._file.close)
        self._blocks.append((self._file.tell(), len(body)))
        self._file.write(body)
        self._block = []

    def __iter__(self) -> Iterator[LineFact]:
        for start, size in self._blocks:
            self._file.seek(start)
            block = marshal.loads(self._file.read(size))  # noqa: S302 - we wrote it
            for name, code, why, key, document, reference, amount, lines, text, proof, cancellation, *more in block:
                yield LineFact(
                    verdict=_MADE[name](code, why), key=key, document=document, reference=reference,
                    amount=None if amount is None else Money(*amount), lines=lines, text=text, proof=proof,
                    cancellation=cancellation, entry=more[0], executing=more[1],
                )  # fmt: skip


def _verdict(said: LineFact) -> tuple[str, str, str]:
    """(its name, and the two texts that are kept of it)."""
    match said.verdict:
        case Done():
            return "done", "", ""
        case Refused(code, reason):
            return "refused", str(code), str(reason)
        case Returned(reference, reason):
            return "returned", str(reference), str(reason)
        case Unknown(why):
            return "unknown", "", str(why)
        case Waiting():
            return "waiting", "", ""


_MADE: dict[str, Any] = {
    "done": lambda _, __: _DONE,
    "waiting": lambda _, __: _WAITING,
    "refused": Refused,
    "returned": Returned,
    "unknown": lambda _, why: Unknown(why),
}
