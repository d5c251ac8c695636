"""python -m tests.mutants [NAME ...] [--seed S] [--told]: the table of planted bugs, as Markdown."""

from __future__ import annotations

import argparse
import sys
import time

from .hunting import Mutant
from .table import MUTANTS

HEAD = "| planted bug | law | technique | killed after | budget | by |\n|---|---|---|---:|---:|---|"


def main() -> int:
    """0: every bug died within its budget. 1: one survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--told", action="store_true", help="do not hunt; tell what each bug is, and where it was seen")
    options = parser.parse_args()
    bugs = [bug for bug in MUTANTS if not options.names or bug.name in options.names]
    if unknown := set(options.names) - {bug.name for bug in MUTANTS}:
        parser.error(f"there is no such bug: {', '.join(sorted(unknown))}")
    return _told(bugs) if options.told else _hunted(bugs, options.seed)


def _told(bugs: list[Mutant]) -> int:
    for bug in bugs:
        print(f"{_title(bug)}: {' '.join(bug.bug.split())}")
        print(f"    breaks law {bug.breaks}; must die within {bug.hunt.budget} ({bug.hunt.technique})")
        if bug.seen:
            print(f"    seen: {bug.seen}")
    return 0


def _hunted(bugs: list[Mutant], seed: int) -> int:
    began = time.process_time()
    print(HEAD)
    killed = sum([_row(bug, seed) for bug in bugs])
    print(f"\n{killed} of {len(bugs)} killed, in {time.process_time() - began:.0f} s of CPU.")
    print("(masked): run with the layers that make it harmless switched off; its file says why it is harmless.")
    return 0 if killed == len(bugs) else 1


def _row(bug: Mutant, seed: int) -> bool:
    kill = bug.hunted(seed)
    after, by = (str(kill.after), _short(kill.says)) if kill else ("SURVIVED", "")
    cells = (_title(bug), bug.breaks, bug.hunt.technique, after, str(bug.hunt.budget), by)
    print("| " + " | ".join(cells) + " |", flush=True)
    return kill is not None


def _title(bug: Mutant) -> str:
    return bug.name.replace("_", " ") + (" (masked)" if bug.masked_by else "")


def _short(said: str) -> str:
    return said if len(said) <= 100 else said[:97] + "..."


if __name__ == "__main__":
    sys.exit(main())
