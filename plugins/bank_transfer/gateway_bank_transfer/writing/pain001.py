"""pain.001 (CustomerCreditTransferInitiation) of 2009 (.03) and 2019 (.09), written as a stream from templates.

The order of elements is the schemas' own. One file holds one batch (PmtInf): one debtor account, one day, one
currency. `head` and `transaction` differ between the versions only where the table at the end says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache

import attrs

from ..keys import pmt_inf_id, uetr_of
from ..profile import Profile
from ..texts import escaped
from .payee import Payee, Where

# So many lines are in memory at once.
CHUNK = 100


@attrs.frozen(kw_only=True)
class Debtor:
    """Who pays, and from where: all texts as they are sent. `customer`: the bank's number for who sends the file."""

    name: str
    where: Where
    bank: str
    customer: str


@attrs.frozen(kw_only=True)
class Head:
    """What a file says once. `total`: the control sum as the file has it."""

    msg_id: str
    created: str
    count: int
    total: str
    currency: str
    day: date
    debtor: Debtor
    profile: Profile


def write(head: Head, payees: Iterable[Payee]) -> Iterator[bytes]:
    """The file, piece by piece."""
    version = _VERSIONS[head.profile.file.version]
    yield _head(head, version).encode()
    transaction = _transaction(head.profile, version)
    pieces: list[str] = []
    for payee in payees:
        pieces.append(transaction(payee))
        if len(pieces) == CHUNK:
            yield "".join(pieces).encode()
            pieces.clear()
    yield ("".join(pieces) + "</PmtInf></CstmrCdtTrfInitn></Document>\n").encode()


@attrs.frozen
class _Version:
    bic: str
    day: Callable[[date], str]
    proxy: bool


def _element(name: str, content: str) -> str:
    """The element, or nothing where it would be empty."""
    return f"<{name}>{content}</{name}>" if content else ""


def _head(head: Head, version: _Version) -> str:
    profile, debtor = head.profile, head.debtor
    counts = f"<NbOfTxs>{head.count}</NbOfTxs><CtrlSum>{head.total}</CtrlSum>"
    other = _element("Othr", _element("Id", escaped(debtor.customer)) + _SCHEME if debtor.customer else "")
    name = _element("Nm", escaped(debtor.name))
    account = _account(debtor.where, "", head.currency, version)
    booking = profile.file.batch_booking
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<!-- profile {profile.sha256} -->\n"
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{profile.file.version}"><CstmrCdtTrfInitn>'
        f"<GrpHdr><MsgId>{head.msg_id}</MsgId><CreDtTm>{head.created}</CreDtTm>{counts}"
        f"<InitgPty>{name}{_element('Id', _element('OrgId', other))}</InitgPty></GrpHdr>\n"
        f"<PmtInf><PmtInfId>{pmt_inf_id(head.msg_id)}</PmtInfId><PmtMtd>TRF</PmtMtd>"
        f"{'' if booking is None else f'<BtchBookg>{str(booking).lower()}</BtchBookg>'}{counts}{_kind(profile)}"
        f"<ReqdExctnDt>{version.day(head.day)}</ReqdExctnDt><Dbtr>{name}</Dbtr><DbtrAcct>{account}</DbtrAcct>"
        f"<DbtrAgt>{_agent(debtor.bank, profile, version)}</DbtrAgt>"
        f"<ChrgBr>{profile.payment.charge_bearer}</ChrgBr>\n"
    )


_SCHEME = "<SchmeNm><Cd>BANK</Cd></SchmeNm>"


def _kind(profile: Profile) -> str:
    rules = profile.payment
    local = _element("LclInstrm", _element("Prtry", escaped(rules.local_instrument)))
    service = _element("SvcLvl", _element("Cd", rules.service_level))
    category = _element("CtgyPurp", _element("Cd", rules.category_purpose))
    return _element("PmtTpInf", _element("InstrPrty", rules.priority) + service + local + category)


def _agent(code: str, profile: Profile, version: _Version, branch: str = "") -> str:
    """A bank: by its BIC, its code in the clearing, or a code of its own; without any, as scheme files have it."""
    code = escaped(code)
    if not code:
        return "<FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>"
    if profile.accounts.bank == "bic":
        inner = _element(version.bic, code)
    elif profile.accounts.bank == "clearing":
        system = _element("ClrSysId", _element("Cd", profile.accounts.clearing_system))
        inner = _element("ClrSysMmbId", system + _element("MmbId", code))
    else:
        inner = _element("Othr", _element("Id", code))
    return _element("FinInstnId", inner) + _element("BrnchId", _element("Id", escaped(branch)))


def _account(where: Where, kind: str, currency: str, version: _Version) -> str:
    if where.iban:
        ident = f"<IBAN>{where.iban}</IBAN>"
    elif where.proxy:
        ident = f"<Othr><Id>{escaped(where.number)}</Id></Othr>"
    else:
        ident = f"<Othr><Id>{escaped(where.number)}</Id><SchmeNm><Cd>BBAN</Cd></SchmeNm></Othr>"
    proxy = f"<Prxy><Tp><Cd>MBNO</Cd></Tp><Id>{where.proxy}</Id></Prxy>" if where.proxy and version.proxy else ""
    return f"<Id>{ident}</Id>{_element('Tp', _element('Cd', kind))}{_element('Ccy', currency)}{proxy}"


def _transaction(profile: Profile, version: _Version) -> Callable[[Payee], str]:
    kind, uetr = profile.accounts.type, profile.payment.uetr

    # A payroll goes to few banks.
    @lru_cache(maxsize=1024)
    def agent_of(bank: str, branch: str, bic: str) -> str:
        if bank:
            return f"<CdtrAgt>{_agent(bank, profile, version, branch)}</CdtrAgt>"
        return f"<CdtrAgt><FinInstnId><{version.bic}>{bic}</{version.bic}></FinInstnId></CdtrAgt>" if bic else ""

    def line(payee: Payee) -> str:
        where, key = payee.where, payee.key
        tracked = f"<UETR>{uetr_of(key)}</UETR>" if uetr else ""
        purpose = f"<Purp><Cd>{payee.purpose}</Cd></Purp>" if payee.purpose else ""
        remittance = f"<RmtInf><Ustrd>{escaped(payee.remittance)}</Ustrd></RmtInf>" if payee.remittance else ""
        return (
            f"<CdtTrfTxInf><PmtId><InstrId>{key}</InstrId><EndToEndId>{key}</EndToEndId>{tracked}</PmtId>"
            f'<Amt><InstdAmt Ccy="{payee.currency}">{payee.amount}</InstdAmt></Amt>'
            f"{agent_of(where.bank, where.branch, payee.bic)}"
            f"<Cdtr><Nm>{escaped(payee.name)}</Nm></Cdtr><CdtrAcct>{_account(where, kind, '', version)}</CdtrAcct>"
            f"{purpose}{remittance}</CdtTrfTxInf>\n"
        )

    return line


_VERSIONS: Mapping[str, _Version] = {
    "pain.001.001.03": _Version(bic="BIC", day=date.isoformat, proxy=False),
    "pain.001.001.09": _Version(bic="BICFI", day=lambda day: f"<Dt>{day.isoformat()}</Dt>", proxy=True),
}
