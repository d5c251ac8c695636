"""The reference part of `docs/configuration.md`, written from the tables: `python -m gateway_core.channels.manual`.

It prints the page with that part renewed; a test compares the page with it, so that it cannot lag behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from .settings import CHANNEL, COMMON, NARROWED, TOP, Setting

BEGIN, END = "<!-- settings: written from the tables -->\n", "<!-- end of settings -->\n"

PARTS: tuple[tuple[str, str, tuple[Setting, ...]], ...] = (
    ("Top of the file", "", TOP),
    ("A channel", "Keys of a table `[channels.NAME]`. Every gateway has the first three besides its own.",
     (*COMMON, *CHANNEL)),
    ("Narrowing what the gateway declares", "Keys of a channel, too. They make the core more careful than the "
     "gateway asks for, or a test quicker.", NARROWED),
)  # fmt: skip


def reference() -> str:
    """A heading per setting: meaning, default, example, mend."""
    return "\n".join(line for title, about, rows in PARTS for line in _part(title, about, rows))


def renewed(page: str) -> str:
    """The page with its reference part written anew."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + reference() + "\n" + END + rest.partition(END)[2]


def _part(title: str, about: str, rows: Iterable[Setting]) -> Iterable[str]:
    yield from (f"## {title}", "")
    if about:
        yield from (about, "")
    for row in rows:
        yield from (f"### `{row.key}`", "", row.meaning, "")
        yield "- Default: " + ("none, it is required" if row.required else row.default)
        yield "- Example: " + _example(row)
        yield from (f"- When it is refused: {row.mend}.", "")


def _example(row: Setting) -> str:
    if row.example.startswith("\n"):
        return "\n\n  ```toml" + row.example.replace("\n", "\n  ") + "\n  ```\n"
    return f"`{row.key} = {row.example}`"


if __name__ == "__main__":
    sys.stdout.write(renewed(Path("docs/configuration.md").read_text()))
