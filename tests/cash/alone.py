"""What becomes of hostile files in processes with limits: 5 s of CPU and 200 MB of addresses, the interpreter's own
among them. Beyond either a process dies or raises MemoryError, and says no code.

    python -m tests.cash.alone photo|archive FOLDER      one line per file: its name, and the code that refused it
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
CPU, MEMORY = 5, 200 << 20


def judged(kind: str, folder: Path, cases: Mapping[str, Callable[[Path], object]]) -> dict[str, str]:
    """The code that refused each case, or what was taken. A case writes its file; a photo's begins with its format."""
    names = {}
    for n, (case, write) in enumerate(cases.items()):
        path = folder / f"{n:03}"
        write(path)
        names[path.name] = case
    done = subprocess.run(
        [sys.executable, "-m", "tests.cash.alone", kind, folder], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    return {case: told.get(name, f"nothing: {done.stderr}") for name, case in names.items()}


def _photo(path: Path) -> str:
    from gateway_core.cash.photos import PhotoRefused, drawn_again

    said, _, data = path.read_bytes().partition(b"\n")
    try:
        picture = drawn_again(data, said.decode())
    except PhotoRefused as error:
        return error.code
    return f"taken {picture.width} {picture.height}"


def _archive(path: Path) -> str:
    from gateway_core.cash.phone import ParcelRefused, open_records

    try:
        with open_records(path) as parcel:
            return f"taken {len(list(parcel.records()))}"
    except ParcelRefused as error:
        return error.mistakes[0].code


def main(kind: str, folder: Path) -> None:
    """Judge each file in a process of its own."""

    import gateway_core.cash.phone  # noqa: F401

    for path in sorted(folder.iterdir()):
        sys.stdout.flush()
        if (child := os.fork()) == 0:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            print(path.name, {"photo": _photo, "archive": _archive}[kind](path), flush=True)
            os._exit(0)
        if status := os.waitpid(child, 0)[1]:
            print(path.name, "ended by", status)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
