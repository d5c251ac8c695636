"""A bank's profile: one TOML file that says what this bank wants of a file, and what its answers mean.

Every section is a class here, every key one of its fields; docs/bank-transfer.md explains each. Everything that is
wrong is told at once. `sha256` is the digest of the file's bytes: it is approved with the payroll, and stands in the
head of every payment file.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, time
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import attrs

from gateway_core.contract import Unfit

from .calendar import DAYS, Calendar
from .rules import Check, date_of, integer, mapping, one_of, shaped, some_of, texts, time_of, truth
from .texts import CHARSETS

LONGEST = 1 << 20
FORMATS = ("pain.002", "camt.052", "camt.053", "camt.054", "camt.029", "mt940", "mt942", "csv")
STATUSES = ("booked", "rejected", "returned", "pending", "accepted", "submitted", "duplicate", "cancelled", "ignored")
_MIDNIGHT = time(23, 59)
_CODE = r"[A-Z0-9]{1,4}"


def setting(check: Check, default: Any = attrs.NOTHING) -> Any:
    """A key of a section, with what is checked of it."""
    return attrs.field(default=default, metadata={"check": check})


@attrs.frozen(kw_only=True)
class FileRules:
    """[file] How a payment file is made. `amount`: the largest sum of one file, in minor units; 0 for none."""

    version: str = setting(one_of("pain.001.001.03", "pain.001.001.09"), "pain.001.001.09")
    name: str = setting(shaped(r"[A-Za-z0-9._-]*\{msg_id\}[A-Za-z0-9._-]*"), "{msg_id}.xml")
    prefix: str = setting(shaped(r"[A-Z0-9]{0,8}"), "")
    lines: int = setting(integer(1, 100_000), 10_000)
    size: int = setting(integer(0), 0)
    amount: int = setting(integer(0), 0)
    batch_booking: bool | None = setting(truth, None)


@attrs.frozen(kw_only=True)
class PaymentRules:
    """[payment] What stands in it of every payment. `purposes`: by programme, in place of `purpose`."""

    currencies: tuple[str, ...] = setting(texts(r"[A-Z]{3}"))
    charge_bearer: str = setting(one_of("DEBT", "CRED", "SHAR", "SLEV"), "DEBT")
    priority: str = setting(one_of("", "NORM", "HIGH"), "")
    service_level: str = setting(shaped(rf"({_CODE})?"), "")
    local_instrument: str = setting(shaped(r"[A-Za-z0-9 ]{0,35}"), "")
    category_purpose: str = setting(shaped(rf"({_CODE})?"), "SSBE")
    purpose: str = setting(shaped(rf"({_CODE})?"), "SSBE")
    purposes: Mapping[str, str] = setting(mapping(shaped(_CODE)), attrs.Factory(dict))
    uetr: bool = setting(truth, False)
    remittance: str = setting(shaped(r".{0,140}"), "{programme} {cycle}")


@attrs.frozen(kw_only=True)
class TextRules:
    """[text] Which characters, and how many."""

    charset: str = setting(one_of(*CHARSETS), "swift_x")
    name_max: int = setting(integer(1, 140), 70)
    remittance_max: int = setting(integer(0, 140), 140)


@attrs.frozen(kw_only=True)
class AccountRules:
    """[accounts] Which accounts it pays to. `bank`: how banks are named, `number`: how account numbers look."""

    kinds: tuple[str, ...] = setting(some_of("iban", "bank_account", "msisdn"))
    bank: str = setting(one_of("bic", "clearing", "other"), "bic")
    clearing_system: str = setting(shaped(r"[A-Z0-9]{0,5}"), "")
    number: str = setting(shaped(r".{0,200}"), "")
    type: str = setting(shaped(rf"({_CODE})?"), "")


@attrs.frozen(kw_only=True)
class CalendarRules:
    """[calendar] When the bank works."""

    timezone: str = setting(shaped(r"[A-Za-z0-9_+/-]{1,64}"), "UTC")
    cutoff: time = setting(time_of, _MIDNIGHT)  # noqa: RUF009 - a time never changes
    weekend: tuple[str, ...] = setting(some_of(*DAYS), ("saturday", "sunday"))
    holidays: tuple[date, ...] = setting(lambda value: tuple(map(date_of, value)), ())
    lead_days: int = setting(integer(0, 30), 0)

    def calendar(self) -> Calendar:
        """As the rules of execution want it."""
        weekend = frozenset(map(DAYS.index, self.weekend))
        return Calendar(self.timezone, self.cutoff, weekend, frozenset(self.holidays), self.lead_days)


@attrs.frozen(kw_only=True)
class AnswerRules:
    """[answers] What the bank's files mean. `reasons`: its own codes, each as one of ISO's."""

    formats: tuple[str, ...] = setting(some_of(*FORMATS))
    unlisted_means_accepted: bool = setting(truth, False)
    acsc_is_final: bool = setting(truth, False)
    accc_is_final: bool = setting(truth, False)
    intraday_is_final: bool = setting(truth, False)
    balance_check: str = setting(one_of("hold", "note"), "hold")
    largest: int = setting(integer(1024), 2 << 30)
    reasons: Mapping[str, str] = setting(mapping(shaped(_CODE)), attrs.Factory(dict))


@attrs.frozen(kw_only=True)
class CsvRules:
    """[csv] The columns of a bank's CSV file. `key`, `text`: where one of our ids stands; amounts signed, or in two.

    `statuses`: what a word in the column `status` means. Without that column every row is an entry: a debit booked, a
    credit returned. `side`: a column that says debit or credit. `positive`: what an amount without
    a sign says of a statement's row.
    """

    encoding: str = setting(shaped(r"[A-Za-z0-9_-]{1,32}"), "utf-8-sig")
    delimiter: str = setting(shaped(r"(.|\t)"), ",")
    header: int = setting(integer(1, 100), 1)
    footer: int = setting(integer(0, 100), 0)
    date: str = setting(shaped(r".{1,32}"), "%Y-%m-%d")
    decimal: str = setting(one_of(".", ","), ".")
    thousands: str = setting(shaped(r".?"), "")
    key: str = setting(shaped(r".{0,100}"), "")
    text: str = setting(shaped(r".{0,100}"), "")
    bank_reference: str = setting(shaped(r".{0,100}"), "")
    amount: str = setting(shaped(r".{0,100}"), "")
    debit: str = setting(shaped(r".{0,100}"), "")
    credit: str = setting(shaped(r".{0,100}"), "")
    side: str = setting(shaped(r".{0,100}"), "")
    positive: str = setting(one_of("credit", "debit"), "credit")
    currency: str = setting(shaped(r".{0,100}"), "")
    account: str = setting(shaped(r".{0,100}"), "")
    booked: str = setting(shaped(r".{0,100}"), "")
    status: str = setting(shaped(r".{0,100}"), "")
    reason: str = setting(shaped(r".{0,100}"), "")
    statuses: Mapping[str, str] = setting(mapping(one_of(*STATUSES)), attrs.Factory(dict))


@attrs.frozen(kw_only=True)
class Profile:
    """All of it. `sha256` is its file's."""

    name: str
    file: FileRules
    payment: PaymentRules
    text: TextRules
    accounts: AccountRules
    calendar: CalendarRules
    answers: AnswerRules
    csv: CsvRules | None = None
    sha256: str = ""


