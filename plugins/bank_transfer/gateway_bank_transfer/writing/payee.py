"""One payment as a bank's file has it: every text as it is sent, or everything that is wrong with it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import attrs

from gateway_core.contract import Account, Money, Payment

from ..profile import AccountRules, Profile
from ..texts import foreign_letters, sent

BIC = re.compile(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
OLD_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?")
# Such a letter or digit is left of a name in every set of characters.
_WRITES = re.compile("[A-Za-z0-9]")
# What the schemas let a local account number have.
NUMBER = 34


@attrs.frozen(slots=True)
class Where:
    """An account in parts: iban, or bank, branch and number; or a telephone number (`proxy`)."""

    iban: str = ""
    bank: str = ""
    branch: str = ""
    number: str = ""
    proxy: str = ""


@attrs.frozen(slots=True)
class Payee:
    """A line of the file. `amount` as the file has it; texts are not yet escaped."""

    key: str
    amount: str
    currency: str
    name: str
    where: Where
    bic: str
    purpose: str
    remittance: str
    minor: int


@attrs.frozen(slots=True)
class Wrong:
    """Something for which the bank would refuse or return a payment."""

    code: str
    reason: str


def where_of(account: Account) -> Where:
    """The account's parts."""
    if account.type == "iban":
        return Where(iban=account.value)
    if account.type == "msisdn":
        return Where(number=account.value, proxy=f"+{account.value}")
    bank, _, number = account.value.rpartition(":")
    bank, _, branch = bank.partition("/")
    return Where(bank=bank, branch=branch, number=number)


def payee(payment: Payment, key: str, profile: Profile) -> Payee:
    """The line. Call `wrongs` first."""
    rules = profile.payment
    return Payee(
        key, payment.amount.text, payment.amount.currency, _name(payment, profile), where_of(payment.account),
        payment.extra.get("bic", ""), rules.purposes.get(payment.programme, rules.purpose),
        _remittance(payment, profile), payment.amount.minor,
    )  # fmt: skip


def wrongs(payment: Payment, profile: Profile) -> list[Wrong]:
    """Everything that is wrong with a payment, not only the first."""
    return [*account_wrongs(payment.account, profile), *other_wrongs(payment, profile)]


def other_wrongs(payment: Payment, profile: Profile) -> list[Wrong]:
    """Everything that is wrong with a payment but its account."""
    return [*amount_wrongs(payment.amount, profile), *_name_wrongs(payment, profile), *_bic_wrongs(payment, profile)]


def amount_wrongs(amount: Money, profile: Profile) -> Iterator[Wrong]:
    """Of the amount and its currency."""
    if amount.currency not in profile.payment.currencies:
        yield Wrong("AM03", f"this bank pays in {', '.join(profile.payment.currencies)}, not in {amount.currency}")
    if amount.minor <= 0:
        yield Wrong("AM01", "an amount must be more than zero")
    if profile.file.amount and amount.minor > profile.file.amount:
        yield Wrong("AM02", f"{amount} is more than the bank takes in one file")


def account_wrongs(account: Account, profile: Profile) -> Iterator[Wrong]:
    """Of the account's kind, its number, its bank."""
    rules = profile.accounts
    if account.type not in rules.kinds:
        yield Wrong("AC01", f"this bank pays to {', '.join(rules.kinds)}, not to a {account.type}")
        return
    where = where_of(account)
    if account.type == "bank_account":
        if len(where.number) > NUMBER or (rules.number and not _pattern(rules.number).fullmatch(where.number)):
            yield Wrong("AC01", f"{where.number!r} is no account number at this bank")
        yield from _bank_wrongs(where, rules, profile)


def _bank_wrongs(where: Where, rules: AccountRules, profile: Profile) -> Iterator[Wrong]:
    bic = OLD_BIC if profile.file.version.endswith("03") else BIC
    if rules.bank == "bic" and not bic.fullmatch(where.bank):
        yield Wrong("RC01", f"{where.bank!r} is no BIC")


def _bic_wrongs(payment: Payment, profile: Profile) -> Iterator[Wrong]:
    bic = OLD_BIC if profile.file.version.endswith("03") else BIC
    if (said := payment.extra.get("bic", "")) and not bic.fullmatch(said):
        yield Wrong("RC01", f"{said!r} in the column `bic` is no BIC")


def _name_wrongs(payment: Payment, profile: Profile) -> Iterator[Wrong]:
    latin = payment.extra.get("name_latin", "").strip()
    if profile.text.charset != "unicode" and (strange := foreign_letters(latin or payment.name)):
        text = f"the name has letters that are not Latin ({strange}): write the bank's own into the column `name_latin`"
        yield Wrong("RR10", text)
    elif not _WRITES.search(latin or payment.name) and not _name(payment, profile):
        yield Wrong("BE22", "there is no name that could be sent")


def _name(payment: Payment, profile: Profile) -> str:
    name = payment.extra.get("name_latin", "").strip() or payment.name
    return sent(name, profile.text.charset, profile.text.name_max)


def _remittance(payment: Payment, profile: Profile) -> str:
    rules, said = profile.text, (payment.programme, payment.cycle, payment.instalment, payment.reference)
    return _remitted(profile.payment.remittance, rules.charset, rules.remittance_max, *said)


# Most payments of a payroll say the same.
@lru_cache(maxsize=256)
def _remitted(
    form: str, charset: str, longest: int, programme: str, cycle: str, instalment: str, reference: str
) -> str:  # fmt: skip
    text = form.format(programme=programme, cycle=cycle, instalment=instalment, reference=reference)
    return sent(text, charset, longest)


@lru_cache(maxsize=64)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
