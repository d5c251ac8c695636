"""The page for authors of phones is true: its code runs, its tables and numbers are the code's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from gateway_core.cash.flags import CODES
from gateway_core.cash.pay_list import code_of
from gateway_core.cash.phone.limits import PARCEL, RECORDS
from gateway_core.cash.photos.limits import HEAVY_PIXELS, LARGEST, PIXELS
from gateway_core.cash.record_json import FIELDS, TEXT
from tests.meta.blocks import blocks

PAGE = (Path(__file__).parents[2] / "docs" / "cash-phone.md").read_text(encoding="utf-8")


def test_the_code_runs(tmp_path: Path) -> None:
    code = "\n".join(block.text for block in blocks(PAGE) if block.language == "python")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "phone-1 2 records, signed by" in done.stdout


def test_every_field_is_in_the_table() -> None:
    table = PAGE[PAGE.index("## A record\n") : PAGE.index("## The archive of records")]
    named = {
        name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(FIELDS)


def test_every_flag_is_in_the_table() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", PAGE[PAGE.index("## Flags") :], re.MULTILINE)) == CODES


def test_the_line_that_is_shown_is_one() -> None:
    line = json.loads(next(block.text for block in blocks(PAGE) if block.language == "json"))
    assert line["code"] == code_of("L-7F3A", line["number"], line["payment"], line["amount"])


def test_limits_are_the_programs() -> None:
    assert f"at most {LARGEST >> 20} MB and {PIXELS // 10**6} megapixels ({HEAVY_PIXELS / 10**6} for" in PAGE
    assert f"{RECORDS:,}" in PAGE and f"1 to {TEXT} characters" in PAGE and f"at most {PARCEL.archive >> 30} GB" in PAGE
