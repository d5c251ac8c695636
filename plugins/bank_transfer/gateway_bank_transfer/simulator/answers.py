"""The bank's files: pain.002, camt.029, camt.053, camt.054, MT940 and CSV, as strings, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import attrs

from gateway_core.contract import Money, decimals


@attrs.frozen
class Status:
    """What a report says of one line. `reason`: a code of the list, or (with `own`) of the bank's own."""

    key: str
    instr: str
    status: str
    reason: str = ""
    own: bool = False


@attrs.frozen
class Booking:
    """One entry. `keys`: the lines in it with their amounts; `back`: money that came back, by a reason."""

    reference: str
    minor: int
    currency: str
    keys: Sequence[tuple[str, int]]
    back: str = ""
    msg_id: str = ""
    pmt_inf: str = ""
    details: bool = True


def report(
    msg_id: str, original: str, version: str, pmt_inf: str, group: str, batch: str, lines: Iterable[Status],
    at: datetime, reason: str = "",
) -> Iterator[str]:  # fmt: skip
    """A pain.002.001.10."""
    why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10">'
        f"<CstmrPmtStsRpt><GrpHdr><MsgId>{msg_id}</MsgId><CreDtTm>{at:%Y-%m-%dT%H:%M:%SZ}</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{original}</OrgnlMsgId><OrgnlMsgNmId>{version}</OrgnlMsgNmId>"
        f"{f'<GrpSts>{group}</GrpSts>' if group else ''}{why}</OrgnlGrpInfAndSts>\n"
    )
    first = True
    for line in lines:
        if first:
            yield f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{pmt_inf}</OrgnlPmtInfId>"
            yield f"<PmtInfSts>{batch}</PmtInfSts>\n" if batch else "\n"
            first = False
        kind = "Prtry" if line.own else "Cd"
        because = f"<StsRsnInf><Rsn><{kind}>{line.reason}</{kind}></Rsn></StsRsnInf>" if line.reason else ""
        yield (
            f"<TxInfAndSts><OrgnlInstrId>{line.instr}</OrgnlInstrId><OrgnlEndToEndId>{line.key}</OrgnlEndToEndId>"
            f"<TxSts>{line.status}</TxSts>{because}</TxInfAndSts>\n"
        )
    yield "</CstmrPmtStsRpt></Document>\n" if first else "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n"


def statement(
    kind: str, number: int, account: str, currency: str, opening: int, bookings: Sequence[Booking], at: datetime
) -> Iterator[str]:  # fmt: skip
    """A camt.053 or camt.054 of the version .08. `opening`: the balance before, in minor units."""
    message, part = {"camt.053": ("BkToCstmrStmt", "Stmt"), "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}[kind]
    iban = account[:2].isalpha() and account[2:4].isdigit()
    ident = f"<IBAN>{account}</IBAN>" if iban else f"<Othr><Id>{account}</Id></Othr>"
    now, day = f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d}"
    closing = opening + sum(_signed(booking) for booking in bookings)
    balances = _balance("OPBD", opening, currency, day) + _balance("CLBD", closing, currency, day)
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{kind}.001.08">'
        f"<{message}><GrpHdr><MsgId>{kind}-{number}</MsgId><CreDtTm>{now}</CreDtTm></GrpHdr><{part}>"
        f"<Id>{part}-{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{now}</CreDtTm>"
        f"<Acct><Id>{ident}</Id><Ccy>{currency}</Ccy></Acct>{balances if kind == 'camt.053' else ''}\n"
    )
    for booking in bookings:
        yield from _entry(booking, day)
    yield f"</{part}></{message}></Document>\n"


def _signed(booking: Booking) -> int:
    return booking.minor if booking.back else -booking.minor


