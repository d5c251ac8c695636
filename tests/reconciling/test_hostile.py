"""Files that mean harm, or are only broken: each is refused with a clear error, within 5 s of CPU and 200 MB."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest

CPU, MEMORY = 5, 200 << 20
# What a reader is given, in a process of its own that cannot take more than its limits.
READ = f"""
import json, resource, sys
from pathlib import Path
from gateway_core.lifecycle.intake.findings import Findings
from gateway_core.reconcile.lines import said_in
from gateway_core.reconcile.mapping import LIST, read_mapping
base = resource.getrusage(resource.RUSAGE_SELF)
resource.setrlimit(resource.RLIMIT_CPU, (int(base.ru_utime + base.ru_stime) + {CPU} + 1,) * 2)
mapping = read_mapping(json.loads(sys.argv[2])) if len(sys.argv) > 2 else LIST
problems = Findings(1000)
lines = sum(1 for _ in said_in(Path(sys.argv[1]), mapping, "UGX", problems))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{
    "lines": lines, "problems": [[m.line, m.code, m.reason] for m in problems.listed()],
    "cpu": used.ru_utime + used.ru_stime - base.ru_utime - base.ru_stime,
    # Not ru_maxrss, which a process has from the one that started it.
    "memory": next(int(l.split()[1]) << 10 for l in open("/proc/self/status") if l.startswith("VmHWM")),
}}))
"""
HEADER = "payment,invoice,paid,receipt,paid_amount,paid_on,reason\n"
BOOK = (
    '<?xml version="1.0"?><workbook xmlns="{m}" xmlns:r="{r}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets>'
    "</workbook>"
)
M = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="x" Target="worksheets/sheet1.xml"/></Relationships>'
)


Content = str | bytes | int


def workbook(sheet: Content, **parts: Content) -> bytes:
    """A minimal workbook with this worksheet, and more parts: name__ext stands for name.ext, / for __in__.

    A number stands for so many MB of spaces.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", BOOK.format(m=M, r=R))
        archive.writestr("xl/_rels/workbook.xml.rels", RELS)
        for name, content in {"xl__in__worksheets__in__sheet1__xml": sheet, **parts}.items():
            with archive.open(name.replace("__in__", "/").replace("__", "."), "w", force_zip64=True) as part:
                for _ in range(content if isinstance(content, int) else 0):
                    part.write(b" " * (1 << 20))
                part.write(
                    content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else b""
                )
    return out.getvalue()


def sheet(rows: str) -> str:
    return f'<?xml version="1.0"?><worksheet xmlns="{M}"><sheetData>{rows}</sheetData></worksheet>'


def inline(text: str) -> str:
    return f'<c t="inlineStr"><is><t>{text}</t></is></c>'


GOOD = sheet('<row r="1">' + "".join(map(inline, HEADER.strip().split(","))) + "</row>")


def bomb() -> bytes:
    return workbook(300)


def two_gigabytes() -> bytes:
    """Many parts that unpack to far more together."""
    return workbook(GOOD, **{f"xl__in__p{n}__xml": 90 for n in range(12)})


def many_parts() -> bytes:
    return workbook(GOOD, **{f"x{n}": b"" for n in range(3000)})


def huge_directory() -> bytes:
    """A directory that says that it is 2 GB: whoever reads archives reads that first."""
    data = bytearray(workbook(GOOD))
    at = data.rfind(b"PK\x05\x06")
    struct.pack_into("<I", data, at + 12, 2_000_000_000)
    return bytes(data)


def entities() -> bytes:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return workbook(f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]><worksheet>&l9;</worksheet>')


def outside_entity() -> bytes:
    return workbook(
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet>&e;</worksheet>'
    )


def climbing() -> bytes:
    out = io.BytesIO(workbook(GOOD))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("../../evil.py", "x")
    return out.getvalue()


def absolute() -> bytes:
    out = io.BytesIO(workbook(GOOD))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("/etc/cron.d/evil", "x")
    return out.getvalue()


