"""Whatever the engine holds a payment or a file for stands in the pages for those who decide about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from gateway_core.engine import attempts, work
from gateway_core.engine.batch import desk, handing, lines
from gateway_core.store import senders

from .imports import CORE, ROOT

PAGES = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("runbook.md", "batches.md"))
NAMED = (
    attempts.LOST, attempts.UNSAID, work.ELSEWHERE, work.LOST_LOOKUP, work.HINTED, senders.FROZEN, lines.ALONE,
    desk.UNHEARD, handing.OTHERWISE, handing.ANSWERED, handing.SPOKEN_OF,
)  # fmt: skip


def decided() -> Iterator[str]:
    """The reasons in `decide`, each f-string with {} where a value stands."""
    tree = ast.parse((CORE / "engine" / "decide.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Move" and "HOLD" in ast.unparse(node.args[0]):
            (why,) = [keyword.value for keyword in node.keywords if keyword.arg == "why"]
            if isinstance(why, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in why.values)
            else:
                yield ast.literal_eval(why)


@pytest.mark.parametrize("reason", sorted({*decided(), *NAMED}), ids=lambda reason: reason[:40])
def test_a_page_says_what_to_do_about_it(reason: str) -> None:
    telling = max(re.split(r"{}|; |: ", reason), key=len).strip(" ,")
    assert telling in PAGES, f"no page says what to do about: {reason}"


def test_the_reasons_are_found() -> None:
    assert "the rail gave two answers that contradict each other" in set(decided())
