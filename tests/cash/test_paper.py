"""Printed lists: what is on them is read back, by a PDF's reader and by a camera's decoder from its picture."""

from __future__ import annotations

import csv
import io
import re
import stat
from pathlib import Path

import pypdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
import zxingcpp
from openpyxl import load_workbook  # type: ignore[import-untyped]
from PIL import Image

from gateway_core.cash.paper import PaperSettings, print_list
from gateway_core.cash.paper.settings import WIDTHS
from gateway_core.cash.pay_list import DRAFT, PayList
from gateway_core.model.errors import WrongState
from gateway_core.printing.fonts import MissingGlyph
from tests.cash.lists import pay_list
from tests.cash.pictures import photo

NOTO = Path("/usr/share/fonts/truetype/noto")
FONTS = tuple(NOTO / f"NotoSans{script}-Regular.ttf" for script in ("", "Arabic", "Ethiopic"))
needs_fonts = pytest.mark.skipif(not all(map(Path.exists, FONTS)), reason="the fonts of Noto are not installed")
NAMES = (
    "محمد عبد الله الأنصاري",
    "አበበ ቢቂላ ወልደ ማርያም",
    "Wolfeschlegelsteinhausenbergerdorff Hubert Blaine Adolph Charles David Earl Frederick Gerald Irvin John Kenneth",
)


def printed(tmp_path: Path, listed: PayList, settings: PaperSettings | None = None) -> list[str]:
    """The text of each page."""
    path = tmp_path / "list.pdf"
    count = print_list(listed, path, settings)
    pages = [page.extract_text() for page in pypdf.PdfReader(path).pages]
    assert len(pages) == count
    return pages


def pictures(path: Path) -> list[Image.Image]:
    """Each page as a printer would draw it, at 150 dots an inch."""
    document = pypdfium2.PdfDocument(path)
    try:
        return [page.render(scale=150 / 72).to_pil() for page in document]
    finally:
        document.close()


@pytest.mark.parametrize("count", [1, 9, 10, 11, 25])
def test_every_line_and_every_sum_is_on_paper(count: int, tmp_path: Path) -> None:
    listed = pay_list(count)
    pages = printed(tmp_path, listed)
    text = "\n".join(pages)
    for line in listed.lines:
        assert f"{line.name}\n" in text and text.count(f"{line.invoice}\n") == 1
    sums = [re.search(r"This page: (\d+) lines?, ([\d.]+) KES", page) for page in pages]
    assert all(sums)
    assert sum(int(found[1]) for found in sums if found) == count
    cents = [int(found[2].replace(".", "")) for found in sums if found]
    assert sum(cents) == listed.sums.total
    so_far = [int(re.search(r"So far: ([\d.]+) KES", page)[1].replace(".", "")) for page in pages]  # type: ignore[index]
    assert so_far == [sum(cents[: n + 1]) for n in range(len(pages))]
    for n, page in enumerate(pages, 1):
        assert f"Page {n} of {len(pages)}" in page and listed.sums.short in page and listed.id in page
        assert "Isiolo, chief's office" in page and "Signature or thumbprint" in page
    assert "Counted by" in pages[-1] and not any("Counted by" in page for page in pages[:-1])


def test_a_camera_reads_every_code(tmp_path: Path) -> None:
    listed = pay_list(21)
    print_list(listed, tmp_path / "list.pdf")
    read = [code.text for picture in pictures(tmp_path / "list.pdf") for code in zxingcpp.read_barcodes(picture)]
    assert sorted(read) == sorted(line.code for line in listed.lines)


def test_codes_are_read_across_a_draft_too(tmp_path: Path) -> None:
    listed = pay_list(10, status=DRAFT, id="PL-0123456789ABCDEF")
    print_list(listed, tmp_path / "list.pdf")
    read = [code.text for picture in pictures(tmp_path / "list.pdf") for code in zxingcpp.read_barcodes(picture)]
    assert sorted(read) == sorted(line.code for line in listed.lines)