def wide(cells: int) -> bytes:
    return workbook(sheet("<row>" + "<c><v>1</v></c>" * cells + "</row>"))


def empty_cells() -> bytes:
    """A row of two million cells that hold nothing; padded so that it does not shrink like a bomb."""
    import random

    noise = random.Random(7).randbytes(400_000).hex()
    return workbook(sheet("<row>" + "<c/>" * 2_000_000 + f"</row><!--{noise}-->"))


def empty_rows() -> bytes:
    import random

    noise = random.Random(7).randbytes(400_000).hex()
    return workbook(sheet("<row/>" * 900_000 + f"<!--{noise}-->"))


def long_cell() -> bytes:
    return workbook(sheet(f"<row>{inline('a' * 900_000)}</row>"))


def macros() -> bytes:
    return workbook(GOOD, xl__in__vbaProject__bin=b"x")


def external_links() -> bytes:
    return workbook(GOOD, xl__in__externalLinks__in__externalLink1__xml=b"<x/>")


def connections() -> bytes:
    return workbook(GOOD, xl__in__connections__xml=b"<x/>")


def encrypted() -> bytes:
    data = bytearray(workbook(GOOD))
    at = data.rfind(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.rfind(b"PK\x01\x02", 0, at)
    return bytes(data)


def cut_off() -> bytes:
    return workbook(GOOD)[:-30]


def rotten() -> bytes:
    data = bytearray(workbook(GOOD))
    for at in range(60, 200):
        data[at] ^= 0x5A
    return bytes(data)


def no_table() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "hello")
    return out.getvalue()


def dates(form: str) -> Callable[[], bytes]:
    return lambda: f"{HEADER}p,i,yes,R,1,{form},\n".encode()


TABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a zip bomb": (bomb, "bomb"),
    "parts that unpack to a gigabyte": (two_gigabytes, "bomb"),
    "thousands of parts": (many_parts, "bomb"),
    "a huge directory": (huge_directory, "bomb"),
    "entities that multiply": (entities, "not_plain"),
    "an entity that reads a file": (outside_entity, "not_plain"),
    "a name that climbs": (climbing, "climbing_name"),
    "an absolute name": (absolute, "climbing_name"),
    "a million columns in a workbook": (lambda: wide(1_000_000), "bomb too_many_columns"),
    "empty cells without end": (empty_cells, "bomb too_many_columns"),
    "empty rows without end": (empty_rows, "empty_lines"),
    "a cell without end": (long_cell, "line_too_long"),
    "macros": (macros, "not_plain"),
    "links to other files": (external_links, "not_plain"),
    "connections to data": (connections, "not_plain"),
    "a password": (encrypted, "encrypted"),
    "cut off": (cut_off, "broken_archive"),
    "rotten": (rotten, "broken_archive"),
    "an archive that is no workbook": (no_table, "broken_archive"),
    "a million columns": (lambda: b"a," * 1_000_000, "line_too_long too_many_columns"),
    "three hundred columns": (lambda: b"a," * 300 + b"\n", "too_many_columns"),
    "a quotation mark that is never closed": (lambda: HEADER.encode() + b'"' + b"x\n" * 900_000, "line_too_long"),
    "one line without end": (lambda: b"x" * (64 << 20), "line_too_long"),
    "zero bytes": (lambda: bytes(1 << 20), "encoding"),
    "nothing": (lambda: b"", "empty"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100, "missing_column line_too_long bad_quotes"),
    "a PDF": (lambda: b"%PDF-1.7\n", "not_text"),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0" + bytes(1000), "not_text"),
    "compressed": (lambda: b"\x1f\x8b" + bytes(1000), "not_text"),
    "another table": (lambda: b"a,b,c\n1,2,3\n", "missing_column"),
    "a column twice": (lambda: HEADER.replace("reason", "paid").encode(), "duplicate_column"),
    "a formula": (lambda: HEADER.encode() + b"p,i,yes,=cmd|' /C calc'!A0,1,2026-11-25,\n", "formula"),
    "a date with slashes": (dates("25/11/2026"), "bad_date"),
    "an American date": (dates("11/25/2026"), "bad_date"),
    "a date with points": (dates("25.11.26"), "bad_date"),
    "a date in one piece": (dates("20261125"), "bad_date"),
    "a date in words": (dates("25 Nov 2026"), "bad_date"),
    "a day that is none": (dates("2026-02-30"), "bad_date"),
    "an amount with two meanings": (lambda: HEADER.encode() + b'p,i,yes,R,"1,500",2026-11-25,\n', "separators"),
    "an endless amount": (lambda: HEADER.encode() + b"p,i,yes,R," + b"9" * 5000 + b",,\n", "too_large"),
}  # fmt: skip


