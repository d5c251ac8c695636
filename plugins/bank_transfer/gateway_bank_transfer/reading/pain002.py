"""pain.002 of every version, as a stream of parts: report (the group), batch (a PmtInf), transaction.

The deepest comes first where the file has it so; every status is optional at every level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .camt import _let_go, children, text
from .safe import local

TAGS = ["GrpHdr", "OrgnlGrpInfAndSts", "TxInfAndSts", "OrgnlPmtInfAndSts"]


def reasons(element: Any) -> list[dict[str, Any]]:
    """Every StsRsnInf."""
    return [
        {
            "code": text(item, "Rsn", "Cd"), "proprietary": text(item, "Rsn", "Prtry"),
            "info": [(e.text or "").strip() for e in item if local(e.tag) == "AddtlInf"],
        }
        for item in element if local(item.tag) == "StsRsnInf"
    ]  # fmt: skip


def per_status(element: Any) -> list[dict[str, Any]]:
    """Every NbOfTxsPerSts."""
    return [
        {"status": text(item, "DtldSts"), "nb_of_txs": text(item, "DtldNbOfTxs"), "ctrl_sum": text(item, "DtldCtrlSum")}
        for item in element if local(item.tag) == "NbOfTxsPerSts"
    ]  # fmt: skip


class Pain002:
    """Sees the elements of one report, and tells their parts."""

    def __init__(self, tell: Callable[[str, dict[str, Any]], None], full: bool) -> None:
        self._tell = tell
        self._batch: Any = None

    def see(self, element: Any) -> None:
        """One complete element; it is let go."""
        _SEES[local(element.tag)](self, element)

    def _head(self, element: Any) -> None:
        self._tell("file", {"msg_id": text(element, "MsgId"), "created": text(element, "CreDtTm")})

    def _group(self, element: Any) -> None:
        self._tell("report", {
            "orgnl_msg_id": text(element, "OrgnlMsgId"), "orgnl_msg_nm_id": text(element, "OrgnlMsgNmId"),
            "orgnl_nb_of_txs": text(element, "OrgnlNbOfTxs"), "orgnl_ctrl_sum": text(element, "OrgnlCtrlSum"),
            "group_status": text(element, "GrpSts"), "group_reasons": reasons(element),
            "per_status": per_status(element),
        })  # fmt: skip

    def _begin(self, element: Any) -> None:
        if self._batch is not None:
            return
        self._batch = element
        self._tell("batch", {
            "orgnl_pmt_inf_id": text(element, "OrgnlPmtInfId"), "status": text(element, "PmtInfSts"),
            "reasons": reasons(element), "per_status": per_status(element),
            "_nb_of_txs": text(element, "OrgnlNbOfTxs"),
        })  # fmt: skip

    def _end(self, element: Any) -> None:
        self._begin(element)
        self._batch = None
        self._tell("ended", {})
        _let_go(element)

    def _transaction(self, element: Any) -> None:
        self._begin(element.getparent())
        known = children(element)
        original = known.get("OrgnlTxRef")
        amount = children(children(original).get("Amt")).get("InstdAmt")
        self._tell("transaction", {
            "orgnl_instr_id": text(element, "OrgnlInstrId"), "orgnl_end_to_end_id": text(element, "OrgnlEndToEndId"),
            "orgnl_uetr": text(element, "OrgnlUETR"), "status": text(element, "TxSts"), "reasons": reasons(element),
            "acct_svcr_ref": text(element, "AcctSvcrRef"),
            "_amount": None if amount is None else ((amount.text or "").strip(), amount.get("Ccy")),
        })  # fmt: skip
        _let_go(element)


_SEES: dict[str, Callable[[Pain002, Any], None]] = {
    "GrpHdr": Pain002._head,
    "OrgnlGrpInfAndSts": Pain002._group,
    "TxInfAndSts": Pain002._transaction,
    "OrgnlPmtInfAndSts": Pain002._end,
}
