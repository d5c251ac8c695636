"""Files as banks write them, in few words; and what they make of the two lines of one file of ours."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
from gateway_bank_transfer.accounts import Ours
from gateway_bank_transfer.book import Book
from gateway_bank_transfer.profile import (
    FORMATS,
    AccountRules,
    AnswerRules,
    CalendarRules,
    CsvRules,
    FileRules,
    PaymentRules,
    Profile,
    TextRules,
)
from gateway_bank_transfer.reading.files import words
from gateway_bank_transfer.simulator import answers
from gateway_bank_transfer.simulator.answers import Booking, Status
from gateway_bank_transfer.staging import Staged
from gateway_bank_transfer.writing.payee import Where

NOW = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
ACCOUNT, ONE, TWO = "0055667788", "DEMO-000001", "DEMO-000002"
AMOUNTS = {ONE: 10_000, TWO: 25_000}
UETRS = {ONE: "0b3f3c1e-5a0d-4a6e-9a63-000000000001", TWO: "0b3f3c1e-5a0d-4a6e-9a63-000000000002"}
BATCH = {
    "msg_id": "DEMO-1", "pmt_inf_id": "DEMO-1-001", "currency": "GMD", "debtor_account": ACCOUNT,
    "items": [
        {"end_to_end_id": ONE, "amount": "100.00", "uetr": UETRS[ONE], "instr_id": "I-1"},
        {"end_to_end_id": TWO, "amount": "250.00", "uetr": UETRS[TWO], "instr_id": "I-2"},
    ],
}  # fmt: skip
MAPPING = CsvRules(
    encoding="utf-8-sig", delimiter=";", key="Ref", amount="Amount", booked="Date", date="%d/%m/%Y", decimal=",",
    thousands=".", positive="credit",
)  # fmt: skip


def profile(**rules: Any) -> Profile:
    return Profile(
        name="a bank", file=FileRules(), payment=PaymentRules(currencies=("GMD",)), text=TextRules(),
        accounts=AccountRules(kinds=("bank_account",)), calendar=CalendarRules(),
        answers=AnswerRules(**{"formats": FORMATS, **rules}), csv=MAPPING,
    )  # fmt: skip


def book(**rules: Any) -> Book:
    return Book.of(BATCH, profile(**rules).answers)


def read(body: str | bytes, **rules: Any) -> Staged:
    raw = body.encode() if isinstance(body, str) else body
    ours = Ours(Where(number=ACCOUNT), ("GMD",))
    return Staged.whole(words(lambda: io.BytesIO(raw), profile(**rules), ours), "mark")


def after(*bodies: str | bytes, **rules: Any) -> Book:
    """The picture after these files, in this order."""
    made = book(**rules)
    for body in bodies:
        made.apply(read(body, **rules).words())
    return made


def report(
    group: str = "", batch: str = "", lines: Sequence[Status] = (), reason: str = "", msg_id: str = "DEMO-1"
) -> str:
    made = "".join(
        answers.report("BK-1", msg_id, "pain.001.001.09", "DEMO-1-001", group, batch or "", lines, NOW, reason)
    )
    if batch and not lines:
        about = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>DEMO-1-001</OrgnlPmtInfId><PmtInfSts>{batch}</PmtInfSts>"
        made = made.replace("</OrgnlGrpInfAndSts>", f"</OrgnlGrpInfAndSts>{about}</OrgnlPmtInfAndSts>")
    return made


def rejected(key: str = TWO, reason: str = "AC01", own: bool = False) -> Status:
    return Status(key, f"X-{key}", "RJCT", reason, own)


def booking(*keys: str, reference: str = "", back: str = "", **how: Any) -> Booking:
    """One entry over these lines."""
    of = [(key, AMOUNTS[key]) for key in keys]
    made = Booking(reference or f"{'R' if back else 'B'}-{'-'.join(keys)}", sum(m for _, m in of), "GMD", of, back)
    return attrs.evolve(made, **how)


def batch_of(*keys: str, details: bool = False, **how: Any) -> Booking:
    return booking(*keys, msg_id="DEMO-1", pmt_inf="DEMO-1-001", details=details, **how)


def statement(*bookings: Booking, kind: str = "camt.053", number: int = 1, account: str = ACCOUNT) -> str:
    return "".join(answers.statement(kind, number, account, "GMD", 10**9, bookings, NOW))


def mt940(*bookings: Booking, account: str = ACCOUNT, number: int = 1) -> str:
    return "".join(answers.mt940(number, account, "GMD", 10**9, bookings, NOW))


# An answer to a request to cancel (camt.029).
CANCELLED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09">'
    "<RsltnOfInvstgtn><Assgnmt><Id>A-1</Id><Assgnr><Agt><FinInstnId><BICFI>BANKUGKA</BICFI></FinInstnId></Agt></Assgnr>"
    "<Assgne><Pty><Nm>Ministry</Nm></Pty></Assgne><CreDtTm>2026-11-25T11:00:00Z</CreDtTm></Assgnmt>"
    "<Sts><Conf>CNCL</Conf></Sts><CxlDtls>{details}</CxlDtls></RsltnOfInvstgtn></Document>"
)


def whole(status: str, reason: str = "", msg_id: str = "DEMO-1") -> str:
    """camt.029 about a whole file."""
    why = f"<CxlStsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></CxlStsRsnInf>" if reason else ""
    return CANCELLED.format(details=(
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{msg_id}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
        f"<GrpCxlSts>{status}</GrpCxlSts>{why}</OrgnlGrpInfAndSts>"
    ))  # fmt: skip
