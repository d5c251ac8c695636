"""Properties: nothing is lost, nothing raises, and the quick way says what the slow way says."""

from __future__ import annotations

import csv
import io
import string
import tempfile
import unicodedata
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_core.lifecycle.intake import COLUMNS, Taken, read, text
from gateway_core.model.accounts import Account
from gateway_core.model.money import AmountError, Money, amount_text, parse_amount
from gateway_core.model.payment import Invoice

from .conftest import rules

ids = st.text(string.ascii_letters + string.digits + "-_/.: ,;|\"'", min_size=1, max_size=30).filter(
    lambda t: t[0].isalnum() and t == t.strip()
)
letters = st.text(st.characters(categories=["L", "Mn"]), min_size=1, max_size=30)
names = st.tuples(st.sampled_from("AÉابरЖ李"), letters, ids).map(lambda t: unicodedata.normalize("NFC", " ".join(t)))
amounts = st.tuples(st.integers(1, 10**12), st.sampled_from(["UGX", "USD", "KWD"]))


def plain(name: str) -> bool:
    """Names that the rules on characters allow."""
    return text.text_problem("name", name) is None and len(name) <= 140


invoices = st.builds(
    Invoice,
    id=ids,
    beneficiary=ids,
    name=names.filter(plain),
    account=st.integers(100, 10**9).map(lambda n: Account("wallet", f"w-{n}")),
    amount=amounts.map(lambda pair: Money(*pair)),
    programme=ids | st.just(""),
    cycle=ids | st.just(""),
    reference=ids | st.just(""),
    extra=st.fixed_dictionaries({"village": ids | st.just("") | st.just("two\nlines")}),
)
quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def cells(invoice: Invoice) -> list[str]:
    """An invoice as a row of COLUMNS and the extra column."""
    i = invoice
    return [
        i.id, i.beneficiary, i.name, i.account.type, i.account.value, i.amount.text, i.amount.currency, i.programme,
        i.cycle, i.instalment, i.channel, i.reference, i.extra["village"],
    ]  # fmt: skip


def taken(content: bytes, **changed: object) -> Taken:
    """Read bytes through a file."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "payroll"
        path.write_bytes(content)
        return read(path, rules(**changed))


@quick
@given(
    st.lists(invoices, min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(wanted: list[Invoice], delimiter: str, encoding: str, newline: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline)
    writer.writerow([*COLUMNS, "village"])
    writer.writerows(cells(each) for each in wanted)
    with taken(out.getvalue().encode(encoding)) as found:
        alone = {"duplicate_invoice", "duplicate_entitlement", "mixed_currencies"}
        assert {m.code for m in found.mistakes} <= alone
        assert [i for page in found.pages(3) for _, i in page] == wanted
        most = [i.amount.minor for i in wanted if i.amount.currency == found.currency]
        assert found.total is not None
        assert (found.count, found.total.minor) == (len(wanted), sum(most))


@given(st.integers(1, 2**63 - 1), st.sampled_from(["UGX", "USD", "KWD", "CLF"]), st.integers(0, 3))
def test_no_unit_of_an_amount_is_lost(minor: int, currency: str, zeros: int) -> None:
    written = amount_text(minor, currency)
    try:
        assert parse_amount(written, currency) == Money(minor, currency)
    except AmountError as error:
        assert (error.code, minor >= 10**18) == ("too_large", True)
        return
    if "." in written:
        assert parse_amount(written + "0" * zeros, currency) == Money(minor, currency)


@given(st.text(string.digits + ".,' -+eE", max_size=24), st.sampled_from(["UGX", "USD", "KWD"]))
def test_an_amount_is_exact_or_refused(written: str, currency: str) -> None:
    try:
        money = parse_amount(written, currency)
    except AmountError as error:
        assert error.code
        assert error.mend
    else:
        assert Decimal(money.text) == Decimal(written.strip())


@quick
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_random_bytes_are_mistakes_and_never_raise(content: bytes) -> None:
    header = ",".join(COLUMNS).encode()
    for head in (b"", header + b"\n", b'{"invoice": 1}\n', b"\xff\xfe", b"\xfe\xff"):
        with taken(head + content) as found:
            assert found.mistakes
            assert all(m.reason and m.mend and m.field and m.code for m in found.mistakes)
            list(found.objections)
            [str(m).encode() for m in (*found.mistakes, *found.warnings)]


noise = st.text(st.characters() | st.sampled_from("=+-@\t\n\r \u202e\u00a0E+9Aa"), max_size=12)


@pytest.mark.parametrize("field", COLUMNS)
@quick
@given(noise | ids | names)
def test_a_tidy_cell_is_one_that_the_rules_leave_as_it_is(field: str, cell: str) -> None:
    row = ["1", "B1", "Ann", "wallet", "w-1", "500", "UGX", "p", "c", "", "", ""]
    row[COLUMNS.index(field)] = cell
    if text.is_tidy(tuple(row)) or (text.is_tidy_cell(cell) and field != "name" and cell):
        assert text.text_problem(field, cell) is None
        assert unicodedata.normalize("NFC", cell.strip()) == cell
        assert len(cell) <= 128
        assert field != "name" or any(map(str.isalpha, cell))


@given(noise)
def test_the_alarm_rings_if_and_only_if_a_rule_finds_something(cell: str) -> None:
    for field, found in text.RULES.items():
        assert bool(text.text_problem(field, cell)) == any(rule[1].search(cell) for rule in found)
