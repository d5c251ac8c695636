"""A payroll in cash from its proposal to its close: seconds and the process's peak memory after each step.

    python -m benchmarks.cash                  10,000 people at ten payment points, each with a small photograph
    python -m benchmarks.cash --people 100000
    python -m benchmarks.cash --people 1000 --large    photographs of 4 megapixels

The phones' archives are written by another process first, so that they are in no figure but their own.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.proofs import SIZES, photographs
from benchmarks.reconcile import peak_mb
from gateway_core import Account, Invoice, Money, Paymaster
from gateway_core.cash.phone import Device, read_list, write_records
from gateway_core.cash.record import PhotoRef, ProofRecord
from gateway_core.cash.stations import Point
from gateway_core.store.clock import now_us

POINTS, LINES, DEPLOYMENT = 10, 1_000, "bench-cash"
# Pay-outs of one phone, in microseconds: slow enough for people.
APART = 16_000_000


def invoices(people: int) -> Iterator[Invoice]:
    """So many people, spread over the points."""
    for n in range(people):
        yield Invoice(
            id=f"I-{n}", beneficiary=f"B-{n}", name=f"Name {n}", account=Account("payment_point", f"P-{n % POINTS}"),
            amount=Money(50_000, "UGX"), programme="bench", cycle="1",
        )  # fmt: skip


def photograph(n: int) -> bytes:
    """A small one; no two are alike."""
    made = io.BytesIO()
    picture = Image.new("RGB", (64, 48), (n % 256, n // 256 % 256, 90))
    for bit in range(24):
        x, y = bit % 8 * 8, bit // 8 * 16
        picture.paste((255, 255, 255) if n >> bit & 1 else (0, 0, 0), (x, y, x + 8, y + 16))
    picture.save(made, "PNG")
    return made.getvalue()


def afternoon() -> str:
    """A time zone in which the day has been long enough for all pay-outs."""
    ahead = min(14, 18 - time.gmtime().tm_hour)
    return f"Etc/GMT{-ahead:+d}"


def pack(folder: Path, make: Callable[[int], bytes], form: str) -> None:
    """A phone for each list, which pays all of it."""
    for n, file in enumerate(sorted((folder / "for-phones").glob("*.zip"))):
        paper, _ = read_list(file)
        phone, photos, records = Device(f"phone-{n}"), dict[str, bytes](), list[ProofRecord]()
        for line in paper.lines:
            data = make(n * LINES + line.number)
            photos[digest := hashlib.sha256(data).hexdigest()] = data
            at = now_us() - APART * (len(paper.lines) - line.number)
            ref = PhotoRef(sha256=digest, format=form)
            records.append(phone.paid(paper, line, at=at, officer="grace", photo=ref))
        write_records(folder / "phones" / f"{n}.zip", DEPLOYMENT, phone, records, photos, now_us(), None)


def steps(paymaster: Paymaster, folder: Path, people: int, *packing: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each step by its name."""
    for n in range(POINTS):
        paymaster.set_point(Point(code=f"P-{n}"), by="amina")
    yield "propose", lambda: paymaster.propose("bench", invoices(people), channel="cash", by="amina")
    yield "approve", lambda: paymaster.approve("bench", by="joseph")
    yield "issue", lambda: paymaster.run("bench", wait=0.0)
    names = [one.name for one in paymaster.lists("bench")]
    yield "lists", lambda: _exported(paymaster, names, folder / "for-phones")
    command = [sys.executable, "-m", "benchmarks.cash", "--pack", str(folder), *packing]
    yield "phones", lambda: subprocess.run(command, check=True)
    yield "import", lambda: paymaster.submit_proofs(folder / "phones", by="amina")
    yield "import again", lambda: paymaster.submit_proofs(folder / "phones", by="amina")
    yield "verify", lambda: _whole(paymaster)
    yield "accept", lambda: _all_accepted(paymaster, names)
    for one in paymaster.lists("bench"):
        paymaster.count_list(one.name, by="amina", how="paper", handed_out=one.total, returned=0)
    yield "seal", lambda: [paymaster.seal_list(name, by="joseph") for name in names]
    yield "reconcile", lambda: paymaster.reconcile("bench", by="amina")
    yield "close", lambda: paymaster.close("bench", by="joseph")


def _exported(paymaster: Paymaster, names: list[str], folder: Path) -> None:
    for name in names:
        paymaster.export_list(name, folder / f"{name}.zip")


def _whole(paymaster: Paymaster) -> None:
    findings = paymaster.verify().findings
    assert not findings, findings[0]


def _all_accepted(paymaster: Paymaster, names: list[str]) -> None:
    for name in names:
        done = paymaster.accept_proofs(name, by="joseph")
        if done.flagged:
            first = next(proof.flags for proof in paymaster.proofs(name, undecided=True))
            raise AssertionError(f"{done.flagged} of {name} are flagged, such as {first}")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--large", action="store_true", help="photographs of 4 megapixels")
    parser.add_argument("--pack", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.pack:
        pack(Path(given.pack), *((photographs(SIZES["large"]), "jpeg") if given.large else (photograph, "png")))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("lists", "for-phones", "phones"):
            (folder / name).mkdir()
        cash = {
            "gateway": "cash", "outbox": str(folder / "lists"), "lines": LINES, "point_zone": afternoon(),
            "sandbox": True,
        }  # fmt: skip
        configuration = {
            "deployment": DEPLOYMENT, "environment": "test", "store": f"sqlite:///{folder}/store.db",
            "mark_dir": str(folder / "marks"),
            "channels": {"cash": cash},
        }  # fmt: skip
        with Paymaster.open(configuration, create=True) as paymaster:
            for name, step in steps(paymaster, folder, given.people, *(["--large"] if given.large else [])):
                began = time.monotonic()
                step()
                print(f"{name:14} {time.monotonic() - began:8.1f} s   peak {peak_mb():6.0f} MB", flush=True)
            assert paymaster.zero_sum("bench").explained


if __name__ == "__main__":
    main()
