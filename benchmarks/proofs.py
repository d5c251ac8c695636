"""Records of phones with their photographs, read and kept: seconds and peak memory of each step.

    python -m benchmarks.proofs                    100,000 records with small photographs, and 1,000 of 4 megapixels
    python -m benchmarks.proofs --count 10000 --large 100

Archives are written first: of 10,000 records, or of 200 with large photographs. Reading is a fresh process: it opens
every archive, checks its signature and every record, draws every photograph anew and keeps it on a shelf, fsynced, as
an import does.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image, ImageDraw

from benchmarks.reconcile import peak_mb
from gateway_core.cash.chain import breaks, link_of
from gateway_core.cash.pay_list import ISSUED, ListLine, PayList, code_of
from gateway_core.cash.phone import Device, open_records, write_records
from gateway_core.cash.photos import Shelf
from gateway_core.cash.record import PhotoRef, Position, ProofRecord

MORNING, MINUTE = 1_796_025_600_000_000, 60_000_000
# Records of an archive: a phone sends what it has, of large photographs fewer.
ARCHIVE, PAGE = {"small": 10_000, "large": 200}, 500
SIZES = {"small": (120, 90), "large": (2_304, 1_728)}


def photographs(size: tuple[int, int]) -> Callable[[int], bytes]:
    """A maker of photographs, of which no two are alike; with as much in them as a camera's."""
    base = Image.effect_noise(size, 30).convert("RGB")

    def make(n: int) -> bytes:
        image, out = base.copy(), io.BytesIO()
        ImageDraw.Draw(image).text((5, 5), f"{n}", fill="red", font_size=size[1] / 8)
        image.save(out, "JPEG", quality=80)
        return out.getvalue()

    return make


def write(folder: Path, kind: str, count: int) -> None:
    """Archives of one device, with so many records altogether."""
    device, key, made = Device(f"phone-{kind}"), Ed25519PrivateKey.generate(), photographs(SIZES[kind])
    for first in range(0, count, ARCHIVE[kind]):
        last = min(count, first + ARCHIVE[kind])
        photos = {hashlib.sha256(photo).hexdigest(): photo for photo in map(made, range(first, last))}
        records = [_record(device, first + n, sha256) for n, sha256 in enumerate(photos)]
        path = folder / f"{kind}-{first:07}.zip"
        write_records(path, "bench", device, records, photos, MORNING, key)


def _record(device: Device, n: int, sha256: str) -> ProofRecord:
    line = ListLine(
        number=n % 10_000 + 1, payment=f"P-{n}", invoice=f"INV-{n}", beneficiary=f"B-{n}", name="", amount=150_000,
        code=code_of("L-1", n + 1, f"P-{n}", 150_000),
    )  # fmt: skip
    listed = PayList(
        id=f"L-{n // 10_000}", number=1, payroll="pr-1", payroll_name="", point="p-1", point_name="",
        days=("2026-11-30",), currency="KES", lines=(), status=ISSUED,
    )  # fmt: skip
    here = Position(latitude=352_700, longitude=37_583_100, accuracy=12)
    ref = PhotoRef(sha256=sha256, format="jpeg")
    return device.paid(listed, line, at=MORNING + n * MINUTE, officer="amina", position=here, photo=ref)


def read(folder: Path, kind: str) -> Iterator[tuple[str, object]]:
    """Open every archive and keep every photograph. Yields figures by name."""
    shelf, began, cpu, records, size = Shelf(folder / "photos"), time.monotonic(), time.process_time(), 0, 0
    for path in sorted(folder.glob(f"{kind}-*.zip")):
        size += path.stat().st_size
        with open_records(path) as parcel:
            for record in parcel.records():
                records += 1
                assert record.photo is not None
                data = parcel.photo(record.photo)
                assert data is not None
                shelf.keep(data, record.photo.format)
                if records % PAGE == 0:
                    shelf.settle()
            shelf.settle()
    yield from _figures(records, size, began, cpu)


def chain(folder: Path, kind: str) -> Iterator[tuple[str, object]]:
    """Read the records alone, and check the device's chain over all archives."""
    began, cpu, size, last = time.monotonic(), time.process_time(), 0, 0
    links = []
    for path in sorted(folder.glob(f"{kind}-*.zip")):
        size += path.stat().st_size
        with open_records(path) as parcel:
            links += [link_of(record) for record in parcel.records()]
            last, head = parcel.last, parcel.head
    assert list(breaks(links, last, head)) == []
    yield from _figures(len(links), size, began, cpu)


def _figures(records: int, size: int, began: float, cpu: float) -> Iterator[tuple[str, object]]:
    yield "records", records
    yield "archives_mb", round(size / 1e6)
    yield "seconds", round(time.monotonic() - began, 1)
    yield "cpu_seconds", round(time.process_time() - cpu, 1)
    yield "peak_mb", round(peak_mb())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=1_000)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step, kind, folder = given.step
        print(json.dumps(dict({"read": read, "chain": chain}[step](Path(folder), kind))))
        return
    with tempfile.TemporaryDirectory() as folder:
        for kind, count in (("small", given.count), ("large", given.large)):
            write(Path(folder), kind, count)
            for step in ("read", "chain") if count else ():
                command = [sys.executable, "-m", "benchmarks.proofs", "--step", step, kind, folder]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                print(f"{kind:6} {step:6} " + "  ".join(f"{k} {v:,}" for k, v in json.loads(done.stdout).items()))


if __name__ == "__main__":
    main()
