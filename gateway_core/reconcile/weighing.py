"""What files say of one payment together. Pure; the order of the files, and how often each came, change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeAlias

import attrs

# verdict, reference, amount, and the date where there is no reference.
Booking: TypeAlias = tuple[str, str, int, str]
OURS: dict[str, frozenset[str]] = {
    "paid": frozenset({"paid"}),
    "returned": frozenset({"returned"}),
    "refused": frozenset({"refused", "cancelled"}),
}
OPEN = frozenset({"sending", "pending", "unknown", "held"})
UNSENT = frozenset({"planned", "ready"})


@attrs.frozen
class Weight:
    """Sums in minor units; `lines` is how many bookings there are; `refused`: one says that nothing was paid."""

    paid: int = 0
    returned: int = 0
    fees: int = 0
    lines: int = 0
    times_paid: int = 0
    refused: bool = False

    @property
    def net(self) -> int:
        """What stayed with the payee."""
        return self.paid - self.returned


def booking(line: Any) -> Booking:
    """What makes a line the same booking as another file's."""
    return line.verdict, line.reference, line.amount, "" if line.reference else line.booked


def weigh(lines: Iterable[Any]) -> Weight:
    """Overlapping statements tell a booking once; two lines of one file are two bookings."""
    per_file: dict[str, Counter[Booking]] = {}
    fees: dict[Booking, int] = {}
    for line in lines:
        per_file.setdefault(line.statement, Counter())[booking(line)] += 1
        fees[booking(line)] = max(fees.get(booking(line), 0), line.fee)
    times: Counter[Booking] = Counter()
    for counted in per_file.values():
        times |= counted
    total = dict.fromkeys(("paid", "returned"), 0)
    for (verdict, _, amount, _), n in times.items():
        if verdict in total:
            total[verdict] += amount * n
    return Weight(
        total["paid"], total["returned"], sum(fees[b] * n for b, n in times.items()), times.total(),
        sum(n for b, n in times.items() if b[0] == "paid"), any(b[0] == "refused" for b in times),
    )  # fmt: skip


def of_sources(lines: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """(a provider's statements, officers' lists): the former outrank the latter."""
    given = [line for line in lines if line.verdict != "pending"]
    return [line for line in given if line.of == "sheet"], [line for line in given if line.of == "list"]


def effect(state: str, payroll: str, owed: int, verdict: str, amount: int, asks: bool) -> str:
    """What one line would do to one payment.

    agrees | pending | late (its payroll is closed) | differs (people must look) | asks (the rail decides) | second (a
    second person decides) | unsent (it was never sent)
    """
    if verdict == "pending":
        return "pending"
    if state in UNSENT:
        return "unsent"
    if state in OURS[verdict]:
        return "agrees" if verdict == "refused" or amount == owed else "differs"
    if payroll == "reconciled":
        return "late"
    if state in OPEN:
        return "asks" if asks and state != "held" else "second"
    return "differs" if asks or verdict == "refused" else "second"
