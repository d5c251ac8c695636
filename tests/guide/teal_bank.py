"""Teal Bank itself: it collects files, pays their lines once, and answers."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from gateway_core.contract import read_money
from gateway_core.testing.contract import Movement


class Teal:
    """Over two folders."""

    def __init__(self, folder: Path) -> None:
        self.out, self.back = folder / "out", folder / "in"
        for place in (self.out, self.back):
            place.mkdir(exist_ok=True)
        self.paid: list[Movement] = []
        self.known: set[str] = set()

    def work(self) -> None:
        """Every file that lies there; a name that came before is not carried out again."""
        for file in sorted(self.out.glob("TEAL-*.csv")):
            if file.name not in self.known:
                self.known.add(file.name)
                rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))[:-1]
                lines = [self.pay(*row) for row in rows]
                text = "\n".join([*lines, f"END,{len(lines)}", ""])
                (self.back / f"ANSWER-{file.name}").write_text(text, encoding="utf-8")

    def pay(self, key: str, account: str, amount: str, currency: str) -> str:
        """One line of the answer."""
        money = read_money(amount, currency)
        assert money is not None
        self.paid.append(Movement(key, account, money.minor, currency))
        return f"{key},{amount},{currency},BOOKED,T-{key},"

    def books(self) -> Iterable[Movement]:
        """What was paid."""
        return list(self.paid)
