"""Fenced blocks of a page, and running them as a reader would: in one shell, one after the other."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

_BLOCK = re.compile(r"^(?:<!-- exits (\d+) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a server's first line needs before the next block may use it.
_UNTIL_IT_LISTENS = "until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.1; done\n"


@attrs.frozen
class Block:
    """`exits`: the code with which its last command ends."""

    language: str
    text: str
    exits: int = 0


def blocks(page: str) -> list[Block]:
    """Every fenced block, in order."""
    return [Block(language, text, int(code or 0)) for code, language, text in _BLOCK.findall(page)]


def after(page: str, marker: str) -> str:
    """The first fenced block after a marker line."""
    _, found, rest = page.partition(f"<!-- {marker} -->\n")
    return blocks(rest)[0].text if found else ""


def free_port() -> int:
    """A port of this machine that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run(page: str, folder: Path, port: str = "8765") -> str:
    """Run all `sh` and `python` blocks of a page in `folder`, on a free port instead of its own. Returns the output."""
    free = str(free_port())
    script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    script += "".join(line for block in blocks(page) for line in _runs(block, free)).replace(port, free)
    bin_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": bin_first, "XDG_STATE_HOME": str(folder / "state"), "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, f"{script}\n--- said\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def _runs(block: Block, port: str) -> Iterator[str]:
    if block.language == "python":
        yield f"python - <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK\n"
    elif block.language == "sh" and block.exits:
        yield f"code=0; ({block.text}) || code=$?\n"
        yield f"test $code -eq {block.exits} || {{ echo exit $code >&2; exit 99; }}\n"
    elif block.language == "sh":
        yield block.text
        if block.text.rstrip().endswith("&"):
            yield _UNTIL_IT_LISTENS.format(port=port)


def missing(page: str, output: str) -> list[str]:
    """Lines of the page's `text` blocks that the output does not have. Spaces do not count, `…` stands for anything."""
    said = [" ".join(line.split()) for line in output.splitlines()]
    wanted = [line for block in blocks(page) if block.language == "text" for line in block.text.splitlines()]
    return [line for line in wanted if not any(_pattern(line).search(have) for have in said)]


def _pattern(line: str) -> re.Pattern[str]:
    parts = (re.escape(" ".join(part.split())) for part in line.split("…"))
    return re.compile(r".*".join(parts))