_SECTIONS: Mapping[str, type[Any]] = {
    "file": FileRules, "payment": PaymentRules, "text": TextRules, "accounts": AccountRules,
    "calendar": CalendarRules, "answers": AnswerRules, "csv": CsvRules,
}  # fmt: skip
_NEEDED = frozenset({"payment", "accounts", "answers"})
Problems: TypeAlias = list[str]


def examples() -> list[str]:
    """The profiles that come with the package."""
    folder = files(__package__) / "profiles"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load(name: str) -> Profile:
    """A profile by an example's name, or by the path of its file. Raises Unfit with everything that is wrong."""
    if name in examples():
        return read((files(__package__) / "profiles" / f"{name}.toml").read_bytes(), name)
    try:
        with Path(name).open("rb") as file:
            return read(file.read(LONGEST), name)
    except OSError as error:
        known = ", ".join(examples())
        raise Unfit(f"profile {name!r} is none of {known}, and no file ({error.strerror})") from None


def read(body: bytes, name: str) -> Profile:
    """A profile from the bytes of its file. Raises Unfit."""
    try:
        raw = tomllib.loads(body.decode("utf-8-sig"))
    except ValueError as error:
        raise Unfit(f"profile {name}: it is not TOML: {error}") from None
    problems: Problems = []
    title = raw.pop("name", "")
    if not isinstance(title, str) or not title:
        problems.append('name: write the bank\'s name, such as name = "First Bank"')
    problems += [f"{section}: there is no such section" for section in raw if section not in _SECTIONS]
    found = {section: _section(section, kind, raw, problems) for section, kind in _SECTIONS.items()}
    if not problems:
        problems += _together(found)
    if problems:
        raise Unfit(f"profile {name}: " + "; ".join(problems))
    return Profile(name=title, sha256=hashlib.sha256(body).hexdigest(), **found)


