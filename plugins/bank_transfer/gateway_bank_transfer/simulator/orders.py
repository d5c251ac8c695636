"""The bank's own reading of a payment file: a whole tree, by local names; nothing of the gateway's is used for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
from lxml import etree

from gateway_core.contract import decimals


@attrs.frozen
class Line:
    """One order. `account`: IBAN or number; `uetr` may be ''."""

    key: str
    instr: str
    uetr: str
    account: str
    name: str
    minor: int
    currency: str


@attrs.frozen
class Orders:
    """A payment file."""

    msg_id: str
    pmt_inf: str
    version: str
    account: str
    currency: str
    batch: bool
    total: Decimal
    lines: list[Line]


@attrs.frozen
class Cancellation:
    """A request to cancel (camt.055). `keys`: lines of the file `msg_id`; none for all of it."""

    ident: str
    msg_id: str
    pmt_inf: str
    keys: list[str]


class Faulty(Exception):
    """The bank cannot read it, or its counts are wrong: a code of the list of reasons, and its text."""


def read(body: bytes) -> Orders:
    """The orders of a file. Raises Faulty."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError as error:
        raise Faulty("FF01", str(error)) from None
    version = etree.QName(root).namespace.rsplit(":", 1)[-1]
    space = {"p": etree.QName(root).namespace}

    def one(path: str, at: Any = root) -> str:
        found = at.xpath(f"string({path})", namespaces=space)
        return str(found)

    lines = [_line(item, one) for item in root.iterfind(".//p:CdtTrfTxInf", namespaces=space)]
    total = sum(
        (Decimal(one("p:Amt/p:InstdAmt", item)) for item in root.iterfind(".//p:CdtTrfTxInf", space)), Decimal()
    )
    if one(".//p:GrpHdr/p:NbOfTxs") != str(len(lines)):
        raise Faulty("AM18", "the number of transactions is wrong")
    if Decimal(one(".//p:GrpHdr/p:CtrlSum")) != total:
        raise Faulty("AM10", "the control sum is wrong")
    return Orders(
        one(".//p:GrpHdr/p:MsgId"), one(".//p:PmtInf/p:PmtInfId"), version,
        one(".//p:DbtrAcct/p:Id//*[not(*) and local-name()!='Cd']"), lines[0].currency if lines else "",
        one(".//p:PmtInf/p:BtchBookg") == "true", total, lines,
    )  # fmt: skip


def _line(item: Any, one: Any) -> Line:
    currency = one("p:Amt/p:InstdAmt/@Ccy", item)
    amount = Decimal(one("p:Amt/p:InstdAmt", item)).scaleb(decimals(currency) or 0)
    if amount != int(amount) or amount <= 0:
        raise Faulty("AM12", f"an amount of {amount} in minor units")
    return Line(
        one("p:PmtId/p:EndToEndId", item), one("p:PmtId/p:InstrId", item), one("p:PmtId/p:UETR", item),
        one("p:CdtrAcct/p:Id//*[self::p:IBAN or self::p:Id[not(*)]]", item), one("p:Cdtr/p:Nm", item), int(amount),
        currency,
    )  # fmt: skip


def cancellation(body: bytes) -> Cancellation | None:
    """The request, if it is one."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError:
        return None
    if not root.xpath("*[local-name()='CstmrPmtCxlReq']"):
        return None

    def texts(name: str) -> list[str]:
        return [str(text) for text in root.xpath(f"//*[local-name()='{name}']/text()")]

    ident = str(root.xpath("string(//*[local-name()='Assgnmt']/*[local-name()='Id'])"))
    return Cancellation(ident, texts("OrgnlMsgId")[0], "".join(texts("OrgnlPmtInfId")), texts("OrgnlEndToEndId"))
