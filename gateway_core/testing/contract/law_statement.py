"""Laws of reading what the bank sends: every line of a file becomes a fact, or is missed."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ...contract.batch import Incoming, LineFact
from ...contract.channel import Channel
from .batch_kit import BatchKit, as_incoming
from .laws import Waits, broken, law
from .needs import UNPLANNED


@attrs.frozen
class Read:
    """What came of a file: its facts, the count that it gives of itself, and what was raised instead."""

    facts: list[LineFact]
    count: int | None = None
    raised: str = ""

    @property
    def whole(self) -> bool:
        """Whether the core would take it: the file's own count agrees with its facts, or it has none."""
        lines = [fact for fact in self.facts if fact.key or fact.reference or not fact.document]
        return not self.raised and (self.count is None or self.count == len(lines))


class StatementLaws(BatchKit):
    """read_statement."""

    @law("test_a_statement_read_again_says_the_same")
    def test_a_statement_loses_no_line(self) -> None:
        """Every line of a file becomes a fact, also one that cannot be understood; where one is missing, it is noticed.

        Why: a line that a reader skips is a payment of which the bank said something, and nobody heard it. It is
        called unknown for ever, or is paid again.

        Mend: yield a `LineFact` for each line, with `Unknown(text)` as the verdict of one that you do not understand;
        return the count that stands in the file's own trailer, never one of your own, and None only where it has
        none.
        """
        channel = self.bench.channel()
        for incoming in self._files():
            whole = read(channel, incoming)
            if not whole.whole:
                broken(
                    f"{incoming.name}: {whole.raised or f'{len(whole.facts)} facts, and the file counts {whole.count}'}"
                )
            for what, damaged in self._damaged(incoming):
                now = read(channel, damaged)
                lost = len(now.facts) < len(whole.facts)
                if lost and now.whole and (whole.count is not None or what == "changed"):
                    left = f"{len(now.facts)} of {len(whole.facts)} facts are left"
                    broken(f"{incoming.name}: with a line {what}, {left}, and nothing says that one is missing")

    @law(*UNPLANNED)
    def test_a_statement_read_again_says_the_same(self) -> None:
        """Reading a file twice gives the same facts, in the same order.

        Why: after a crash a file is read again, and its lines are applied from where it was left. A reader that
        remembers what it has seen says less each time.

        Mend: keep nothing in the gateway's object; what is new and what was said before is the core's to know.
        """
        first, second = self.bench.channel(), self.bench.channel()
        for incoming in self._files():
            told = read(first, incoming)
            for again in (read(first, incoming), read(second, incoming)):
                if again != told:
                    broken(f"{incoming.name}: {len(told.facts)} facts at first, then {len(again.facts)}, or others")

    def _files(self) -> list[Incoming]:
        if self.tour and not self.bench.watch.incoming:
            raise Waits("waits for a file of the bank to be read at all")
        return list(self.bench.watch.incoming.values())

    def _damaged(self, incoming: Incoming) -> Iterator[tuple[str, Incoming]]:
        """The file with one line taken out, and with one that says what nobody has heard before."""
        with incoming.open() as file:
            body = file.read()
        lines = body.splitlines(keepends=True)
        for key in list(self.tour.keys)[:40]:
            at = [number for number, line in enumerate(lines) if key.encode() in line]
            if len(at) == 1:
                rest = lines[: at[0]] + lines[at[0] + 1 :]
                yield "taken out", as_incoming(incoming, b"".join(rest))
            if key.encode() in body:
                yield "changed", as_incoming(incoming, body.replace(key.encode(), b"X" * len(key)))
                for word in _words(lines[at[0]] if at else b"", key):
                    changed = lines[at[0]].replace(word, b"Q" * len(word))
                    yield "changed", as_incoming(incoming, b"".join([*lines[: at[0]], changed, *lines[at[0] + 1 :]]))


def _words(line: bytes, key: str) -> list[bytes]:
    """The words of a line, a status among them; not its key, and not the first, which says what kind of line it is."""
    words = [word for word in line.replace(b";", b",").replace(b"\t", b",").split(b",")[1:] if word.isalpha()]
    return [word for word in words if word.decode() != key]


def read(channel: Channel, incoming: Incoming) -> Read:
    """Read a file as the core does."""
    assert channel.batch is not None
    facts: list[LineFact] = []
    reader = channel.batch.read(incoming)
    try:
        while True:
            facts.append(next(reader))
    except StopIteration as stop:
        return Read(facts, stop.value)
    except Exception as error:
        return Read(facts, raised=f"{type(error).__name__}: {error}")