def test_a_preview_says_draft_on_every_page_and_an_issued_list_nowhere(tmp_path: Path) -> None:
    assert all(page.count("DRAFT") == 2 for page in printed(tmp_path, pay_list(25, status=DRAFT)))
    assert not any("DRAFT" in page for page in printed(tmp_path, pay_list(25)))
    # Grey, from corner to corner.
    print_list(pay_list(1, status=DRAFT), tmp_path / "draft.pdf")
    page = pictures(tmp_path / "draft.pdf")[0].convert("L")
    grey = page.point(lambda value: 255 if 215 < value < 235 else 0).getbbox()
    assert grey is not None and grey[2] - grey[0] > page.width * 0.4 and grey[3] - grey[1] > page.height * 0.3


def test_only_a_live_list_says_nothing_of_a_test(tmp_path: Path) -> None:
    assert "TEST" in printed(tmp_path, pay_list(1))[0]
    assert "TEST" not in printed(tmp_path, pay_list(1, environment="live"))[0]


@needs_fonts
def test_names_of_every_script_are_whole(tmp_path: Path) -> None:
    text = printed(tmp_path, pay_list(names=NAMES), PaperSettings(fonts=FONTS))[0]
    assert all(word in text for word in NAMES[2].split())
    assert all(word in text for word in NAMES[1].split())


def test_a_character_that_no_font_has_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MissingGlyph, match="stands in line 1, person"):
        print_list(pay_list(names=NAMES), tmp_path / "list.pdf")
    assert not list(tmp_path.iterdir())


def test_a_tall_line_takes_more_room_and_nothing_is_cut(tmp_path: Path) -> None:
    words = " ".join(f"word{n}" for n in range(150))
    listed = pay_list(names=(words,) * 4)
    text = "\n".join(printed(tmp_path, listed))
    assert all(text.count(word) == 4 for word in ("word77", "word149"))


def test_a_line_that_is_taller_than_a_page_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WrongState, match="line 1 does not fit on a page"):
        print_list(pay_list(names=(" ".join(["word"] * 3_000),)), tmp_path / "list.pdf")


def test_logo_columns_and_words_are_settings(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(photo(120, 60, "PNG"))
    settings = PaperSettings(
        logo=tmp_path / "logo.png",
        columns=("number", "person", "beneficiary", "amount", "signature", "recipient"),
        words={"title": "Liste de paie", "signature": "Signature ou empreinte", "page": "Feuille"},
    )
    text = printed(tmp_path, pay_list(), settings)[0]
    assert "Liste de paie 1" in text and "Signature ou empreinte" in text and "Feuille 1" in text
    assert "Taken by (if another)" in text and "Photo" not in text
    assert not zxingcpp.read_barcodes(pictures(tmp_path / "list.pdf")[0])


@pytest.mark.parametrize("columns", [(), ("person", "person"), ("nonsense",), tuple(WIDTHS)])
def test_columns_that_cannot_be_are_refused(columns: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="columns"):
        PaperSettings(columns=columns)


def test_a_logo_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"no picture")
    with pytest.raises(WrongState, match="cannot be drawn"):
        print_list(pay_list(), tmp_path / "list.pdf", PaperSettings(logo=tmp_path / "logo.png"))


EVIL = ("=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "Otieno")


def test_csv_is_defused(tmp_path: Path) -> None:
    print_list(pay_list(names=EVIL, status=DRAFT), tmp_path / "list.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "list.csv").read_text("utf-8-sig"))))
    assert [row["name"] for row in rows] == [*(f"'{name}" for name in EVIL[:4]), "Otieno"]
    assert rows[0]["amount"] == "1500.01" and {row["status"] for row in rows} == {DRAFT}
    assert rows[1]["may_be_taken_by"] == "Otieno Relative (son)" and rows[0]["paid"] == ""


def test_xlsx_has_text_as_text(tmp_path: Path) -> None:
    print_list(pay_list(names=EVIL), tmp_path / "list.xlsx")
    sheet = load_workbook(tmp_path / "list.xlsx").worksheets[0]
    rows = list(sheet.iter_rows(min_row=2))
    assert [(row[4].value, row[4].data_type) for row in rows] == [(name, "s") for name in EVIL]
    assert rows[0][7].value == 1500.01


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    for form in ("pdf", "xlsx", "csv"):
        print_list(pay_list(), tmp_path / f"list.{form}")
        assert stat.S_IMODE((tmp_path / f"list.{form}").stat().st_mode) == 0o600
    with pytest.raises(WrongState, match="no suffix"):
        print_list(pay_list(), tmp_path / "list.docx")
