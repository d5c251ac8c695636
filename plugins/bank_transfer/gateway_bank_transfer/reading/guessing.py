"""A mapping for a CSV file that nobody described, from its own header; for looking at files, never for believing them.

A channel reads CSV by the mapping of its bank's profile alone.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from ..profile import CsvRules
from .rows import SIDES
from .safe import Refused, pieces

LOOKED_AT = 1 << 16
# What headers call a column, best first; compared in small letters without what is no letter.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "key": ("endtoendid", "endtoend", "e2e", "customerreference", "customerref", "yourreference", "paymentreference",
            "paymentid", "clientreference", "reference", "ref"),
    "bank_reference": ("bankreference", "bankref", "acctsvcrref", "transactionid", "transactionreference", "txid",
                       "servicerreference"),
    "text": ("description", "details", "narrative", "narration", "remittance", "text", "memo", "particulars",
             "verwendungszweck", "libelle"),
    "debit": ("debit", "debitamount", "withdrawal", "withdrawals", "moneyout", "paidout", "dr"),
    "credit": ("credit", "creditamount", "deposit", "deposits", "moneyin", "paidin", "cr"),
    "amount": ("amount", "value", "sum", "transactionamount", "montant", "betrag"),
    "currency": ("currency", "ccy", "devise", "wahrung"),
    "account": ("account", "accountnumber", "accountno", "debitaccount"),
    "side": ("dc", "cd", "debitcredit", "creditdebit", "cdtdbtind", "drcr", "crdr", "direction", "type", "sens"),
    "booked": ("bookingdate", "buchungstag", "date", "transactiondate", "postingdate", "valuedate", "entrydate"),
    "status": ("status", "state", "statut"),
    "reason": ("reason", "reasoncode", "returnreason", "rejectreason", "error"),
}  # fmt: skip
_DATES = (
    ("%Y-%m-%d", r"\d{4}-\d\d-\d\d"), ("%d/%m/%Y", r"\d\d/\d\d/\d{4}"), ("%d.%m.%Y", r"\d\d\.\d\d\.\d{4}"),
    ("%Y%m%d", r"\d{8}"), ("%d-%m-%Y", r"\d\d-\d\d-\d{4}"),
)  # fmt: skip
_WORDS = {
    "booked": ("booked", "book", "paid", "settled", "executed", "posted"), "rejected": ("rejected", "rjct", "failed"),
    "returned": ("returned", "return", "reversed"), "pending": ("pending", "pdng", "processing"),
    "accepted": ("accepted", "accp"), "duplicate": ("duplicate", "dupl"),
}  # fmt: skip


def _beginning(file: BinaryIO) -> bytes:
    """As far as it is looked at; b'' of what cannot be unpacked."""
    body = bytearray()
    try:
        for piece in pieces(file):
            body += piece
            if len(body) >= LOOKED_AT:
                break
    except Refused:
        return b""
    return bytes(body[:LOOKED_AT])


def guessed(path: Path) -> CsvRules | None:
    """The mapping, or None for what looks like no CSV with ids and amounts."""
    with path.open("rb") as file:
        body = _beginning(file)
    encoding = _encoding(body)
    text = body.decode(encoding, errors="replace")
    if text.lstrip().startswith(("<", ":20:", "{1:")):
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    for at, line in enumerate(lines[:20], start=1):
        delimiter = max(";,\t|", key=line.count)
        header = next(csv.reader([line], delimiter=delimiter), [])
        found = {field: _column(names, header) for field, names in _NAMES.items()}
        if (found["key"] or found["text"]) and (found["amount"] or (found["debit"] and found["credit"])):
            rows = list(csv.DictReader(lines[at:], fieldnames=[cell.strip() for cell in header], delimiter=delimiter))
            return _mapping(encoding, delimiter, at, found, rows)
    return None


def _encoding(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        body[: LOOKED_AT - 8].decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _column(names: tuple[str, ...], header: list[str]) -> str:
    plain = {
        re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", cell.lower().replace("2", "to"))): cell.strip()
        for cell in header
    }
    return next((plain[name] for name in names if name in plain), "")


def _mapping(
    encoding: str, delimiter: str, header: int, found: dict[str, str], rows: list[dict[str, str]]
) -> CsvRules:  # fmt: skip
    if found["debit"] and found["credit"]:
        found["amount"] = ""
    else:
        found["debit"] = found["credit"] = ""
    amounts = [row.get(found[name]) or "" for row in rows for name in ("amount", "debit", "credit") if found[name]]
    sides = {(row.get(found["side"]) or "").strip().upper() for row in rows} if found["side"] else set()
    if not sides <= set(SIDES):
        found["side"] = ""
    decimal, thousands = _separators(amounts)
    days = [row.get(found["booked"]) or "" for row in rows if found["booked"]]
    date = next((form for form, pattern in _DATES if days and re.fullmatch(pattern, days[0].strip())), "")
    if not date:
        found["booked"] = ""
    said = {row.get(found["status"]) or "" for row in rows} if found["status"] else set()
    statuses = {word: means for word in said for means, words in _WORDS.items() if word.strip().lower() in words}
    footer = 1 if rows and _is_total(rows[-1], found) else 0
    return CsvRules(
        encoding=encoding, delimiter=delimiter, header=header, footer=footer, date=date or "%Y-%m-%d",
        decimal=decimal, thousands=thousands, statuses=statuses,
        # Without a word or a sign, an amount of a bank's list of payments is one that went out.
        positive="credit" if any(sign in text for text in amounts for sign in NEGATIVE) else "debit", **found,
    )  # fmt: skip


# How banks write that an amount went the other way.
NEGATIVE = ("-", "(", "\N{MINUS SIGN}")


def _separators(amounts: list[str]) -> tuple[str, str]:
    """(decimal, thousands): by the last separator that has no three digits behind it."""
    for text in amounts:
        found = re.search(r"([.,' \u00a0])\d{1,2}\D*$", text.strip())
        if found and found[1] in ".,":
            others = set(re.findall(r"[.,' ]", text.replace("\u00a0", " "))) - {found[1]}
            return found[1], next(iter(others), "," if found[1] == "." else ".")
    return ".", "," if any("," in text for text in amounts) else ""


def _is_total(row: dict[str, str], found: dict[str, str]) -> bool:
    cells = [str(cell).strip().lower() for cell in row.values() if cell]
    return any(cell.startswith(("total", "sum", "end of")) for cell in cells)
