"""Files of banks, in CPU seconds and memory: `python -m benchmarks.bank [LINES] [--schemas DIR]`.

Each row runs in a process of its own, three times; the medians are printed. Writing is what lies between an approved
payroll and bytes that are kept: payments read from the store, `prepare_batch` as the core calls it, each line read back
and compared. Handing over is the whole run: claims, files, intents, the put, every line told. Reading is an answer of
the bank's, checked and applied to a store.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from gateway_bank_transfer.simulator import answers
from gateway_bank_transfer.simulator.answers import Booking

from gateway_core.contract import Account, BatchCtx, Document, Money
from gateway_core.contract.batch_channel import LARGEST
from gateway_core.engine.batch.portion import Attempts, Portion
from gateway_core.model.payment import Invoice
from gateway_core.paymaster import Paymaster
from gateway_core.store import files, payments

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
PER_FILE = 10_000
PAGE = 100
Row: TypeAlias = Callable[[int, Path, str], None]
PROFILE = """
name = "A bank to measure with"
[file]
prefix = "GC"
lines = {per_file}
[payment]
currencies = ["UGX"]
[accounts]
kinds = ["bank_account"]
bank = "clearing"
[answers]
formats = ["pain.002", "camt.053"]
"""


def settings(folder: Path, schemas: str, per_file: int = PER_FILE) -> dict[str, Any]:
    """Of the channel."""
    (folder / "bank.toml").write_text(PROFILE.format(per_file=per_file))
    for name in ("out", "in"):
        (folder / name).mkdir(exist_ok=True)
    return {
        "profile": str(folder / "bank.toml"), "institution_account": "040147:0055667788", "debtor_name": "Ministry",
        "outbox": str(folder / "out"), "inbox": str(folder / "in"), "schemas": schemas, "quiet": 0.0,
    }  # fmt: skip


def write(lines: int, folder: Path, schemas: str, per_file: int = PER_FILE) -> None:
    """All files of a payroll, each to its end."""
    with Paymaster.open(configuration(folder, schemas, per_file)) as paymaster:
        store, channel = paymaster._store, paymaster.configuration.channel("bank")
        assert channel.batch is not None
        payroll, written = paymaster.status()[0].id, 0
        stored = (row for page in payments.pages(store.read, payroll, PAGE) for row in page)
        for number in itertools.count(1):
            with closing(Portion()) as portion:
                while page := list(itertools.islice(stored, min(PAGE, per_file - len(portion)))):
                    portion.add((payments.as_payment(row), row.attempt, 0) for row in page)
                if not portion:
                    break
                ctx = BatchCtx("bench", payroll, "bank", number, NOW, Attempts(portion))
                for made in portion.made(channel.batch, ctx):
                    assert isinstance(made, Document)
                    files.keep(store, made.content)  # type: ignore[arg-type]
                    written += portion.sums(portion.file)[0]
        assert written == lines, written


def proposed(lines: int, folder: Path, schemas: str, per_file: int = PER_FILE) -> None:
    """A store with an approved payroll."""
    with Paymaster.open(configuration(folder, schemas, per_file), create=True) as paymaster:
        payroll = paymaster.propose("large", invoices(lines), channel="bank", by="amina")
        paymaster.approve(payroll, by="joseph")


def handed_over(lines: int, folder: Path, schemas: str, per_file: int = PER_FILE) -> None:
    """The payroll goes to the bank."""
    with Paymaster.open(configuration(folder, schemas, per_file)) as paymaster:
        paymaster.run(wait=0.0)
        assert sum(document.lines for document in paymaster.documents()) == lines


def invoices(count: int) -> Iterator[Invoice]:
    """A payroll's."""
    for n in range(count):
        yield Invoice(
            id=f"inv-{n}", beneficiary=f"ben-{n}", name=f"Amina Nakató {n}", amount=Money(50_000 + n, "UGX"),
            account=Account("bank_account", f"040147/001:{n:010d}"), programme="grant", cycle="2026-11",
        )  # fmt: skip


def answered(folder: Path) -> None:
    """The bank's two answers, in which everything was booked."""
    booked = [key for path in sorted((folder / "out").iterdir()) for key in _keys(path)]
    single = [Booking(f"B-{key}", minor, "UGX", [(key, minor)]) for key, minor in booked]
    batch = [Booking("B-1", sum(minor for _, minor in booked), "UGX", booked)]
    for name, bookings in (("entries", single), ("batch", batch)):
        text = answers.statement("camt.053", 1, "0055667788", "UGX", 10**14, bookings, NOW)
        (folder / f"{name}.xml").write_text("".join(text))


