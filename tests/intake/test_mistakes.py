"""One row per kind of mistake: what is wrong, and what the officer is told."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

import gateway_core.lifecycle.intake as intake
from gateway_core.lifecycle.intake.compare import REPETITIONS
from gateway_core.lifecycle.intake.text import RULES
from gateway_core.model.payment import Invoice

from .conftest import Take

HEADER = (
    "invoice,beneficiary,name,account_type,account,amount,currency,programme,cycle,instalment,channel,reference,note"
)
GOOD = {
    "invoice": "1", "beneficiary": "B1", "name": "Ann Bee", "account_type": "wallet", "account": "w-1", "amount": "500",
    "currency": "UGX", "note": "x",
}  # fmt: skip
Kind = tuple[str, str, str, str, str]

# (code, field, its value, part of the reason, part of the mend)
CELLS: tuple[Kind, ...] = (
    ("missing", "invoice", "", "invoice is empty", "write it"),
    ("missing", "beneficiary", " \u00a0 ", "beneficiary is empty", "write it"),
    ("missing", "name", "", "name is empty", "write it"),
    ("missing", "account_type", "", "account_type is empty", "write it"),
    ("missing", "account", "", "account is empty", "write it"),
    ("missing", "amount", "", "amount is empty", "write it"),
    ("missing", "currency", "", "currency is empty", "write it"),
    ("zero", "amount", "0", "zero", "leave out"),
    ("zero", "amount", "0.00", "zero", "leave out"),
    ("negative", "amount", "-5", "'-5' is negative", "without a sign"),
    ("negative", "amount", "-5,000.00", "negative", "without a sign"),
    ("not_a_number", "amount", "NaN", "'NaN' is not a number", "digits"),
    ("not_a_number", "amount", "Infinity", "not a number", "digits"),
    ("not_a_number", "amount", "5e3", "not a number", "digits"),
    ("not_a_number", "amount", "0x10", "not a number", "digits"),
    ("not_a_number", "amount", "٥٠٠", "not a number", "digits 0 to 9"),
    ("not_a_number", "amount", "five", "not a number", "digits"),
    ("not_a_number", "amount", "-", "not a number", "digits"),
    ("separators", "amount", "1,500", "'1,500' has separators", "one decimal point"),
    ("separators", "amount", "1.500,00", "separators", "one decimal point"),
    ("separators", "amount", "1 500", "separators", "one decimal point"),
    ("separators", "amount", "1\u202f500", "separators", "one decimal point"),
    ("separators", "amount", "1'500", "separators", "one decimal point"),
    ("too_precise", "amount", "500.50", "more decimals than UGX", "round it to 0"),
    ("too_large", "amount", "1000000000001", "larger than any payment", "number of digits"),
    ("too_large", "amount", "9" * 30, "larger than any amount", "number of digits"),
    ("unknown_currency", "currency", "UGS", "'UGS' is not an ISO 4217", "a code such as UGX"),
    ("unknown_currency", "currency", "ugx", "'ugx' is not", "write UGX"),
    ("unknown_currency", "currency", "XAU", "'XAU' is not", "a code"),
    ("unknown_type", "account_type", "cash", "'cash' is not an account type", "wallet, msisdn"),
    ("implausible", "account", "w", "'w' is not plausible", "3 to 64"),
    ("not_a_name", "name", "-", "'-' has no letter", "beneficiary's name"),
    ("not_a_name", "name", "0772", "'0772' has no letter", "beneficiary's name"),
    ("too_long", "name", "A" * 141, "141 characters, at most 140", "shorten"),
    ("too_long", "invoice", "1" * 129, "129 characters, at most 128", "shorten"),
    ("too_long", "programme", "p" * 129, "129 characters", "shorten"),
    ("too_long", "reference", "r" * 141, "141 characters, at most 140", "shorten"),
    ("control_character", "name", "Ann\x07Bee", "U+0007", "delete"),
    ("control_character", "name", "Ann\x00Bee", "U+0000", "delete"),
    ("control_character", "name", "Ann\nBee", "U+000A", "delete"),
    ("control_character", "name", "Ann\u2028Bee", "LINE SEPARATOR", "delete"),
    ("control_character", "name", "Ann \u202eeeB", "RIGHT-TO-LEFT OVERRIDE", "delete"),
    ("control_character", "name", "Ann \u2067eeB", "RIGHT-TO-LEFT ISOLATE", "delete"),
    ("control_character", "invoice", "1\u200b2", "ZERO WIDTH SPACE", "delete"),
    ("control_character", "beneficiary", "B\u00ad1", "SOFT HYPHEN", "delete"),
    ("control_character", "beneficiary", "B1\U000e0041", "TAG LATIN CAPITAL LETTER A", "delete"),
    ("control_character", "cycle", "2026-11\u2800", "BRAILLE PATTERN BLANK", "delete"),
    ("other_space", "cycle", "November\u00a02026", "NO-BREAK SPACE", "plain space"),
    ("other_space", "beneficiary", "B  1", "several spaces", "one space"),
    ("other_space", "programme", "cash \u2003grant", "several spaces", "one space"),
    ("control_character", "note", "a\x1bb", "U+001B", "delete"),
    ("encoding", "name", "Ren\udce9", "byte 0xE9", "save the file as UTF-8"),
    ("encoding", "name", "Ren\ufffd", "damaged", "save the file as UTF-8"),
    ("formula", "name", "=1+1", "'=1+1'", "not a formula"),
    ("formula", "name", "@SUM(A1)", "formula", "not a formula"),
    ("formula", "name", "＝1+1", "formula", "not a formula"),
    ("formula", "name", "-Ann", "formula", "not a formula"),
    ("formula", "name", "\tAnn", "formula", "not a formula"),
    ("formula", "beneficiary", "+1+cmd|' /C calc'!A0", "formula", "not a formula"),
    ("formula", "account", "#N/A", "'#N/A'", "not a formula"),
    ("formula", "note", "=HYPERLINK(1)", "formula", "not a formula"),
    ("scientific", "invoice", "1.23457E+11", "rounded by a spreadsheet", "as text"),
    ("scientific", "account", "2,56701E+11", "rounded by a spreadsheet", "as text"),
    ("unknown_channel", "channel", "dumy", "'dumy' is not a configured channel", "dummy, small"),
)

# (code, cells, field, part of the reason, part of the mend)
ROWS: tuple[tuple[str, dict[str, str], str, str, str], ...] = (
    ("above_limit", {"channel": "small", "amount": "1001"}, "amount", "limit of small, 1000 UGX", "max_amount"),
    ("limit_currency", {"channel": "small", "currency": "USD"}, "currency", "limit of small is in UGX", "max_amount"),
    ("implausible", {"account_type": "msisdn", "account": "0772123456"}, "account", "not plausible", "256700123456"),
    ("implausible", {"account_type": "msisdn", "account": "25677٢١٢٣٤٥٦"}, "account", "not plausible", "country code"),
    ("implausible", {"account_type": "msisdn", "account": "77777777777"}, "account", "repeated", "own number"),
    ("implausible", {"account_type": "iban", "account": "DE89370400440532013001"}, "account", "check digits", "copy"),
    ("implausible", {"account_type": "bank_account", "account": "12345"}, "account", "not plausible", "BANKCODE"),
    ("implausible", {"account_type": "party", "account": "12345"}, "account", "not plausible", "TYPE:VALUE"),
    ("implausible", {"account_type": "payment_point", "account": "a b"}, "account", "not plausible", "code"),
)
HARMLESS: tuple[dict[str, str], ...] = (
    {"amount": "500.00"},
    {"amount": "500.5", "currency": "USD"},
    {"amount": " 500 ", "invoice": " 1 "},
    {"account_type": "msisdn", "account": "+256 (700) 123-456"},
    {"account_type": "bank_account", "account": "030147/22:0012345678"},
    {"name": "علی\u200cرضا"},  # a joiner shapes the Persian name
    {"name": "O'Brien-Nñandú, Jr."},
    {"name": "李小龙"},
    {"channel": "small", "amount": "1000"},
    {"note": "-5"},
    {"note": "+256 700 1"},
    {"note": "two\nlines\tand a tab"},
    {"invoice": "12E5"},
)

# (code, whole file, line, field, part of the reason, part of the mend)
PLAIN = "invoice,beneficiary,name,account_type,account,amount,currency"
ONE = f"{PLAIN}\n1,B1,Ann,wallet,w-1,500,UGX\n"
FILES: tuple[tuple[str, str | bytes, int, str, str, str], ...] = (
    ("missing_column", ONE.replace(",currency", ",").replace(",UGX", ","), 1, "currency", "is missing", "add it"),
    ("misspelt_column", ONE.replace("beneficiary", "benificiary"), 1, "benificiary", "mean 'beneficiary'", "name the"),
    ("misspelt_column", ONE.replace("account_type", "Account Type"), 1, "Account Type", "mean 'account_type'", "name"),
    ("duplicate_column", ONE.replace("name", "account"), 1, "account", "2 columns are named", "rename"),
    ("too_few_cells", ONE.replace(",UGX", ""), 2, "line", "has 6 cells, the header has 7", "leave no cell out"),
    ("too_many_cells", ONE.replace("500", "1,500"), 2, "line", "has 8 cells", "in quotation marks"),
    (
        "nameless_column",
        ONE.replace("UGX", "UGX,x").replace("currency", "currency,"),
        2,
        "line",
        "without a name",
        "name",
    ),
    ("bad_quotes", ONE.replace("Ann", '"Ann" Bee'), 2, "line", "quotation marks", "twice"),
    ("open_quote", ONE.replace("Ann", '"Ann'), 2, "line", "never closed", "close it"),
    ("line_too_long", ONE.replace("Ann", "A" * 70_000), 2, "line", "65,536 characters", "quotation mark"),
    ("line_too_long", ONE + '2,"' + "x\n" * 70_000, 3, "line", "65,536 characters", "quotation mark"),
    ("empty", "", 0, "file", "the file is empty", "header"),
    ("empty", "\n\n \n", 0, "file", "the file is empty", "header"),
    ("empty", PLAIN, 0, "file", "no lines", "a line per invoice"),
    ("not_lines", '[{"invoice": 1}]', 1, "file", "JSON array", "one JSON object per line"),
    ("bad_json", '{"invoice": 1\n', 1, "line", "is not JSON", "one object per line"),
    ("bad_json", '{"invoice": 1, "invoice": 2}', 1, "line", "'invoice' comes twice", "one object"),
    ("bad_json", "{}", 1, "line", "not an object with", "one object"),
    ("bad_json", "{" + "[" * 50_000, 1, "line", "is not JSON", "one object"),
    ("not_text", '{"invoice": [1]}', 1, "invoice", "nested", "one text or number"),
    ("nameless_column", '{"": 1}', 1, "line", "without a name", "name it"),
    ("missing_column", '{"invoice": 1}', 1, "amount", "is missing", "required are"),
    ("not_text", b"PK\x03\x04 and so on", 0, "file", "a spreadsheet or an archive", "CSV"),
    ("encoding", ONE.encode("utf-16-le"), 0, "file", "UTF-16 without its byte order mark", "UTF-8"),
)


def sheet(*rows: dict[str, str]) -> str:
    """A CSV file of the rows."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER.split(","), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def only(mistakes: Any) -> Any:
    """The one mistake there is."""
    (mistake,) = mistakes
    return mistake


