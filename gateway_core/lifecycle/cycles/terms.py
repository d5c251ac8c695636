"""What a programme or cycle says about its payments. What a cycle does not say, its programme does."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ...model.beneficiary import BENEFICIARY, INSTITUTION
from ...model.money import Money, decimals
from .problems import Problems
from .rules import Rule, minor, ordered, read_rules

CAPS = ("payment", "beneficiary", "payment_point", "payroll", "payments")
KNOWN = (
    "starts", "ends", "currency", "amount", "amounts", "minimum", "maximum", "calculation", "channel", "tags", "caps",
    "rules",
)  # fmt: skip
BEARS = {"gross": BENEFICIARY, "net": INSTITUTION}
MOST_TAGS = 50


@attrs.frozen(kw_only=True)
class Terms:
    """Terms as they hold: a programme's and a cycle's together. Amounts in minor units of `currency`; None: no limit.

    * `amount` is what each beneficiary is owed; one that has an amount of her own is owed that.
    * `amounts`: gross (she bears taxes and fees) or net (the institution does), where a rule does not say.
    * `minimum` and `maximum` bound base and supplements together.
    * `calculation` is a policy of the host that says each beneficiary's base; '' is the amount alone.
    * `caps` are of each payment, beneficiary, payment point and payroll, and of the number of a payroll's payments.
    """

    starts: str = ""
    ends: str = ""
    currency: str = ""
    amount: int | None = None
    amounts: str = "gross"
    minimum: int | None = None
    maximum: int | None = None
    calculation: str = ""
    channel: str = ""
    tags: tuple[str, ...] = ()
    caps: Mapping[str, int] = attrs.field(factory=dict)
    rules: tuple[Rule, ...] = ()

    @property
    def default(self) -> Money | None:
        """The amount of each beneficiary who has none of her own."""
        return None if self.amount is None else Money(self.amount, self.currency)


def merged(programme: Mapping[str, Any], cycle: Mapping[str, Any]) -> dict[str, Any]:
    """The cycle's terms over its programme's: caps one by one, tags together, all else whole."""
    caps = {**_table(programme.get("caps")), **_table(cycle.get("caps"))}
    tags = [*dict.fromkeys([*_list(programme.get("tags")), *_list(cycle.get("tags"))])]
    return {**programme, **cycle, **({"caps": caps} if caps else {}), **({"tags": tags} if tags else {})}


def _table(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {} if given is None else {"caps": given}


def _list(given: Any) -> list[Any]:
    return (
        list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [] if given is None else [given]
    )


def plain(given: Mapping[str, Any], of: str) -> dict[str, Any]:
    """Terms as JSON keeps them; dates as text. Raises ConfigurationErrors for what JSON has no word for."""
    try:
        return dict(json.loads(json.dumps(given, default=_plain)))
    except (TypeError, ValueError) as error:
        problems = Problems(of)
        problems.add("terms", str(error), "write texts, whole numbers, lists and tables")
        problems.refuse()
        raise


def _plain(value: object) -> object:
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Money):
        return value.text
    raise TypeError(f"{type(value).__name__} has no place in terms")


def read_terms(given: Mapping[str, Any], of: str) -> Terms:
    """Terms of plain data (a TOML file, JSON, keyword arguments). Raises ConfigurationErrors with all that is wrong."""
    problems = Problems(of)
    problems.unknown("", given, KNOWN)
    text: dict[str, Any] = {n: problems.text(n, given.get(n, "")) for n in ("currency", "calculation", "channel")}
    currency = text["currency"]
    amounts = problems.text("amounts", given.get("amounts", "gross"))
    if amounts not in BEARS:
        problems.add("amounts", f"is {amounts!r}", "write gross or net")
    if currency and decimals(currency) is None:
        problems.add("currency", f"{currency!r} is not an ISO 4217 currency", "write a code such as UGX")
    elif not currency and (needs := [n for n in ("amount", "minimum", "maximum", "caps", "rules") if n in given]):
        problems.add("currency", f"is missing, and {', '.join(needs)} need it", "write a code such as UGX")
    if not currency or decimals(currency) is None:
        about = _about(given, problems)
        problems.refuse()
        return Terms(**text, **about, amounts=amounts)
    limits: dict[str, Any] = {
        name: minor(name, given.get(name), currency, problems) for name in ("amount", "minimum", "maximum")
    }
    ordered("", limits["minimum"], limits["maximum"], problems)
    rules = read_rules(given.get("rules", []), currency, BEARS.get(amounts, BENEFICIARY), problems)
    caps = _caps(given.get("caps", {}), currency, problems)
    about = _about(given, problems)
    problems.refuse()
    return Terms(**text, **limits, **about, amounts=amounts, caps=caps, rules=rules)


def _about(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Dates and tags."""
    dates = {name: _date(name, given.get(name, ""), problems) for name in ("starts", "ends")}
    if all(dates.values()) and dates["starts"] > dates["ends"]:
        problems.add("ends", "is before `starts`", "change one of them")
    tags = given.get("tags", [])
    good = isinstance(tags, Sequence) and not isinstance(tags, str) and len(tags) <= MOST_TAGS
    if not good or not all(isinstance(tag, str) and tag.strip() and "," not in tag for tag in tags):
        problems.add("tags", f"is no list of at most {MOST_TAGS} words without commas", 'write ["urban", "pilot"]')
        tags = []
    return {**dates, "tags": tuple(tag.strip() for tag in tags)}


def _date(name: str, given: Any, problems: Problems) -> str:
    text = problems.text(name, given)
    try:
        return text and datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        problems.add(name, f"{text!r} is no date", "write it as 2026-11-30")
        return ""


def _caps(given: Any, currency: str, problems: Problems) -> dict[str, int]:
    if not isinstance(given, Mapping):
        problems.add("caps", "is no table", "write [caps] with a line for each")
        return {}
    problems.unknown("caps", given, CAPS)
    caps = {name: minor(f"caps.{name}", given[name], currency, problems) for name in CAPS[:-1] if name in given}
    if "payments" in given:
        caps["payments"] = problems.whole("caps.payments", given["payments"])
    return {name: value for name, value in caps.items() if value is not None}