_LINE = re.compile(r'<EndToEndId>(\w+)</EndToEndId>.*?<InstdAmt Ccy="UGX">([0-9]+)<')


def _keys(path: Path) -> Iterator[tuple[str, int]]:
    with path.open() as file:
        for line in file:
            if found := _LINE.search(line):
                yield found[1], int(found[2])


def configuration(folder: Path, schemas: str, per_file: int = PER_FILE) -> Mapping[str, Any]:
    """A store in the folder."""
    return {
        "deployment": "bench", "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
        "mark_dir": str(folder / "marks"),
        "channels": {"bank": {"gateway": "bank_transfer", "sandbox": True, **settings(folder, schemas, per_file)}},
    }  # fmt: skip


def brought(name: str, folder: Path) -> None:
    """One of the answers comes by hand; it is looked through."""
    with Paymaster.open(configuration(folder, "")) as paymaster:
        paymaster.import_statement("bank", folder / f"{name}.xml", by="amina")


def read(lines: int, folder: Path) -> None:
    """The answer, read whole and checked, and applied."""
    with Paymaster.open(configuration(folder, "")) as paymaster:
        (view,) = paymaster.answers()
        view = paymaster.confirm_statement(view.id, by="joseph", reason="to measure it")
        assert view.applied == lines, view


def whole(row: Row) -> Row:
    """The same, in files as long as there may be."""
    return lambda lines, folder, schemas: row(lines, folder, schemas, min(lines, LARGEST))  # type: ignore[call-arg]


ROWS: Mapping[str, Row] = {
    "propose for files of 10,000": proposed,
    "propose for one file": whole(proposed),
    "write files of 10,000": write,
    "write one file": whole(write),
    "hand over files of 10,000": handed_over,
    "hand over one file": whole(handed_over),
    "read entries": lambda lines, folder, schemas: read(lines, folder),
    "read one batch": lambda lines, folder, schemas: read(lines, folder),
    "answer": lambda lines, folder, schemas: answered(folder),
    "bring entries": lambda lines, folder, schemas: brought("entries", folder),
    "bring one batch": lambda lines, folder, schemas: brought("batch", folder),
}


def measured(row: str, lines: int, folder: Path, schemas: str) -> dict[str, float]:
    """In a process of its own."""
    call = [
        sys.executable,
        "-m",
        "benchmarks.bank",
        str(lines),
        "--schemas",
        schemas,
        "--row",
        row,
        "--in",
        str(folder),
    ]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout))


def one(row: str, lines: int, folder: Path, schemas: str) -> None:
    """Print CPU seconds, the peak of memory in MB, and what of it was there before."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.process_time()
    ROWS[row](lines, folder, schemas)
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "cpu": time.process_time() - began, "mb": after.ru_maxrss / 1024, "before": before.ru_maxrss / 1024,
    }))  # fmt: skip


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lines", type=int, nargs="?", default=100_000)
    parser.add_argument("--schemas", default="")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--row", choices=ROWS)
    parser.add_argument("--in", dest="folder", type=Path)
    given = parser.parse_args()
    if given.row:
        one(given.row, given.lines, given.folder, given.schemas)
        return
    print(f"{given.lines} lines{'' if given.schemas else ', without schemas'}\n{'':28}{'CPU s':>8}{'peak MB':>9}")
    for step in ("write", "hand over"):
        for size in ("files of 10,000", "one file"):
            _row(f"{step} {size}", given, [f"propose for {size}"])
    handed = ["propose for files of 10,000", "hand over files of 10,000", "answer"]
    for row in ("entries", "one batch"):
        _row(f"read {row}", given, [*handed, f"bring {row}"])


def _row(row: str, given: argparse.Namespace, before: Sequence[str]) -> None:
    found = []
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as name:
            for step in before:
                measured(step, given.lines, Path(name), given.schemas)
            found.append(measured(row, given.lines, Path(name), given.schemas))
    cpu, peak = (statistics.median(one[what] for one in found) for what in ("cpu", "mb"))
    print(f"{row:28}{cpu:8.1f}{peak:9.0f}", flush=True)


if __name__ == "__main__":
    main()
