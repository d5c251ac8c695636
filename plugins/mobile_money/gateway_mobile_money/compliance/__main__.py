"""python -m gateway_mobile_money.compliance DIR: a line per case; ends with 1 if one fails, with 2 if there is none."""

from __future__ import annotations

import sys
from pathlib import Path

SUFFIXES = (".yml", ".yaml")


def main(arguments: list[str]) -> int:
    """The command."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m gateway_mobile_money.compliance DIR\n")
        return 2
    try:
        from .playing import Played, play
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error.name} is missing: pip install 'gateway-core[mobile]'\n")
        return 2
    folder = Path(arguments[0])
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    played: list[Played] = []
    for file in files:
        played.append(play(file))
        sys.stdout.write(f"{played[-1].line(file.relative_to(folder))}\n")
    failed = sum(bool(one.faults) for one in played)
    sys.stdout.write(f"{len(played)} cases, {len(played) - failed} passed, {failed} failed\n")
    return (1 if failed else 0) if played else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
