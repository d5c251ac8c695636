"""Exports: what is read from them is what went in; nothing in them runs; a character without a glyph is named."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl  # type: ignore[import-untyped]
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.model.errors import WrongState
from gateway_core.model.formulas import defused, undefused
from gateway_core.printing.table import MONEY, Column
from gateway_core.reconcile.exporting import Table, export

if TYPE_CHECKING:
    from tests.conftest import Shop

NOTO = Path("/usr/share/fonts/truetype/noto")
FONTS = [NOTO / f"{name}-Regular.ttf" for name in ("NotoSans", "NotoSansArabic", "NotoSansEthiopic")]
NAMES = (
    "Amina Nakato", "عائشة بنت محمد الهاشمي", "ጌታቸው ኃይለ ማርያም", "Ngozi Adéṣínà", "مُحَمَّد Ali", "José Ñuñez",
    "Wilhelmina-Alexandra Konstantinopoulou-Oppenheimer van den Hoogenband y Fernandez de la Cruz " * 2,
)  # fmt: skip
COLUMNS = [Column("invoice"), Column("name"), Column("account"), Column("amount", MONEY)]


def made(rows: int, names: tuple[str, ...] = NAMES) -> list[list[str]]:
    chance = random.Random(11)
    return [
        [f"INV-{n:06d}", names[n % len(names)].strip(), f"25670{chance.randrange(10**7):07d}", f"{n * 37 + 1}.05"]
        for n in range(rows)
    ]


def table(rows: list[list[str]], title: str = "November") -> Table:
    return Table(title, COLUMNS, iter(rows), (), 2)


def read_pdf(path: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


@pytest.fixture
def fonts() -> list[Path]:
    if not all(font.exists() for font in FONTS):
        pytest.skip("Debian's fonts-noto-core is not installed")
    return FONTS


@pytest.mark.parametrize("rows", [1, 10_000])
def test_a_csv_and_a_workbook_say_what_went_in(rows: int, tmp_path: Path) -> None:
    lines = made(rows)
    assert export(table(lines), tmp_path / "a.csv") == rows
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1:] == lines
    assert export(table(lines), tmp_path / "a.xlsx") == rows
    book = openpyxl.load_workbook(tmp_path / "a.xlsx", read_only=True)
    page = book.active
    read = [[str(cell) for cell in row[:3]] + [f"{row[3]:.2f}"] for row in page.iter_rows(min_row=2, values_only=True)]
    book.close()
    assert read == lines


@pytest.mark.parametrize("rows", [1, 500, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_pdf_has_every_code_and_amount(rows: int, tmp_path: Path, fonts: list[Path]) -> None:
    lines = made(rows)
    assert export(table(lines), tmp_path / "a.pdf", fonts) == rows
    words = read_pdf(tmp_path / "a.pdf").split()
    for at in (0, 2, 3):
        wanted = [line[at] for line in lines]
        assert [word for word in words if word in set(wanted)] == wanted


def test_without_fonts_western_letters_are_printed(tmp_path: Path) -> None:
    export(table(made(3, ("José Ñuñez",))), tmp_path / "a.pdf")
    assert "José Ñuñez" in read_pdf(tmp_path / "a.pdf")


@pytest.mark.parametrize(
    ("name", "said"), [("ጌታቸው", "U+130C ETHIOPIC SYLLABLE GEE"), ("Ada 🎉", "U+1F389 PARTY POPPER")]
)
def test_a_character_without_a_glyph_is_named_and_nothing_is_written(
    name: str, said: str, tmp_path: Path, fonts: list[Path]
) -> None:
    known = [fonts[0]]
    with pytest.raises(WrongState) as caught:
        export(table([["i", "Ann", "a", "1.00"], ["i", name, "a", "1.00"]]), tmp_path / "a.pdf", known)
    assert all(part in str(caught.value) for part in (said, "row 2", "column name"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.ttf").write_bytes(b"no font")
    with pytest.raises(WrongState, match=r"no\.ttf"):
        export(table(made(1)), tmp_path / "a.pdf", [tmp_path / "no.ttf"])


FORMULAS = (
    "=1+1", "=cmd|' /C calc'!A0", "+HYPERLINK(\"http://x\")", "-2+3+cmd", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1",
    "#REF!",
)  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_in_a_cell_is_defused(text: str, tmp_path: Path) -> None:
    export(table([["i", text, "+256 700 1", "1.00"]]), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))[1]
    assert cells[1] == "'" + text and cells[2] == "+256 700 1"
    export(table([["i", text, "a", "1.00"]]), tmp_path / "a.xlsx")
    page = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert page["B2"].data_type == "s" and page["B2"].value.replace("_x000D_", "").strip() == text.strip()


@given(st.text(max_size=20))
def test_what_is_defused_comes_back_as_it_was(text: str) -> None:
    assert undefused(defused(text)) == text
    assert not defused(text).lstrip().startswith(("=", "@"))


def test_exports_of_a_payroll_are_whole_and_private(shop: Shop, tmp_path: Path) -> None:
    payroll = shop.paid([*shop.invoices(3), shop.invoice(9, "fault-refused")])
    for what, rows in (("list", 4), ("payroll", 4), ("reconciliation", 5)):
        for form in ("csv", "xlsx", "pdf"):
            path = tmp_path / f"{what}.{form}"
            assert shop.paymaster.export(what, path, payroll=payroll) == rows
            assert path.stat().st_mode & 0o077 == 0
    assert shop.paymaster.export("history", tmp_path / "h.csv", beneficiary="ben-0") == 1
    with pytest.raises(WrongState):
        shop.paymaster.export("list", tmp_path / "a.docx", payroll=payroll)


@pytest.mark.deep
def test_memory_stays_flat(tmp_path: Path) -> None:
    """200,000 rows as CSV and XLSX take no more than 40 MB beyond what 1,000 rows take."""
    code = """
import sys
from pathlib import Path
from gateway_core.reconcile.exporting import Table, export
from gateway_core.reconcile.exporting.tables import Column
rows, form = int(sys.argv[1]), sys.argv[2]
table = Table("t", [Column(f"c{n}") for n in range(10)], ([f"{n}-{m}" for m in range(10)] for n in range(rows)))
export(table, Path(sys.argv[3]) / f"x.{form}")
print(next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")))
"""

    def peak(rows: int, form: str) -> int:
        command: list[Any] = [sys.executable, "-c", code, str(rows), form, tmp_path]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    for form in ("csv", "xlsx"):
        assert peak(200_000 if form == "csv" else 50_000, form) - peak(1000, form) < 40 << 10
