"""Cells that a spreadsheet would run: recognised where files come in, defused where they go out."""

from __future__ import annotations

import re

# "+256 700 123456" and "-5" are no formulas: a sign with only digits, spaces and punctuation after it.
_SIGNED_TEXT = r"[+\-＋－](?![\d\s().,-]*\Z)"
_ERROR = r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)"
FORMULA = rf"\A[\t\r\n]|\A\s*(?:[=@＝＠]|{_SIGNED_TEXT}|{_ERROR})"
_RUNS = re.compile(FORMULA)
# Spreadsheets take a cell that begins with it as text. Ours are marked so, and such a mark is taken off again.
MARK = "'"


def defused(text: str) -> str:
    """The text as a cell of a CSV file: what a spreadsheet would run is marked as text."""
    return MARK + text if _RUNS.search(text.removeprefix(MARK)) else text


def undefused(text: str) -> str:
    """What was meant by a cell that came back."""
    return text[1:] if text.startswith(MARK) and _RUNS.search(text[1:]) else text
