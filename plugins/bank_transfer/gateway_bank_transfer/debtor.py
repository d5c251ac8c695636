"""Who pays, from the channel's settings; what the bank would refuse of it is refused when the channel opens."""

from __future__ import annotations

import re
from importlib.util import find_spec

from gateway_core.contract import Unfit

from .profile import Profile
from .settings import BankTransferSettings
from .texts import foreign_letters, sent
from .writing.pain001 import Debtor
from .writing.payee import BIC, OLD_BIC, Where

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_LOCAL = re.compile(r"([A-Za-z0-9-]{2,20})(?:/([A-Za-z0-9-]{1,20}))?:([A-Za-z0-9-]{3,34})")
_CUSTOMER = re.compile(r"[A-Za-z0-9-]{0,35}")


def debtor_of(settings: BankTransferSettings, profile: Profile) -> Debtor:
    """The debtor. Raises Unfit with everything that is wrong."""
    where, bank = _where(settings.institution_account), settings.debtor_bank
    name = sent(settings.debtor_name, profile.text.charset, profile.text.name_max)
    bic = OLD_BIC if profile.file.version.endswith("03") else BIC
    bank = bank or where.bank
    wrong = [text for bad, text in (
        (not (where.iban or where.number), "institution_account: write an IBAN, or BANK:NUMBER"),
        (where.iban and not _mod97(where.iban), "institution_account: the IBAN has wrong check digits"),
        (not name, "debtor_name: write the name that the bank has registered"),
        (profile.text.charset != "unicode" and foreign_letters(settings.debtor_name),
         "debtor_name: it has letters that are not Latin; write the name that the bank has registered"),
        (bank and profile.accounts.bank == "bic" and not bic.fullmatch(bank), "debtor_bank: write the bank's BIC"),
        (bool(settings.sftp_host) and not settings.sftp_host_key,
         "sftp_host_key: write the server's public key, as its people tell it you"),
        (bool(settings.sftp_host) and not (settings.sftp_user and (settings.sftp_key or settings.sftp_password)),
         "sftp_user: write it, and sftp_key or sftp_password"),
        (bool(settings.sftp_host) and find_spec("asyncssh") is None,
         "sftp_host: asyncssh is missing (pip install 'gateway-core[sftp]')"),
        (not _CUSTOMER.fullmatch(settings.customer_id), "customer_id: up to 35 letters, digits and hyphens"),
    ) if bad]  # fmt: skip
    if wrong:
        raise Unfit("; ".join(wrong))
    return Debtor(name=name, where=where, bank=bank, customer=settings.customer_id)


def _where(text: str) -> Where:
    plain = text.replace(" ", "").upper()
    if _IBAN.fullmatch(plain):
        return Where(iban=plain)
    found = _LOCAL.fullmatch(text.strip())
    return Where(bank=found[1], branch=found[2] or "", number=found[3]) if found else Where()


def _mod97(iban: str) -> bool:
    return int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1
