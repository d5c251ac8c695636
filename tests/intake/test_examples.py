"""The examples are what their README says, and their script writes them again."""

from __future__ import annotations

import runpy
from pathlib import Path

from gateway_core.model.money import Money

from .conftest import Take

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_thousand_invoices_without_a_mistake(take: Take) -> None:
    taken = take(EXAMPLES / "payroll-1000.csv", control_total="147695000", control_count=1000)
    assert (taken.mistakes, taken.warnings, len(taken.objections)) == ([], [], 0)
    assert len({i.account for page in taken.pages(100) for _, i in page}) == 1000
    assert f"{taken.total.minor:,} {taken.currency}" in (EXAMPLES / "README.md").read_text() if taken.total else False


def test_the_faulty_file_says_of_each_line_what_its_note_says(take: Take) -> None:
    taken = take(EXAMPLES / "payroll-faulty.csv", channels={"dummy": Money(1_000_000, "UGX")})
    notes = _notes()
    limits = ("above_limit", "limit_currency")
    said = {m.line: m.code for m in taken.mistakes if m.line > 1 and m.code not in limits}
    said |= {m.line: m.code for m in taken.mistakes if m.code == "above_limit" and m.line not in said}
    said |= {m.line: m.code for m in taken.warnings if m.line > 1}
    said |= {line: "objection" for line, _ in taken.objections if line > 2}
    assert {line: said.get(line, "ok") for line in notes if line > 1} == {k: v for k, v in notes.items() if k > 1}
    assert {m.code for m in taken.mistakes if m.line == 1} == {"misspelt_column"}
    assert len(set(said.values())) >= 25


def test_the_script_writes_the_same_bytes(tmp_path: Path) -> None:
    runpy.run_path(str(EXAMPLES / "make_examples.py"))["main"](tmp_path)
    for name in ("payroll-1000.csv", "payroll-faulty.csv"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def _notes() -> dict[int, str]:
    """line -> the code at the start of the note, of the script's own tables."""
    script = runpy.run_path(str(EXAMPLES / "make_examples.py"))
    notes, line = {}, 2
    for note, _ in script["FAULTS"]:
        notes[line] = note.split(":")[0]
        line += 1 + note.count("\n")
    for number, code in enumerate(("too_few_cells", "too_many_cells", "bad_quotes", "open_quote")):
        notes[line + number] = code
    return notes
