"""The documentation is true: what is written from code is current, the tutorial runs, nothing public is left out."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_core.cli.errors import EXITS
from gateway_core.engine.batch.answers import UNKNOWN_LINE, UNREADABLE
from gateway_core.model import drawing
from gateway_core.model.document import ALTERED
from gateway_core.model.roles import ACTIONS
from gateway_core.model.states import DOCUMENT, PAYMENT, PAYROLL
from gateway_core.reconcile.report import KINDS
from gateway_core.reconcile.staging import LATE_LINE
from gateway_core.store.closed import SAYS
from tests.meta import pages
from tests.meta.blocks import blocks, missing, run
from tests.meta.imports import CORE, ROOT, sources

DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


WRITTEN = [key for key in pages.WRITTEN if key[0] != "licences.md"]


@pytest.mark.parametrize(("file", "name"), WRITTEN, ids=lambda part: str(part))
def test_what_is_written_from_the_code_is_current(file: str, name: str) -> None:
    now = page(file)
    assert pages.renewed(now, name, pages.WRITTEN[file, name]()) == now, "renew it: python -m tests.meta.pages"


def test_every_command_has_a_heading() -> None:
    headings = set(re.findall(r"^### `gateway (.+)`$", page("cli.md"), re.MULTILINE))
    assert headings == set(pages.commands())


def test_the_exit_codes_are_those_of_the_program() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d) \|", page("cli.md"), re.MULTILINE)}
    assert codes == {0, 3, 4} | {code for _, code in EXITS}


def test_commands_that_pages_show_exist() -> None:
    known = set(pages.commands()) | {"COMMAND"}
    shown = "\n".join(path.read_text(encoding="utf-8") for path in [*DOCS.glob("*.md"), ROOT / "README.md"])
    used = set(re.findall(r"(?:^|`|&& |bin/)gateway ([a-z][a-z-]+)", shown, re.MULTILINE))
    assert used <= known, f"no such command: {used - known}"


def test_every_public_method_of_the_paymaster_has_a_heading() -> None:
    headings = set(re.findall(r"^### `(\w+)`$", page("python.md"), re.MULTILINE))
    assert headings == set(pages.methods())


def test_every_dependency_is_listed_with_its_licence() -> None:
    listed = dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+) \|", page("licences.md"), re.MULTILINE))
    assert set(pages.dependencies()) <= set(listed), "renew it: python -m tests.meta.pages"
    assert all("see its own files" not in licence for licence in listed.values())


@pytest.mark.parametrize(
    ("table", "first", "drawn"),
    [
        (PAYMENT, "planned", drawing.payment()),
        (PAYROLL, "draft", drawing.payroll()),
        (DOCUMENT, "planned", drawing.document()),
    ],
)
def test_a_diagram_has_every_edge_of_its_table(table: dict[str, frozenset[str]], first: str, drawn: str) -> None:
    edges = {tuple(line.split(" --> ")) for line in map(str.strip, drawn.splitlines()) if " --> " in line}
    wanted = {(state, other) for state, others in table.items() for other in others}
    assert edges == wanted | {("[*]", first)} | {(state, "[*]") for state, others in table.items() if not others}
    for state in table:
        assert re.search(rf"^\|.*\b{state.replace('_', ' ')}\b.*\|", page("states.md"), re.MULTILINE), state


def test_the_tutorial_runs_and_says_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    said = run(page("tutorial.md"), tmp_path)
    assert missing(page("tutorial.md"), said) == [], said


@pytest.mark.deep
def test_the_page_about_reconciling_runs_and_says_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    said = run(page("reconciling.md"), tmp_path)
    assert missing(page("reconciling.md"), said) == [], said


@pytest.mark.deep
def test_the_eight_steps_run_and_say_what_they_show(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    said = run(page("eight-steps.md"), tmp_path)
    assert missing(page("eight-steps.md"), said) == [], said


def test_every_action_of_a_role_is_on_the_page_about_approving() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", page("approving.md"), re.MULTILINE))
    assert rows == ACTIONS


@pytest.mark.deep
def test_the_page_about_programmes_runs_and_says_what_it_shows(tmp_path: Path) -> None:
    said = run(page("programmes.md"), tmp_path)
    assert missing(page("programmes.md"), said) == [], said


def test_every_kind_of_difference_is_on_the_page_about_reconciling() -> None:
    rows = re.findall(r"^\| ([a-z_, ]+) \|", page("reconciling.md"), re.MULTILINE)
    assert set(KINDS) <= {kind for row in rows for kind in row.split(", ")}


def test_the_python_page_runs() -> None:
    code = "\n".join(block.text for block in blocks(page("python.md")) if block.language == "python")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_reason_for_a_hold_is_in_the_runbook() -> None:
    rows = " ".join(page("runbook.md").split())
    tree = ast.parse((CORE / "engine" / "decide.py").read_text(encoding="utf-8"))
    reasons = [
        word.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == "why"
    ]
    assert len(reasons) >= 8
    for reason in reasons:
        parts = [str(part.value) for part in ast.walk(reason) if isinstance(part, ast.Constant)]
        assert all(part.strip(": ") in rows for part in parts), parts


def test_every_kind_of_case_is_in_the_runbook() -> None:
    text = (CORE / "model" / "life.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r'cases\.append\(\("(\w+)"', text)) | {ALTERED, UNREADABLE, UNKNOWN_LINE, LATE_LINE}
    kinds |= {f"late_{said}" for said in (*SAYS.values(), "word")}
    rows = re.findall(r"^\| ([\w, ]+) \|", page("runbook.md"), re.MULTILINE)
    assert kinds <= {kind for row in rows for kind in row.split(", ")}


@pytest.mark.parametrize("law", range(1, 13))
def test_every_law_is_explained_and_has_tests_that_bear_its_number(law: int) -> None:
    assert re.search(rf"^## Law {law}: ", page("laws.md"), re.MULTILINE)
    name = re.compile(rf"^ *def test_law_{law}_", re.MULTILINE)
    places = [*sources(ROOT / "tests"), *sources(ROOT / "plugins")]
    assert any(name.search(file.read_text(encoding="utf-8")) for file in places), (
        f"no test bears the number of law {law}"
    )


def test_every_page_is_in_the_index() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", page("index.md")))
    assert {path.name for path in DOCS.glob("*.md")} - {"index.md"} <= listed


def test_a_module_that_is_public_says_what_it_is() -> None:
    for file in sources(CORE):
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), f"{file} has no docstring"