def _section(section: str, kind: type[Any], raw: Mapping[str, Any], problems: Problems) -> Any:
    table = raw.get(section)
    if table is None:
        if section in _NEEDED:
            problems.append(f"{section}: this section is missing")
        return None if section in _NEEDED or section == "csv" else kind()
    if not isinstance(table, Mapping):
        problems.append(f"{section}: it is no section")
        return None
    fields = {field.name: field for field in attrs.fields(kind)}
    problems += [f"{section}.{name}: there is no such key" for name in table if name not in fields]
    found = {}
    for name, field in fields.items():
        if name in table:
            try:
                found[name] = field.metadata["check"](table[name])
            except (ValueError, TypeError) as error:
                problems.append(f"{section}.{name}: {error}")
        elif field.default is attrs.NOTHING:
            problems.append(f"{section}.{name}: this key is missing")
    complete = all(name in found or field.default is not attrs.NOTHING for name, field in fields.items())
    return kind(**found) if complete else None


def _together(found: Mapping[str, Any]) -> Problems:
    """What single keys do not show."""
    return [text for wrong, text in _RULES if wrong(found)]


def _zone_is_wrong(found: Mapping[str, Any]) -> bool:
    try:
        ZoneInfo(found["calendar"].timezone)
    except (ValueError, OSError, KeyError):
        return True
    return False


def _number_is_wrong(found: Mapping[str, Any]) -> bool:
    try:
        re.compile(found["accounts"].number)
    except re.error:
        return True
    return False


def _remittance_is_wrong(found: Mapping[str, Any]) -> bool:
    try:
        found["payment"].remittance.format(programme="", cycle="", reference="", instalment="")
    except (KeyError, IndexError, ValueError):
        return True
    return False


def _csv_is_wrong(found: Mapping[str, Any]) -> bool:
    csv = found["csv"]
    amounts = csv is not None and (csv.amount or (csv.debit and csv.credit))
    return "csv" in found["answers"].formats and not (csv is not None and (csv.key or csv.text) and amounts)


_RULES: tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...] = (
    (_zone_is_wrong, "calendar.timezone: there is no such time zone"),
    (_number_is_wrong, "accounts.number: it is no regular expression"),
    (
        _remittance_is_wrong,
        "payment.remittance: only {programme}, {cycle}, {instalment} and {reference} may stand in it",
    ),
    (_csv_is_wrong, "csv: it needs key or text, and amount, or debit and credit"),
    (
        lambda found: found["payment"].uetr and found["file"].version.endswith("03"),
        "payment.uetr: pain.001.001.03 has no UETR",
    ),
    (
        lambda found: "msisdn" in found["accounts"].kinds and found["file"].version.endswith("03"),
        "accounts.kinds: pain.001.001.03 carries no telephone numbers",
    ),
    (
        lambda found: len(found["file"].prefix) + 15 + 2 > 35,
        "file.prefix: with it a MsgId is longer than 35 characters",
    ),
)
