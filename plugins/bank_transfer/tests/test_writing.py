"""Payment files: valid, complete, exact to the cent, the same bytes for ever, or not written at all."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import attrs
import pytest
from gateway_bank_transfer.keys import of_uetr
from gateway_bank_transfer.profile import examples, load
from gateway_bank_transfer.writing import checking
from gateway_bank_transfer.writing.checking import Differs, written
from gateway_bank_transfer.writing.pain001 import Head, write
from gateway_bank_transfer.writing.payee import payee
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway_core.contract import Account, Money

from .conftest import DEBTOR, NOW, SCHEMAS, made, payment, published

PROFILES = examples()


def read(body: bytes) -> Any:
    tree = etree.fromstring(body)
    for element in tree.iter():
        if isinstance(element.tag, str):
            element.tag = etree.QName(element).localname
    return tree


@pytest.mark.parametrize("name", PROFILES)
def test_count_sum_ids_amounts_and_accounts_are_those_that_were_asked_for(name: str) -> None:
    payments = [payment(n, name) for n in range(40)]
    [(document, body)], left = made(payments, load(name))
    tree, by_id = read(body), {p.id: p for p in payments}
    assert not left and set(document.lines) == set(by_id)
    lines = tree.findall(".//CdtTrfTxInf")
    assert [line.findtext(".//EndToEndId") for line in lines] == list(document.lines.values())
    for line, wanted in zip(lines, document.lines, strict=True):
        assert Decimal(line.findtext(".//InstdAmt")) == Decimal(by_id[wanted].amount.text)
        assert line.findtext("CdtrAcct/Id//Id") in (None, by_id[wanted].account.value.rpartition(":")[2])
        assert line.findtext("Cdtr/Nm") == by_id[wanted].name
    total = sum(Decimal(p.amount.text) for p in payments)
    assert [Decimal(e.text) for e in tree.iter("CtrlSum")] == [total, total]
    assert [e.text for e in tree.iter("NbOfTxs")] == ["40", "40"]


@published
@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=90), st.integers(1, 10**16)), min_size=1, max_size=4))
def test_whatever_the_names_the_file_is_valid_or_the_payment_left_out(name: str, rows: list[tuple[str, int]]) -> None:
    # The bank's own largest sum, where it has one, is another test's.
    profile = load(name)
    profile = attrs.evolve(profile, file=attrs.evolve(profile.file, amount=0))
    currency = profile.payment.currencies[0]
    payments = [payment(n, name, name=said, amount=Money(minor, currency)) for n, (said, minor) in enumerate(rows)]
    files, left = made(payments, profile)
    written = [key for document, _ in files for key in document.lines]
    assert sorted(written + [one.payment for one in left]) == sorted(p.id for p in payments)


@pytest.mark.parametrize(("currency", "minor", "text"), [
    ("XOF", 4500, "4500"), ("USD", 1, "0.01"), ("TND", 1, "0.001"), ("USD", 10**15 + 1, "10000000000000.01"),
])  # fmt: skip
def test_an_amount_has_the_decimals_of_its_currency(currency: str, minor: int, text: str) -> None:
    profile = load("central_bank")
    profile = attrs.evolve(profile, file=attrs.evolve(profile.file, amount=0))
    [(_, body)], _ = made([payment(1, "central_bank", amount=Money(minor, currency))], profile)
    assert f'Ccy="{currency}">{text}<'.encode() in body


def test_the_same_payments_make_the_same_bytes_in_their_own_order() -> None:
    payments = [payment(n) for n in (4, 2, 5, 1)]
    files = [made(payments, load("local_ach"))[0] for _ in range(2)]
    [(document, body)], [again] = files
    assert (again[0].name, again[1]) == (document.name, body)
    assert list(document.lines) == [p.id for p in payments]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["XOF", "USD"]), st.integers(1, 1200)), min_size=1, max_size=40))
def test_every_payment_is_allotted_once_within_the_banks_limits(rows: list[tuple[str, int]]) -> None:
    profile = load("central_bank")
    profile = attrs.evolve(profile, file=attrs.evolve(profile.file, lines=4, amount=1000))
    payments = [payment(n, "central_bank", amount=Money(minor, currency)) for n, (currency, minor) in enumerate(rows)]
    files, left = made(payments, profile, "")
    by_id = {p.id: p for p in payments}
    assert {one.payment for one in left} == {p.id for p in payments if p.amount.minor > 1000}
    written = [key for document, _ in files for key in document.lines]
    assert sorted(written) == sorted(by_id.keys() - {one.payment for one in left})
    for document, _ in files:
        inside = [by_id[key] for key in document.lines]
        assert len({p.amount.currency for p in inside}) == 1 and len(inside) <= 4
        assert sum(p.amount.minor for p in inside) <= 1000
        assert inside == [p for p in payments if p.id in document.lines], "the payroll's own order"


def test_everything_that_is_wrong_with_a_payment_is_told_at_once() -> None:
    wrong = payment(1, name="أمينة", account=Account("bank_account", "040147:12"), amount=Money(5, "CHF"))
    good = payment(2)
    [(document, _)], [left] = made([wrong, good], load("local_ach"))
    assert left.payment == wrong.id and left.why.code == "several"
    assert all(code in left.why.reason for code in ("AM03", "AC01", "RR10"))
    assert list(document.lines) == [good.id]


def test_the_banks_own_name_for_somebody_is_used_where_it_is_known() -> None:
    [(_, body)], left = made([payment(1, name="አበበ", extra={"name_latin": "Abebe Bikila"})], load("local_ach"))
    assert not left and b"<Nm>Abebe Bikila</Nm>" in body


def test_a_file_holds_one_currency_and_no_more_lines_or_money_than_the_bank_takes() -> None:
    profile = load("central_bank")
    profile = attrs.evolve(profile, file=attrs.evolve(profile.file, lines=3, amount=1000))
    amounts = [Money(400, "XOF")] * 5 + [Money(10, "USD")] * 4
    payments = [payment(n, "central_bank", amount=amount) for n, amount in enumerate(amounts)]
    files, left = made(payments, profile)
    by_id = {p.id: p for p in payments}
    for document, _ in files:
        money = [by_id[key].amount for key in document.lines]
        assert len(money) <= 3 and sum(m.minor for m in money) <= 1000 and len({m.currency for m in money}) == 1
    names = [document.name for document, _ in files]
    assert not left and len(set(names)) == len(names) == 5


def test_the_uetr_of_a_line_names_its_key() -> None:
    [(document, body)], _ = made([payment(n, "central_bank") for n in range(5)], load("central_bank"))
    uetrs = [element.text for element in read(body).iter("UETR")]
    assert [of_uetr(text) for text in uetrs] == list(document.lines.values())


def head(count: int, total: str) -> Head:
    return Head(
        msg_id="M1", created="2026-11-25T09:00:00Z", count=count, total=total, currency="UGX", day=NOW.date(),
        debtor=DEBTOR, profile=load("local_ach"),
    )  # fmt: skip


def changed(old: bytes, new: bytes, pieces: Any) -> Any:
    for piece in pieces:
        assert b"<" in piece
        yield piece.replace(old, new, 1)


@pytest.mark.parametrize(("old", "new"), [
    (b"G0000000000000A", b"G0000000000000B"), (b">50001<", b">50010<"), (b"0000000001", b"0000000010"),
    (b"Nakato 1", b"Nakato 7"), (b'Ccy="UGX">50', b'Ccy="KES">50'), (b"<NbOfTxs>1", b"<NbOfTxs>2"),
    (b"<CtrlSum>50001", b"<CtrlSum>50002"), (b"<MsgId>M1", b"<MsgId>M2"), (b"BECH", b"FAND"),
    (b"<CdtTrfTxInf>", b"<CdtTrfTxInf><!--"), (b"</PmtInf>", b""), (b"InstdAmt", b"InstdSum"),
])  # fmt: skip
@pytest.mark.parametrize("schemas", [SCHEMAS, ""], ids=["with the schema", "without"])
def test_a_file_that_differs_from_what_was_asked_for_is_never_complete(
    old: bytes, new: bytes, schemas: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = payee(payment(1), "G0000000000000A", load("local_ach"))
    whole = b"".join(written(head(1, "50001"), [line], schemas))
    assert old in whole
    monkeypatch.setattr(checking, "write", lambda head, payees: changed(old, new, write(head, payees)))
    with pytest.raises((Differs, etree.XMLSyntaxError)):
        list(written(head(1, "50001"), [line], schemas))


@pytest.mark.parametrize(("count", "total"), [(2, "50001"), (1, "50002"), (0, "50001")])
def test_a_head_that_does_not_fit_its_lines_is_never_complete(count: int, total: str) -> None:
    line = payee(payment(1), "G0000000000000A", load("local_ach"))
    with pytest.raises(Differs):
        list(written(head(count, total), itertools.islice([line], 1), ""))
