"""The bank on the other side of the directory: it takes files, pays once per key into a ledger of its own, answers.

What it does wrong it does only when told to: it loses a file, takes it twice, refuses it, answers in part.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import attrs


@attrs.frozen
class Order:
    """A line of a file that the bank took."""

    file: str
    key: str
    account: str
    minor: int
    currency: str


@attrs.define
class Bank:
    """`folder`/out is where files are dropped, `folder`/in where answers appear. `ledger`: what was really paid out."""

    folder: Path
    dedupes: bool = True
    ledger: list[Order] = attrs.field(factory=list)
    taken: dict[str, str] = attrs.field(factory=dict)
    orders: dict[str, list[Order]] = attrs.field(factory=dict)
    _numbers: Callable[[], int] = attrs.field(factory=lambda: itertools.count(1).__next__)

    def __attrs_post_init__(self) -> None:
        for name in ("out", "in", "collected"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def waiting(self) -> list[Path]:
        """Files that were dropped and not collected."""
        return sorted(path for path in (self.folder / "out").iterdir() if not path.name.startswith("."))

    def collect(self) -> list[str]:
        """Take every file out of the directory and read it. Returns the names."""
        names = []
        for path in self.waiting:
            self.read(path.name, path.read_bytes())
            path.rename(self.folder / "collected" / path.name)
            names.append(path.name)
        return names

    def read(self, name: str, body: bytes) -> None:
        """Understand a file; the same name and bytes again are noticed where it dedupes."""
        digest = hashlib.sha256(body).hexdigest()
        if self.dedupes and name in self.taken:
            assert self.taken[name] == digest, f"another file came under the name {name}"
            return
        rows = list(csv.reader(body.decode().splitlines()))
        orders = [Order(name, row[1], row[2], int(row[3]), row[4]) for row in rows if row[0] == "L"]
        assert rows[0][0] == "H"
        assert rows[-1] == ["T", str(len(orders)), str(sum(order.minor for order in orders))]
        self.taken[name] = digest
        self.orders.setdefault(name, []).extend(orders)

    def lose(self) -> list[str]:
        """Collect every file and forget it: the bank's disk failed, say."""
        names = []
        for path in self.waiting:
            path.unlink()
            names.append(path.name)
        return names

    def pay(self, orders: Iterable[Order]) -> list[Order]:
        """Carry orders out. One whose key was carried out before is not again, where the bank dedupes."""
        paid = []
        for order in orders:
            if not (self.dedupes and any(done.key == order.key for done in self.ledger)):
                self.ledger.append(order)
                paid.append(order)
        return paid

    def times(self) -> Counter[str]:
        """How often each account was paid."""
        return Counter(order.account for order in self.ledger)

    def answer(self, rows: Sequence[Sequence[object]], count: int | None = None, name: str = "") -> Path:
        """Put an answer into the directory, whole at once."""
        lines = sum(row[0] == "A" for row in rows)
        name = name or f"answer-{self._numbers():04d}.csv"
        text = "".join(",".join(map(str, row)) + "\n" for row in [*rows, ["T", lines if count is None else count]])
        part, final = self.folder / "in" / f".{name}.tmp", self.folder / "in" / name
        part.write_text(text)
        os.rename(part, final)  # noqa: PTH104 - as banks do
        return final

    def book(self, orders: Iterable[Order], verdict: str = "booked", **how: str) -> Path:
        """Answer about orders, all alike; those that are booked are paid out first."""
        orders = list(orders)
        if verdict == "booked":
            self.pay(orders)
        return self.answer([said(order, verdict, **how) for order in orders])

    def everything(self) -> list[Order]:
        """All orders of all files that were read."""
        return [order for orders in self.orders.values() for order in orders]


def said(
    order: Order, verdict: str = "booked", *, minor: str = "", reference: str = "", reason: str = "", key: str = ""
) -> list[object]:
    """A line of an answer about an order."""
    reference = reference or f"BNK-{order.key}"
    return ["A", key or order.key, verdict, minor or order.minor, order.currency, reference, reason]


def whole(name: str, verdict: str, reason: str = "", about: Mapping[str, object] | None = None) -> list[object]:
    """A line of an answer about a whole file."""
    known = dict(about or {})
    return ["F", name, verdict, reason, *(known.get(x, "") for x in ("count", "total", "currency", "reference"))]
