"""Our files as an independent library reads them, and banks' files as it and we read them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gateway_bank_transfer.extracting import extracted
from gateway_bank_transfer.profile import examples, load

from .conftest import DATA, made, payment, published
from .saying import ONE, batch_of, booking, statement

xsdata = pytest.importorskip("xsdata.formats.dataclass.parsers")
pytest.importorskip("pyiso20022")
STATEMENTS = sorted((DATA / "samples").glob("camt.05*.xml")) if DATA.is_dir() else []


def parsed(body: bytes) -> Any:
    found = re.search(rb"(pain|camt)\.(\d{3})\.(\d{3})\.(\d{2})", body)
    assert found is not None
    name = "_".join(part.decode() for part in found.groups())
    module = importlib.import_module(f"pyiso20022.{found[1].decode()}.{name}")
    return xsdata.XmlParser().from_bytes(body, module.Document)


@pytest.mark.parametrize("name", examples())
def test_another_reader_finds_in_our_files_what_was_asked_for(name: str) -> None:
    payments = [payment(n, name, name=f"Tours & Söhne <{n}> 'x'") for n in range(20)]
    [(document, body)], _ = made(payments, load(name))
    message = parsed(body).cstmr_cdt_trf_initn
    [batch] = message.pmt_inf
    by_id = {p.id: p for p in payments}
    assert message.grp_hdr.nb_of_txs == batch.nb_of_txs == "20"
    assert message.grp_hdr.ctrl_sum == sum(Decimal(p.amount.text) for p in payments)
    assert len(batch.cdt_trf_tx_inf) == 20
    for line, (ident, key) in zip(batch.cdt_trf_tx_inf, document.lines.items(), strict=True):
        wanted, account = by_id[ident], line.cdtr_acct.id
        assert (line.pmt_id.end_to_end_id, line.pmt_id.instr_id) == (key, key)
        amount = line.amt.instd_amt
        assert (amount.value, amount.ccy) == (Decimal(wanted.amount.text), wanted.amount.currency)
        number = account.iban or account.othr.id
        assert number == wanted.account.value.rpartition(":")[2]
        kept = "Tours & Sohne <{}> 'x'" if name == "central_bank" else "Tours Sohne {} 'x'"
        assert line.cdtr.nm == kept.format(int(ident[-12:]))


def entries(message: Any) -> Iterator[tuple[object, ...]]:
    inner = message.bk_to_cstmr_acct_rpt if hasattr(message, "bk_to_cstmr_acct_rpt") else None
    inner = inner or getattr(message, "bk_to_cstmr_stmt", None) or message.bk_to_cstmr_dbt_cdt_ntfctn
    parts = getattr(inner, "rpt", None) or getattr(inner, "stmt", None) or inner.ntfctn
    for part in parts:
        for entry in part.ntry:
            details = [
                (tx.refs.end_to_end_id if tx.refs else None) for group in entry.ntry_dtls for tx in group.tx_dtls
            ]
            yield entry.amt.value, entry.amt.ccy, entry.cdt_dbt_ind.value, entry.acct_svcr_ref, details


def ours(body: bytes, folder: Path) -> Iterator[tuple[object, ...]]:
    place = folder / "x.xml"
    place.write_bytes(body)
    with place.open("rb") as file:
        for part in extracted(file)["statements"]:
            for entry in part["entries"]:
                details = [tx["end_to_end_id"] for group in entry["details"] for tx in group["transactions"]]
                about = (entry["currency"], entry["credit_debit"], entry["acct_svcr_ref"], details)
                yield Decimal(entry["amount"]), *about


@published
@pytest.mark.parametrize("place", STATEMENTS, ids=lambda place: place.name)
def test_we_read_banks_statements_as_another_reader_does(place: Path, tmp_path: Path) -> None:
    body = place.read_bytes()
    assert list(ours(body, tmp_path)) == list(entries(parsed(body)))


def test_we_read_the_simulators_statements_as_another_reader_does(tmp_path: Path) -> None:
    body = statement(booking(ONE), batch_of(ONE, details=True), booking(ONE, back="AC04")).encode()
    assert list(ours(body, tmp_path)) == list(entries(parsed(body)))
