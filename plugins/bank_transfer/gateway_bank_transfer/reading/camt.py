"""camt.052, camt.053 and camt.054 of every version, as a stream of parts with the texts as they stand in the file.

    file, then of each statement: statement, balances; of each entry: entry, of each of its groups of details: details,
    transactions; then closed (the entry), and ended (the statement)

Elements are found by their local names: .02 and .08 differ where `_first` has several places to look at. What was read
is let go at once: a batch entry with 100,000 details needs no more memory than one with two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from .safe import local

# What a part is, and its texts; None where the file says nothing.
Part: TypeAlias = tuple[str, dict[str, Any]]
KINDS = {"BkToCstmrAcctRpt": "camt.052", "BkToCstmrStmt": "camt.053", "BkToCstmrDbtCdtNtfctn": "camt.054"}
STATEMENTS = frozenset({"Rpt", "Stmt", "Ntfctn"})
TAGS = ["GrpHdr", "TxDtls", "NtryDtls", "Ntry", *STATEMENTS]


def find(element: Any, *names: str) -> Any:
    """The first descendant along these local names; None where there is none."""
    for name in names:
        for child in element:
            if local(child.tag) == name:
                element = child
                break
        else:
            return None
    return element


def text(element: Any, *names: str) -> str | None:
    """Its text."""
    found = find(element, *names) if element is not None else None
    return None if found is None else (found.text or "").strip()


def _first(element: Any, *paths: tuple[str, ...]) -> str | None:
    for path in paths:
        if (found := text(element, *path)) is not None:
            return found
    return None


def children(element: Any) -> dict[str, Any]:
    """Its children by local name, the first of each."""
    found: dict[str, Any] = {}
    if element is not None:
        for child in element:
            found.setdefault(local(child.tag), child)
    return found


def _text(element: Any) -> str | None:
    """Its own text; None where there is no such element."""
    return None if element is None else (element.text or "").strip()


def _money(element: Any) -> tuple[str | None, str | None]:
    return (None, None) if element is None else ((element.text or "").strip(), element.get("Ccy"))


class Camt:
    """Sees the elements of one message, and tells their parts; `full`: also what nobody decides by."""

    def __init__(self, tell: Callable[[str, dict[str, Any]], None], full: bool) -> None:
        self._tell, self._full = tell, full
        self._statement: Any = None
        self._entry: Any = None
        self._details: Any = None

    def see(self, element: Any) -> None:
        """One complete element; it is let go."""
        _SEES[local(element.tag)](self, element)

    def _head(self, element: Any) -> None:
        page = find(element, "MsgPgntn")
        said = {"msg_id": text(element, "MsgId"), "created": text(element, "CreDtTm")}
        self._tell("file", {**said, "page": text(page, "PgNb"), "last_page": text(page, "LastPgInd")})

    # -- statements ---------------------------------------------------------------------------------------------------

    def _begin(self, statement: Any) -> None:
        if self._statement is not None:
            return
        self._statement = statement
        known = children(statement)
        account = known.get("Acct")
        ident = find(account, "Id") if account is not None else None
        self._tell("statement", {
            "id": text(statement, "Id"), "electronic_seq": text(statement, "ElctrncSeqNb"),
            "legal_seq": text(statement, "LglSeqNb"), "created": text(statement, "CreDtTm"),
            "copy_duplicate": text(statement, "CpyDplctInd"),
            "account": _first(ident, ("IBAN",), ("Othr", "Id")), "currency": text(account, "Ccy"),
        })  # fmt: skip
        self._told = {"entries": text(statement, "TxsSummry", "TtlNtries", "NbOfNtries")}
        for child in statement:
            if local(child.tag) == "Bal":
                self._balance(child)

    def _balance(self, balance: Any) -> None:
        amount, currency = _money(find(balance, "Amt"))
        self._tell("balance", {
            "type": _first(balance, ("Tp", "CdOrPrtry", "Cd"), ("Tp", "CdOrPrtry", "Prtry")), "amount": amount,
            "currency": currency, "credit_debit": text(balance, "CdtDbtInd"),
            "date": _first(balance, ("Dt", "Dt"), ("Dt", "DtTm")),
        })  # fmt: skip

    def _end(self, statement: Any) -> None:
        self._begin(statement)
        self._tell("ended", self._told)
        self._statement = self._entry = self._details = None
        _let_go(statement)

    # -- entries ------------------------------------------------------------------------------------------------------

    def _open(self, entry: Any) -> None:
        if self._entry is not None:
            return
        self._begin(entry.getparent())
        self._entry = entry
        known = children(entry)
        amount, currency = _money(known.get("Amt"))
        reversal, status = _text(known.get("RvslInd")), known.get("Sts")
        said: dict[str, Any] = {
            "entry_ref": _text(known.get("NtryRef")), "amount": amount, "currency": currency,
            "credit_debit": _text(known.get("CdtDbtInd")),
            "reversal": None if reversal is None else reversal in ("true", "1"),
            "status": None if status is None
            else _first(status, ("Cd",), ("Prtry",)) or (status.text or "").strip() or None,
            "booking_date": _first(known.get("BookgDt"), ("Dt",), ("DtTm",)),
            "acct_svcr_ref": _text(known.get("AcctSvcrRef")),
        }  # fmt: skip
        self._tell("entry", said | _more_of_entry(known) if self._full else said)

    def _close(self, entry: Any) -> None:
        self._open(entry)
        self._tell("closed", {"additional_info": text(entry, "AddtlNtryInf")})
        self._entry = self._details = None
        _let_go(entry)

    # -- details ------------------------------------------------------------------------------------------------------

    def _group(self, details: Any) -> None:
        if self._details is not None:
            return
        self._open(details.getparent())
        self._details = details
        batch, total = find(details, "Btch"), find(details, "Btch", "TtlAmt")
        self._tell("details", {"batch": None if batch is None else {
            "msg_id": text(batch, "MsgId"), "pmt_inf_id": text(batch, "PmtInfId"),
            "nb_of_txs": text(batch, "NbOfTxs"), "total": text(batch, "TtlAmt"),
        }, "_total_currency": None if total is None else total.get("Ccy")})  # fmt: skip

    def _ungroup(self, details: Any) -> None:
        self._group(details)
        self._details = None
        _let_go(details)

    def _transaction(self, element: Any) -> None:
        self._group(element.getparent())
        known = children(element)
        refs = {name: (e.text or "").strip() for name, e in children(known.get("Refs")).items()}
        amount, currency, source = _amount(known)
        returned = known.get("RtrInf")
        said = {
            "msg_id": refs.get("MsgId"), "acct_svcr_ref": refs.get("AcctSvcrRef"),
            "pmt_inf_id": refs.get("PmtInfId"), "instr_id": refs.get("InstrId"),
            "end_to_end_id": refs.get("EndToEndId"), "uetr": refs.get("UETR"),
            "amount": amount, "currency": currency, "credit_debit": _text(known.get("CdtDbtInd")),
            "remittance": _remittance(known.get("RmtInf")),
            "return": None if returned is None else {
                "code": text(returned, "Rsn", "Cd"), "proprietary": text(returned, "Rsn", "Prtry"),
                "info": [(e.text or "").strip() for e in returned if local(e.tag) == "AddtlInf"],
            },
        }  # fmt: skip
        if self._full:
            said |= {"tx_id": refs.get("TxId"), "amount_source": source, **_parties(known.get("RltdPties"))}
        self._tell("transaction", said)
        _let_go(element)


def _more_of_entry(known: dict[str, Any]) -> dict[str, Any]:
    """What nobody decides by."""
    code = children(known.get("BkTxCd"))
    domain = children(code.get("Domn"))
    family = children(domain.get("Fmly"))
    return {
        "value_date": _first(known.get("ValDt"), ("Dt",), ("DtTm",)),
        "bank_tx_code": {
            "domain": _text(domain.get("Cd")), "family": _text(family.get("Cd")),
            "subfamily": _text(family.get("SubFmlyCd")), "proprietary": text(code.get("Prtry"), "Cd"),
        },
    }  # fmt: skip


def _parties(parties: Any) -> dict[str, Any]:
    if parties is None:
        return {"creditor_name": None, "creditor_account": None}
    names = (("Cdtr", "Nm"), ("Cdtr", "Pty", "Nm"), ("Cdtr", "Agt", "FinInstnId", "Nm"))
    numbers = (("CdtrAcct", "Id", "IBAN"), ("CdtrAcct", "Id", "Othr", "Id"))
    return {"creditor_name": _first(parties, *names), "creditor_account": _first(parties, *numbers)}


def _amount(known: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """(amount, currency, where it stands)."""
    if (found := known.get("Amt")) is not None:
        return *_money(found), "TxDtls/Amt"
    for name in ("TxAmt", "InstdAmt"):
        found = find(known["AmtDtls"], name, "Amt") if "AmtDtls" in known else None
        if found is not None:
            return *_money(found), f"AmtDtls/{name}"
    return None, None, None


def _remittance(element: Any) -> list[str]:
    if element is None:
        return []
    return [(e.text or "").strip() for e in element if local(e.tag) == "Ustrd"]


def _let_go(element: Any) -> None:
    """Empty it, and drop its brothers before it that were emptied."""
    element.clear(keep_tail=False)
    tag, before = element.tag, element.getprevious()
    if before is not None and before.tag == tag:
        before.getparent().remove(before)


_SEES: dict[str, Callable[[Camt, Any], None]] = {
    "GrpHdr": Camt._head,
    "TxDtls": Camt._transaction,
    "NtryDtls": Camt._ungroup,
    "Ntry": Camt._close,
    **dict.fromkeys(STATEMENTS, Camt._end),
}
