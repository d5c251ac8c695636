"""Encodings, delimiters, line numbers and limits of files."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from gateway_core.lifecycle.intake import read

from .conftest import Take, rules

HEADER = "invoice,beneficiary,name,account_type,account,amount,currency"
FILE = f"{HEADER}\n1,B1,Zoë,wallet,w-1,500,UGX\n2,B2,राम,wallet,w-2,600,UGX\n"


@pytest.mark.parametrize(
    "content",
    [
        FILE.encode(),
        FILE.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + FILE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + FILE.encode("utf-16-be"),
        FILE.replace("\n", "\r\n").encode(),
        FILE.replace("\n", "\r").encode(),
        FILE.replace(",", ";").encode(),
        FILE.replace(",", "\t").encode(),
        FILE.replace(",", "|").encode(),
        FILE.rstrip("\n").encode(),
        b"\n\n" + FILE.replace("\n", "\n\n").encode() + b",,,,,,\n,,,,,,,,\n",
        FILE.replace(HEADER, " Invoice ,BENEFICIARY,Name,Account_Type,account,AMOUNT,currency ").encode(),
        FILE.replace("currency", "currency,").replace("UGX", "UGX,").encode(),
        FILE.replace("currency", '"currency"').replace("UGX", '"UGX"').encode(),
    ],
)
def test_forms_of_one_file_say_the_same(take: Take, content: bytes) -> None:
    taken = take(content)
    assert (taken.mistakes, taken.warnings) == ([], [])
    assert [(i.id, i.name) for _, i in next(taken.pages(10))] == [("1", "Zoë"), ("2", "राम")]
    assert (taken.count, str(taken.total)) == (2, "1100 UGX")


def test_names_are_brought_to_one_form(take: Take) -> None:
    ((_, invoice), _) = next(take(FILE.replace("Zoë", "Zoe\u0308")).pages(10))
    assert invoice.name == "Zo\u00eb"


@pytest.mark.parametrize(("declared", "delimiter"), [(";", ";"), ("semicolon", ";"), ("tab", "\t"), ("pipe", "|")])
def test_a_delimiter_may_be_declared(take: Take, declared: str, delimiter: str) -> None:
    assert take(FILE.replace(",", delimiter), delimiter=declared).mistakes == []


def test_a_declared_delimiter_is_taken_at_its_word(take: Take) -> None:
    assert {m.code for m in take(FILE, delimiter=";").mistakes} >= {"missing_column"}
    (mistake,) = take(FILE, delimiter="::").mistakes
    assert (mistake.code, mistake.line) == ("unknown_delimiter", 0)


def test_an_encoding_may_be_declared(take: Take) -> None:
    latin = FILE.replace("राम", "René").encode("latin-1")
    assert [i.name for _, i in next(take(latin, encoding="latin-1").pages(9))] == ["Zoë", "René"]
    assert [(m.line, m.field, m.code) for m in take(latin).mistakes] == [
        (2, "name", "encoding"),
        (3, "name", "encoding"),
    ]
    assert take(FILE.encode("utf-16-le"), encoding="utf-16-le").mistakes == []


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "a\0b", "utf-8\n"])
def test_no_encoding_of_text_is_a_mistake(take: Take, name: str) -> None:
    taken = take(FILE, encoding=name)
    assert [m.code for m in taken.mistakes] in (["unknown_encoding"], [])
    assert taken.mistakes or name == "utf-8\n"  # codecs cuts off spaces


@pytest.mark.parametrize(
    "name", ["idna", "punycode", "unicode_escape", "utf-7", "shift_jis", "gb18030", "utf-32", "cp037"]
)
def test_strange_encodings_never_raise(take: Take, name: str) -> None:
    assert take(b"\\x\xff\xfe,+AGE\n" + FILE.encode(), encoding=name).mistakes


def test_line_numbers_are_those_of_an_editor(take: Take) -> None:
    quoted = '\n"a\nb\n\nc",B1,Ann,wallet,w-1,500,UGX\n\n2,B2,Bob,wallet,w-2,x,UGX\n3,B3,"C,wallet,w-3,500,UGX\n'
    mistakes = take(HEADER + quoted).mistakes
    assert [(m.line, m.code) for m in mistakes] == [(2, "control_character"), (7, "not_a_number"), (8, "open_quote")]


def test_only_a_newline_ends_a_line(take: Take) -> None:
    mistakes = take(f"{HEADER}\n1,B1,A\x0bB\x0cC\u2028D\x85,wallet,w-1,500,UGX\n2,B2,Bob,wallet,w-2,x,UGX\n").mistakes
    assert [(m.line, m.code) for m in mistakes] == [(2, "control_character"), (3, "not_a_number")]


def test_json_lines(take: Take) -> None:
    line = '{"Invoice": 7, "beneficiary": "B", "name": "Ann", "account_type": "wallet", "account": "w-1",'
    taken = take(
        f'{line} "amount": 1234567890.07, "currency": "USD", "cycle": null, "poor": true}}\n\n'
        f'{line.replace("7", "8")} "amount": NaN, "currency": "USD"}}\n'
        f'{line.replace("7", "9")} "amount": 5e2, "curency": "USD"}}\nnonsense\n'
    )
    assert [(m.line, m.code) for m in taken.mistakes] == [
        (3, "not_a_number"), (4, "not_a_number"), (4, "misspelt_column"), (5, "bad_json"),
    ]  # fmt: skip
    ((line_number, invoice),) = next(taken.pages(5))
    assert (line_number, invoice.id, invoice.amount.minor) == (1, "7", 123456789007)
    assert invoice.extra == {"poor": "true"}
    assert [(m.line, m.field) for m in taken.warnings if m.code == "unknown_column"] == [(1, "poor")]


def test_unknown_columns_are_kept_and_noted(take: Take) -> None:
    taken = take(FILE.replace("currency", "currency,Village").replace("UGX", "UGX,Mbale"))
    assert (taken.mistakes, taken.columns) == ([], ("Village",))
    assert [(m.code, m.field, m.line) for m in taken.warnings] == [("unknown_column", "Village", 1)]
    assert [i.extra for _, i in next(taken.pages(5))] == [{"Village": "Mbale"}] * 2


def test_limits(take: Take, tmp_path: Path) -> None:
    wide = ",".join([HEADER, *(f"x{i}" for i in range(200))])
    assert [m.code for m in take(f"{wide}\n").mistakes] == ["too_many_columns"]
    (mistake,) = take(FILE, max_file_bytes=100).mistakes
    assert (mistake.code, mistake.line, "100 bytes" in mistake.reason) == ("too_large", 0, True)
    assert [m.code for m in take(tmp_path / "not there").mistakes] == ["unreadable"]
    assert [m.code for m in take(tmp_path).mistakes] == ["unreadable"]
    assert "No such file" in take(tmp_path / "not there").mistakes[0].reason


def test_a_quote_left_open_does_not_swallow_the_file(take: Take) -> None:
    rest = "".join(f"{i},B{i},Ann,wallet,w-{i},500,UGX\n" for i in range(100_000))
    taken = take(f'{HEADER}\n0,B0,"Ann,wallet,w-0,500,UGX\n{rest}')
    assert [(m.line, m.code) for m in taken.mistakes] == [(2, "line_too_long")]


def test_mistakes_are_listed_up_to_a_limit_and_counted(take: Take) -> None:
    rest = "".join(f"{i},B{i},Ann,wallet,w-{i},-1,UGX\n" for i in range(50)) * 2
    taken = take(f"{HEADER}\n{rest}", max_mistakes=20)
    assert (len(taken.mistakes), taken.more) == (20, 130)
    assert taken.counts == {"negative": 100, "duplicate_invoice": 50}


def test_progress_is_told(tmp_path: Path) -> None:
    path, heard = tmp_path / "file.csv", list[int]()
    path.write_text(HEADER + "\n" + "".join(f"{i},B{i},Ann,wallet,w-{i},5,UGX\n" for i in range(12_000)))
    read(path, rules(), progress=heard.append).close()
    assert heard == [5000, 10_000, 12_000]


def test_nothing_is_left_on_disk(tmp_path: Path) -> None:
    path, scratch = tmp_path / "file.csv", tmp_path / "scratch"
    scratch.mkdir()
    path.write_text(FILE)
    with read(str(path), rules(), scratch) as taken:
        assert list(scratch.iterdir()) == []  # not even while it is open: a crash leaves no names and accounts behind
        assert len(next(taken.pages(1))) == 1
    taken.close()
