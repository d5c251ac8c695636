"""The end of the demo: our journal beside the provider's ledger, and a table to see it at a glance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from .output import Output

OPEN = ("planned", "ready", "sending", "pending", "unknown", "held")


@attrs.define
class Compared:
    """Counts and sums: `ours` by state, `refusals` by reason, `theirs` by what the ledger's money did."""

    approved: tuple[int, Decimal] = (0, Decimal())
    currency: str = ""
    ours: dict[str, tuple[int, Decimal]] = attrs.field(factory=dict)
    theirs: dict[str, tuple[int, Decimal]] = attrs.field(factory=dict)
    refusals: dict[str, tuple[int, Decimal]] = attrs.field(factory=dict)
    closed: bool = False
    twice: int = 0
    disagreeing: list[str] = attrs.field(factory=list)

    @property
    def unknown(self) -> int:
        """Payments of which nobody knows what became."""
        return sum(self.ours.get(state, (0, Decimal()))[0] for state in OPEN)

    @property
    def good(self) -> bool:
        """Nobody paid twice, no difference, nothing unknown, every unit explained, closed."""
        whole = self.approved == (sum(n for n, _ in self.ours.values()), sum(s for _, s in self.ours.values()))
        return not self.twice and not self.disagreeing and not self.unknown and whole and self.closed

    def as_dict(self) -> dict[str, Any]:
        """For machines."""

        def pairs(table: Mapping[str, tuple[int, Decimal]]) -> dict[str, Any]:
            return {name: {"payments": count, "sum": str(amount)} for name, (count, amount) in table.items()}

        return {
            "approved": pairs({"all": self.approved})["all"], "currency": self.currency, "ours": pairs(self.ours),
            "ledger": pairs(self.theirs), "refusals": pairs(self.refusals), "unknown": self.unknown,
            "moved_twice": self.twice, "disagreeing": self.disagreeing, "closed": self.closed, "good": self.good,
        }  # fmt: skip


def compare(payments: Sequence[Mapping[str, Any]], status: Mapping[str, Any], ledger: Mapping[str, Any]) -> Compared:
    """Every payment of ours with what the ledger's money did for it."""
    one = status["payrolls"][0]
    found = Compared(
        (one["lines"], Decimal(one["total"])), one["currency"], closed=one["state"] == "reconciled",
    )  # fmt: skip
    moved: Counter[str] = Counter()
    for entry in ledger["payments"]:
        moved[entry["reference"]] += entry["moved"] - entry["reversed"]
    found.twice = sum(times > 1 for times in ledger["totals"].values())
    tables = defaultdict(list)
    for payment in payments:
        amount, times = Decimal(payment["amount"]), moved.pop(payment["id"], 0)
        tables["ours", payment["state"]].append(amount)
        tables["theirs", "paid" if times else "not paid"].append(amount * (times or 1))
        if payment["state"] == "refused":
            tables["refusals", payment["reason"] or "without a reason"].append(amount)
        if times != (payment["state"] == "paid"):
            found.disagreeing.append(f"{payment['id']}: {payment['state']}, but the money moved {times} times")
    found.disagreeing += [f"{reference}: not ours, but paid" for reference, times in moved.items() if times]
    for (side, name), amounts in tables.items():
        getattr(found, side)[name] = (len(amounts), sum(amounts, Decimal()))
    return found


def show(out: Output, found: Compared) -> None:
    """The table."""

    def row(name: str, ours: tuple[int, Decimal] | None, theirs: tuple[int, Decimal] | None) -> tuple[str, ...]:
        cells = [f"{number:,}" for pair in (ours, theirs) for number in (pair or ())]
        blank = 2 if ours is None else 0
        return (name, *[""] * blank, *cells, *[""] * (4 - blank - len(cells)))

    nothing = (0, Decimal())
    rows = [row("approved", found.approved, None)]
    rows.append(row("paid", found.ours.get("paid", nothing), found.theirs.get("paid", nothing)))
    for state, pair in found.ours.items():
        if state != "paid" and state not in OPEN:
            rows.append(row(state, pair, found.theirs.get("not paid", nothing) if state == "refused" else None))
    rows += [row(f"  {reason}", pair, None) for reason, pair in sorted(found.refusals.items())]
    rows.append(row("unknown", (found.unknown, Decimal(0) if not found.unknown else Decimal("NaN")), None))
    money = found.currency
    out.table(("", ">payments", f">{money}", ">its ledger", f">{money}"), rows)
    out.say("", f"each person paid at most once: {'yes' if not found.twice else f'NO, {found.twice} twice'}")
    out.say(f"our journal and the provider's ledger agree: {'yes' if not found.disagreeing else 'NO'}")
    out.say(*found.disagreeing[:20])