@pytest.mark.parametrize(("code", "field", "value", "reason", "mend"), CELLS)
def test_a_cell_has_one_mistake(take: Take, code: str, field: str, value: str, reason: str, mend: str) -> None:
    mistake = only(take(sheet(GOOD | {field: value})).mistakes)
    assert (mistake.line, mistake.code, mistake.field) == (2, code, field)
    assert reason in mistake.reason
    assert mend in mistake.mend


@pytest.mark.parametrize(("code", "cells", "field", "reason", "mend"), ROWS)
def test_a_row_has_one_mistake(
    take: Take, code: str, cells: dict[str, str], field: str, reason: str, mend: str
) -> None:
    mistake = only(take(sheet(GOOD | cells)).mistakes)
    assert (mistake.line, mistake.code, mistake.field) == (2, code, field)
    assert reason in mistake.reason
    assert mend in mistake.mend


@pytest.mark.parametrize("cells", HARMLESS)
def test_what_is_harmless_is_taken(take: Take, cells: dict[str, str]) -> None:
    assert take(sheet(GOOD | cells)).mistakes == []


@pytest.mark.parametrize(("code", "content", "line", "field", "reason", "mend"), FILES)
def test_a_file_has_its_mistake(
    take: Take, code: str, content: str | bytes, line: int, field: str, reason: str, mend: str
) -> None:
    mistakes = [m for m in take(content).mistakes if m.code == code and m.field == field]
    assert [m.line for m in mistakes] == [line]
    assert reason in mistakes[0].reason
    assert mend in mistakes[0].mend


