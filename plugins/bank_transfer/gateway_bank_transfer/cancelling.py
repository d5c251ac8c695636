"""A cancellation request (camt.055) for a payment file, or for lines of it.

    python -m gateway_bank_transfer.cancelling FILE [--line KEY ...] --reason CUST > request.xml

The request is made from the very file that was handed over; the same request again has the same ids, so that a bank
notices a repeated one. It moves nothing: what the bank answers (camt.029) is read like its other files.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
from lxml import etree

from .calendar import utc
from .reading.camt import find, text
from .reading.safe import local
from .texts import escaped

REASONS = ("CUST", "DUPL", "TECH", "FRAD", "CURR", "CUTA", "AM09", "AC03", "UPAY", "NARR")
# The version that belongs to a version of the payment file.
VERSIONS: Mapping[str, str] = {"pain.001.001.03": "camt.055.001.01", "pain.001.001.09": "camt.055.001.08"}


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


def original(body: bytes) -> Original:
    """Read a payment file of ours. Raises ValueError."""
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    message = root[0]
    head, batch = find(message, "GrpHdr"), find(message, "PmtInf")
    version = str(etree.QName(root).namespace).rsplit(":", 1)[-1]
    if version not in VERSIONS or head is None or batch is None:
        raise ValueError(f"{version} is no payment file of ours")
    lines = {}
    for element in batch:
        if local(element.tag) == "CdtTrfTxInf":
            amount = find(element, "Amt", "InstdAmt")
            lines[text(element, "PmtId", "EndToEndId") or ""] = (str(amount.text), str(amount.get("Ccy")))
    given = {name: text(head, name) or "" for name in ("MsgId", "NbOfTxs", "CtrlSum")}
    day = text(batch, "ReqdExctnDt", "Dt") or text(batch, "ReqdExctnDt") or ""
    return Original(version, given["MsgId"], text(batch, "PmtInfId") or "", given["NbOfTxs"], given["CtrlSum"],
                    text(head, "InitgPty", "Nm") or "", day, lines)  # fmt: skip


def request(of: Original, bank: str, reason: str, at: datetime, lines: Sequence[str] = ()) -> bytes:
    """The request. `lines`: keys; none for the whole file. Raises ValueError for a key that is not in it."""
    if unknown := [key for key in lines if key not in of.lines]:
        raise ValueError(f"{', '.join(unknown)}: no line of {of.msg_id}")
    if reason not in REASONS:
        raise ValueError(f"{reason!r} is no reason for a cancellation")
    return "".join(_pieces(of, bank, reason, at, list(lines))).encode()


def _pieces(of: Original, bank: str, reason: str, at: datetime, lines: list[str]) -> Iterator[str]:
    version = VERSIONS[of.version]
    bic = "BIC" if version.endswith("01") else "BICFI"
    agent = f"<{bic}>{escaped(bank)}</{bic}>" if bank else "<Othr><Id>NOTPROVIDED</Id></Othr>"
    ident = "CX" + hashlib.sha256("\n".join([of.msg_id, reason, *sorted(lines)]).encode()).hexdigest()[:24].upper()
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


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gateway_bank_transfer.cancelling")
    parser.add_argument("file", type=Path, help="the payment file, as it was handed over")
    parser.add_argument("--line", action="append", default=[], metavar="KEY")
    parser.add_argument("--reason", default="CUST")
    parser.add_argument("--bank", default="", help="the bank's BIC")
    given = parser.parse_args(arguments)
    try:
        made = request(original(given.file.read_bytes()), given.bank, given.reason, datetime.now(UTC), given.line)
    except (ValueError, OSError, etree.XMLSyntaxError) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
