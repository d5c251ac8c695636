"""A cancellation request (camt.055) for a payment file, or for lines of it.

The request is made from the very file that was handed over. `gateway cancel-sent` asks two people, keeps the request
and sends it. It moves nothing: what the bank answers (camt.029) is read like its other files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

import attrs
from lxml import etree

from .calendar import utc
from .reading.camt import find, text
from .reading.safe import local
from .texts import escaped
from .writing.checking import schema

# Why, of ISO's list; the schema of 2009 knows only the first of them.
OLD_REASONS: Mapping[str, str] = {
    "CUST": "we ask for it", "DUPL": "it was sent twice", "CURR": "the currency is wrong",
    "UPAY": "it was not to be paid", "CUTA": "an earlier question about it was not answered",
}  # fmt: skip
REASONS: Mapping[str, str] = {
    **OLD_REASONS, "TECH": "a technical fault", "FRAD": "fraud", "AM09": "the amount is wrong",
    "AC03": "the account is wrong",
}  # fmt: skip
# The version that belongs to a version of the payment file.
VERSIONS: Mapping[str, str] = {"pain.001.001.03": "camt.055.001.01", "pain.001.001.09": "camt.055.001.08"}


def reasons(version: str) -> Mapping[str, str]:
    """What may be said about a payment file of this version."""
    return OLD_REASONS if version.endswith("03") else REASONS


@attrs.frozen
class Original:
    """What is cancelled, as it was handed over."""

    version: str
    msg_id: str
    pmt_inf: str
    count: str
    total: str
    party: str
    day: str
    lines: Mapping[str, tuple[str, str]]


def original(file: BinaryIO, keys: Collection[str] | None = None) -> Original:
    """Read a payment file of ours, as a stream; of its lines those with these keys (None: all). Raises ValueError."""
    found, lines = dict[str, str](), dict[str, tuple[str, str]]()
    tags = ["{*}" + name for name in ("GrpHdr", "PmtInfId", "ReqdExctnDt", "CdtTrfTxInf")]
    version = ""
    for _, element in etree.iterparse(file, tag=tags, resolve_entities=False, no_network=True, huge_tree=True):
        version = version or str(etree.QName(element).namespace).rsplit(":", 1)[-1]
        match local(element.tag):
            case "GrpHdr":
                found |= {name: text(element, name) or "" for name in ("MsgId", "NbOfTxs", "CtrlSum")}
                found["party"] = text(element, "InitgPty", "Nm") or ""
            case "PmtInfId":
                found["PmtInfId"] = element.text or ""
            case "ReqdExctnDt":
                found["day"] = text(element, "Dt") or element.text or ""
            case _:
                key = text(element, "PmtId", "EndToEndId") or ""
                if keys is None or key in keys:
                    amount = find(element, "Amt", "InstdAmt")
                    lines[key] = (str(amount.text), str(amount.get("Ccy")))
                element.clear()
                if (before := element.getprevious()) is not None and before.tag == element.tag:
                    before.getparent().remove(before)
    if version not in VERSIONS or not {"MsgId", "PmtInfId"} <= set(found):
        raise ValueError(f"{version or 'it'} is no payment file of ours")
    return Original(version, found["MsgId"], found["PmtInfId"], found["NbOfTxs"], found["CtrlSum"], found["party"],
                    found.get("day", ""), lines)  # fmt: skip


def request(
    of: Original, bank: str, reason: str, at: datetime, ident: str, lines: Sequence[str] = ()
) -> bytes:  # fmt: skip
    """The request. `lines`: keys; none for the whole file. Raises ValueError for a key that is not in it."""
    if unknown := [key for key in lines if key not in of.lines]:
        raise ValueError(f"{', '.join(unknown)}: no line of {of.msg_id}")
    if reason not in reasons(of.version):
        raise ValueError(f"{reason!r} is no reason for a cancellation of {of.version}")
    return "".join(_pieces(of, bank, reason, at, list(lines), ident)).encode()


def checked(body: bytes, schemas: str) -> bytes:
    """The same, once ISO's schema has been asked, where there is one. Raises ValueError for what it refuses."""
    tree = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    known = schema(schemas, str(etree.QName(tree).namespace).rsplit(":", 1)[-1])
    if known is not None and not known.validate(tree):
        raise ValueError(f"the schema refuses it: {known.error_log.last_error}")
    return body


def _pieces(
    of: Original, bank: str, reason: str, at: datetime, lines: list[str], ident: str
) -> Iterator[str]:  # fmt: skip
    version = VERSIONS[of.version]
    bic = "BIC" if version.endswith("01") else "BICFI"
    agent = f"<{bic}>{escaped(bank)}</{bic}>" if bank else "<Othr><Id>NOTPROVIDED</Id></Othr>"
    why = f"<CxlRsnInf><Rsn><Cd>{reason}</Cd></Rsn></CxlRsnInf>"
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">'
        f"<CstmrPmtCxlReq><Assgnmt><Id>{ident}</Id><Assgnr><Pty><Nm>{escaped(of.party)}</Nm></Pty></Assgnr>"
        f"<Assgne><Agt><FinInstnId>{agent}</FinInstnId></Agt></Assgne><CreDtTm>{utc(at)}</CreDtTm></Assgnmt>"
        f"<CtrlData><NbOfTxs>{len(lines) or of.count}</NbOfTxs></CtrlData><Undrlyg>\n"
    )
    group = f"<OrgnlMsgId>{of.msg_id}</OrgnlMsgId><OrgnlMsgNmId>{of.version}</OrgnlMsgNmId>"
    if not lines:
        yield (
            f"<OrgnlGrpInfAndCxl>{group}<NbOfTxs>{of.count}</NbOfTxs><CtrlSum>{of.total}</CtrlSum>"
            f"<GrpCxl>true</GrpCxl>{why}</OrgnlGrpInfAndCxl>\n"
        )
    else:
        yield f"<OrgnlPmtInfAndCxl><OrgnlPmtInfId>{of.pmt_inf}</OrgnlPmtInfId><OrgnlGrpInf>{group}</OrgnlGrpInf>\n"
        for n, key in enumerate(lines, start=1):
            amount, currency = of.lines[key]
            yield (
                f"<TxInf><CxlId>{ident}-{n}</CxlId><OrgnlInstrId>{key}</OrgnlInstrId>"
                f"<OrgnlEndToEndId>{key}</OrgnlEndToEndId>"
                f'<OrgnlInstdAmt Ccy="{currency}">{amount}</OrgnlInstdAmt>{_day(of)}{why}</TxInf>\n'
            )
        yield "</OrgnlPmtInfAndCxl>\n"
    yield "</Undrlyg></CstmrPmtCxlReq></Document>\n"


def _day(of: Original) -> str:
    inner = of.day if of.version.endswith("03") else f"<Dt>{of.day}</Dt>"
    return f"<OrgnlReqdExctnDt>{inner}</OrgnlReqdExctnDt>" if of.day else ""
