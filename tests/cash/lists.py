"""Pay lists and records to test with."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs

from gateway_core.cash.pay_list import ISSUED, Alternate, ListLine, PayList, code_of
from gateway_core.cash.phone import Device
from gateway_core.cash.record import PhotoRef, Position, ProofRecord
from tests.cash.pictures import photo

# 2026-11-30 08:00 UTC, in microseconds.
MORNING = 1_796_025_600_000_000
MINUTE = 60_000_000


def pay_list(count: int = 3, *, names: tuple[str, ...] = (), **how: Any) -> PayList:
    """A list with so many lines, of 1,500.00 KES and a bit."""
    known = names or tuple(f"Wanjiku Person {n}" for n in range(1, count + 1))
    ident = how.get("id", "L-7F3A")
    lines = tuple(
        ListLine(
            number=n, payment=f"0000{n:04}-aaaa-4bbb-8ccc-dddddddddddd", invoice=f"INV-{n}", beneficiary=f"B-{n}",
            name=name, amount=150_000 + n, code=code_of(ident, n, f"P-{n}", 150_000 + n),
            alternates=(Alternate(name="Otieno Relative", relation="son"),) if n == 2 else (),
        )
        for n, name in enumerate(known, 1)
    )  # fmt: skip
    return attrs.evolve(
        PayList(
            id=ident, number=1, payroll="pr-1", payroll_name="2026-11 child grant", point="isiolo-1",
            point_name="Isiolo, chief's office", days=("2026-11-30", "2026-12-01"), currency="KES", lines=lines,
            status=ISSUED, manager="Mobile Operator Ltd", deployment="example-grants",
        ),
        **how,
    )  # fmt: skip


def picture(n: int = 0) -> tuple[PhotoRef, bytes]:
    """A photograph that no other number has."""
    data = photo(40 + n % 50, 30 + n // 50)
    return PhotoRef(sha256=hashlib.sha256(data).hexdigest(), format="jpeg"), data


def records(
    count: int = 3, device: Device | None = None, listed: PayList | None = None
) -> tuple[list[ProofRecord], dict[str, bytes]]:
    """(records of one device, the first of each three not collected; photographs by SHA-256)."""
    device, listed = device or Device("phone-1"), listed or pay_list(count)
    made, photos = [], {}
    for n, line in enumerate(listed.lines[:count]):
        if n % 3 == 2:
            made.append(
                device.not_collected(listed, line, at=MORNING + n * MINUTE, officer="amina", reason="did not come")
            )
            continue
        ref, data = picture(n)
        photos[ref.sha256] = data
        here = Position(latitude=352_700, longitude=37_583_100, accuracy=12)
        made.append(device.paid(listed, line, at=MORNING + n * MINUTE, officer="amina", position=here, photo=ref))
    return made, photos
