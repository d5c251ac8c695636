"""Tapes on file: a schedule that once broke a law, shrunk, with its story as the first line.

    # law 2: attempt 2 began while attempt 1 may still be alive: a refused copy was believed in doubt
    {"shape": null, "law": "2", "deviations": [["pay acc2", 1, "pending, then paid"], ...]}

A deviation names its choice by label and number, so that a tape still says the same in a world that asks more.
"""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from .chance import Deviation, Tape
from .shape import Shape

# Which coroutine goes first: its count changes with every change of the engine, and so it may come to nothing.
SHUFFLE = "goes first"


@attrs.frozen
class Saved:
    """`shape` None: the world is drawn by the tape itself. `law`: the one that was broken."""

    story: str
    shape: Shape | None
    law: str
    deviations: tuple[Deviation, ...]

    def tape(self) -> Tape:
        """To run it again."""
        return Tape(script=self.deviations)


def write(path: Path, saved: Saved) -> None:
    """One file per tape."""
    body = {
        "shape": attrs.asdict(saved.shape) if saved.shape else None, "law": saved.law,
        "deviations": [attrs.astuple(deviation) for deviation in saved.deviations],
    }  # fmt: skip
    story = " ".join(saved.story.split())
    path.write_text(f"# {story}\n{json.dumps(body, indent=1)}\n", encoding="utf-8")


def read(path: Path) -> Saved:
    """Raises ValueError for a file that is no tape."""
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    if not first.startswith("# "):
        raise ValueError(f"{path}: the first line of a tape is its story: # ...")
    body = json.loads(rest)
    deviations = tuple(Deviation(*one) for one in body["deviations"])
    return Saved(first[2:], Shape(**body["shape"]) if body["shape"] else None, body["law"], deviations)


def stale(tape: Tape) -> list[Deviation]:
    """What a tape said that the world no longer asks: the tape tells another story now."""
    return [deviation for deviation in tape.unmet if deviation.label != SHUFFLE]