def _balance(kind: str, minor: int, currency: str, day: str) -> str:
    side = "CRDT" if minor >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{Money(abs(minor), currency).text}'
        f"</Amt><CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(booking: Booking, day: str) -> Iterator[str]:
    side, family = ("CRDT", "RRTN") if booking.back else ("DBIT", "DMCT")
    amount = f'<Amt Ccy="{booking.currency}">{Money(booking.minor, booking.currency).text}</Amt>'
    yield (
        f"<Ntry>{amount}<CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{booking.reference}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd>"
        f"<Fmly><Cd>ICDT</Cd><SubFmlyCd>{family}</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls>\n"
    )
    if booking.msg_id:
        yield (
            f"<Btch><MsgId>{booking.msg_id}</MsgId><PmtInfId>{booking.pmt_inf}</PmtInfId>"
            f"<NbOfTxs>{len(booking.keys)}</NbOfTxs></Btch>\n"
        )
    for key, minor in booking.keys if booking.details else ():
        back = f"<RtrInf><Rsn><Cd>{booking.back}</Cd></Rsn></RtrInf>" if booking.back else ""
        yield (
            f"<TxDtls><Refs><EndToEndId>{key}</EndToEndId></Refs>"
            f'<Amt Ccy="{booking.currency}">{Money(minor, booking.currency).text}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
            f"{back}</TxDtls>\n"
        )
    yield "</NtryDtls></Ntry>\n"


def mt940(
    number: int, account: str, currency: str, opening: int, bookings: Sequence[Booking], at: datetime
) -> Iterator[str]:  # fmt: skip
    """An MT940; a batch is booked line by line in it."""
    day, closing = f"{at:%y%m%d}", opening + sum(_signed(booking) for booking in bookings)
    yield f":20:STMT{number}\r\n:25:{account}\r\n:28C:{number}/1\r\n:60F:{_mt(opening, day, currency)}\r\n"
    for booking in bookings:
        for key, minor in booking.keys:
            mark = "C" if booking.back else "D"
            yield f":61:{day}{day[2:]}{mark}{_comma(minor, currency)}NTRF{key}//{booking.reference[:16]}\r\n"
            yield f":86:/EREF/{key}/{'/RTRN/' + booking.back + '/' if booking.back else ''}\r\n"
    yield f":62F:{_mt(closing, day, currency)}\r\n-\r\n"


def _mt(minor: int, day: str, currency: str) -> str:
    return f"{'C' if minor >= 0 else 'D'}{day}{currency}{_comma(abs(minor), currency)}"


def _comma(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-(decimals(currency) or 0)):f}".replace(".", ",") + (
        "" if decimals(currency) else ","
    )


@attrs.frozen
class Row:
    """A row of a CSV file. `number`: of the operation, once there is one; `status`: as `STATUSES` has it."""

    key: str
    minor: int
    currency: str
    status: str
    number: str = ""
    reason: str = ""


def rows(given: Iterable[Row], at: datetime) -> Iterator[str]:
    """A CSV file as a central bank's system writes it, and the example of its profile reads it."""
    yield "REFERENCE;LIBELLE;NUMERO OPERATION;MONTANT;DEVISE;DATE;STATUT;MOTIF\r\n"
    for row in given:
        amount = f"{Decimal(row.minor).scaleb(-(decimals(row.currency) or 0)):,f}".translate(_FRENCH)
        yield (f"{row.key};VIREMENT;{row.number};{amount};{row.currency};{at:%d/%m/%Y};{row.status};{row.reason}\r\n")


_FRENCH = str.maketrans({",": " ", ".": ","})


def resolution(ident: str, pmt_inf: str, lines: Iterable[Status], at: datetime) -> Iterator[str]:
    """A camt.029.001.09: what became of each line that was to be cancelled."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09">'
        f"<RsltnOfInvstgtn><Assgnmt><Id>R{ident}</Id><Assgnr><Pty><Nm>The bank</Nm></Pty></Assgnr>"
        f"<Assgne><Pty><Nm>Its customer</Nm></Pty></Assgne><CreDtTm>{at:%Y-%m-%dT%H:%M:%SZ}</CreDtTm></Assgnmt>"
        "<Sts><Conf>INFO</Conf></Sts><CxlDtls><OrgnlPmtInfAndSts>"
        f"<OrgnlPmtInfId>{pmt_inf}</OrgnlPmtInfId>\n"
    )
    for line in lines:
        why = f"<CxlStsRsnInf><Rsn><Cd>{line.reason}</Cd></Rsn></CxlStsRsnInf>" if line.reason else ""
        yield (
            f"<TxInfAndSts><OrgnlEndToEndId>{line.key}</OrgnlEndToEndId><TxCxlSts>{line.status}</TxCxlSts>{why}"
            "</TxInfAndSts>\n"
        )
    yield "</OrgnlPmtInfAndSts></CxlDtls></RsltnOfInvstgtn></Document>\n"