def read(path: Path, mapping: object = None) -> dict[str, object]:
    extra = [json.dumps(mapping)] if mapping else []
    done = subprocess.run([sys.executable, "-c", READ, str(path), *extra], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, object] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("what", TABLE)
@pytest.mark.few(6)
def test_it_is_refused_clearly_and_cheaply(what: str, tmp_path: Path) -> None:
    make, codes = TABLE[what]
    path = tmp_path / "file"
    path.write_bytes(make())
    said = read(path)
    problems = said["problems"]
    assert isinstance(problems, list) and problems, said
    assert {code for _, code, _ in problems} <= set(codes.split())
    assert all(reason.strip() for _, _, reason in problems)
    assert said["lines"] == 0
    assert float(str(said["cpu"])) < CPU and int(str(said["memory"])) < MEMORY, said


def test_a_real_workbook_is_read_as_people_see_it(tmp_path: Path) -> None:
    """What another library wrote: texts, numbers, dates, true and false; a formula is refused in its cell."""
    import datetime

    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["payment", "invoice", "paid", "receipt", "paid_amount", "paid_on", "reason"])
    page.append(["p-1", "i-1", True, "R-1", 50000, datetime.date(2026, 11, 25), "ስም"])
    page.append([None] * 7)
    page.append(["p-2", "i-2", "no", 123456, None, None, "عائشة"])
    page.append(["p-3", "i-3", "yes", "R-3", "=1+1", None, None])
    page.append(["p-4", "i-4", "yes", 12345678901234567890, 1, None, None])
    book.save(tmp_path / "list.xlsx")
    from gateway_core.lifecycle.intake.findings import Findings
    from gateway_core.reconcile.lines import said_in
    from gateway_core.reconcile.mapping import LIST

    problems = Findings(10)
    first, second = said_in(tmp_path / "list.xlsx", LIST, "UGX", problems)
    assert (first.n, first.id, first.verdict, first.reference, first.amount, first.booked, first.reason) == (
        2, "p-1", "paid", "R-1", 50_000, "2026-11-25", "ስም",
    )  # fmt: skip
    assert (second.n, second.verdict, second.reference, second.amount, second.reason) == (
        4, "refused", "123456", None, "عائشة",
    )  # fmt: skip
    assert [(m.line, m.field) for m in problems.listed()] == [(5, "amount"), (6, "reference")]


def test_dates_are_read_in_the_one_form_that_is_declared(tmp_path: Path) -> None:
    mapping = {"columns": {"id": "i", "amount": "a", "date": "d"}, "currency": "UGX", "date": "DD/MM/YYYY"}
    forms = ("25/11/2026", "2026-11-25", "11/25/2026", "25.11.2026", "5/3/2026", "25/11/26")
    path = tmp_path / "statement.csv"
    path.write_text("i,a,d\n" + "".join(f"p,1,{form}\n" for form in forms))
    said = read(path, mapping)
    assert said["lines"] == 2  # as declared, and as a workbook's own date
    problems = said["problems"]
    assert isinstance(problems, list) and [line for line, *_ in problems] == [4, 5, 6, 7]