def test_every_mistake_of_a_row_is_found_at_once(take: Take) -> None:
    bad = {
        "invoice": "",
        "name": "=1",
        "account": "w",
        "amount": "1,5",
        "currency": "UGS",
        "channel": "?",
        "note": "=1",
    }
    mistakes = take(sheet(GOOD | bad)).mistakes
    assert [m.field for m in mistakes] == ["invoice", "name", "account", "amount", "currency", "channel", "note"]


def test_the_rows_of_a_misspelt_column_are_checked_all_the_same(take: Take) -> None:
    text = ONE.replace("amount", "amuont").replace("500", "-5")
    assert [m.code for m in take(text).mistakes] == ["misspelt_column", "negative"]


def test_a_missing_column_is_said_once(take: Take) -> None:
    text = "invoice,beneficiary,name,account_type,account,amount\n" + "".join(
        f"{i},B{i},Ann,wallet,w-{i},-5\n" for i in range(3)
    )
    codes = [m.code for m in take(text).mistakes]
    assert codes == ["missing_column", "negative", "negative", "negative"]


def test_every_code_has_a_row_here(take: Take) -> None:
    """A new kind of mistake needs a test."""
    source = "".join(path.read_text() for path in Path(intake.__file__).parent.glob("*.py"))
    made = set(re.findall(r'Problem\(\s*(?:"[a-z_]*"|[^",]+),\s*"([a-z_]+)"', source))
    made |= {rule[0] for rules in RULES.values() for rule in rules} | {each.code for each in REPETITIONS}
    here = {row[0] for table in (CELLS, ROWS, FILES) for row in table}
    elsewhere = {  # test_files, test_compare, test_objects, cash_rail/test_points
        "unreadable", "unknown_encoding", "unknown_delimiter", "too_many_columns", "unknown_column", "not_an_invoice",
        "duplicate_invoice", "duplicate_entitlement", "mixed_currencies", "shared_account", "control_count",
        "control_total", "no_point", "several_points",
    }  # fmt: skip
    assert made - here == elsewhere


def test_invoices_are_what_was_written(take: Take) -> None:
    full = GOOD | {"programme": "p", "cycle": "c", "instalment": "2", "channel": "small", "reference": "r"}
    ((line, invoice),) = next(take(sheet(full)).pages(10))
    assert line == 2
    assert isinstance(invoice, Invoice)
    assert (invoice.id, invoice.beneficiary, invoice.name) == ("1", "B1", "Ann Bee")
    assert (str(invoice.account), str(invoice.amount)) == ("wallet w-1", "500 UGX")
    assert (invoice.entitlement, invoice.channel, invoice.reference) == ("p/c/B1/2", "small", "r")
    assert invoice.extra == {"note": "x"}
