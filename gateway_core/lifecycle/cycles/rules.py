"""The rules of the amount, as data: each makes one item of it.

    supplement   is added to the base            tax, fee     are taken off
    rebate       is given back                   gross = base + supplements, within minimum and maximum

A rule says how much (`amount`, or a share: `basis_points` or `share = "1/3"`), for whom (`by` a field, with a `table`),
how often (`times` a field), within what (`minimum`, `maximum`), and who bears it. Shares are exact fractions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from ...model.beneficiary import BENEFICIARY, INSTITUTION
from ...model.money import AmountError, parse_amount
from .problems import Problems

SUPPLEMENT, TAX, FEE, REBATE = "supplement", "tax", "fee", "rebate"
KINDS = (SUPPLEMENT, TAX, FEE, REBATE)
BEARERS = (BENEFICIARY, INSTITUTION)
MOST_RULES, MOST_ROWS, LONGEST = 50, 1000, 64
KNOWN = (
    "name", "kind", "amount", "basis_points", "share", "by", "table", "times", "minimum", "maximum", "borne_by",
)  # fmt: skip
KNOWN_ROW = ("is", "from", "to", "amount", "basis_points", "share")


@attrs.frozen
class Value:
    """An amount in minor units, or a share of the base (of supplements) or of the gross (of all else)."""

    minor: int = 0
    share: Fraction = Fraction(0)


@attrs.frozen
class Row:
    """A row of a table: for these texts, or for whole numbers from `least` to `most` (None: without end)."""

    texts: frozenset[str]
    least: int | None
    most: int | None
    value: Value

    def fits(self, text: str) -> bool:
        """Whether this row is for the value of a field."""
        if self.least is None and self.most is None:
            return text in self.texts
        number = int(text)
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)

    @property
    def counts(self) -> bool:
        """Whether it compares numbers."""
        return self.least is not None or self.most is not None


@attrs.frozen
class Rule:
    """One rule. `table` is asked in its order; where no row fits, the rule makes no item."""

    name: str
    kind: str
    value: Value
    by: str
    table: tuple[Row, ...]
    times: str
    minimum: int | None
    maximum: int | None
    borne_by: str

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it reads."""
        return frozenset(filter(None, (self.by, self.times)))

    @property
    def numbers(self) -> frozenset[str]:
        """Those that must be whole numbers."""
        counted = {self.by} if any(row.counts for row in self.table) else set()
        return frozenset(counted | ({self.times} if self.times else set()))


def read_rules(given: Any, currency: str, bears: str, problems: Problems) -> tuple[Rule, ...]:
    """The rules of a list of tables. `bears`: who bears taxes and fees that do not say."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MOST_RULES:
        problems.add("rules", f"is no list of at most {MOST_RULES} rules", "write [[rules]] for each")
        return ()
    rules, names = [], set[str]()
    for number, one in enumerate(given):
        key = f"rules[{number}]"
        if not isinstance(one, Mapping):
            problems.add(key, "is no rule", "write its name, its kind and its amount")
            continue
        rule = _rule(key, one, currency, bears, problems)
        if rule.name in names:
            problems.add(
                f"{key}.name", f"{rule.name!r} is another rule's name too", "each item needs a name of its own"
            )
        names.add(rule.name)
        rules.append(rule)
    return tuple(rules)


def _rule(key: str, one: Mapping[str, Any], currency: str, bears: str, problems: Problems) -> Rule:
    problems.unknown(key, one, KNOWN)
    name, kind, by, times = (
        problems.text(f"{key}.{each}", one.get(each, "")) for each in ("name", "kind", "by", "times")
    )
    if not name or len(name) > LONGEST:
        problems.add(f"{key}.name", f"has {len(name)} characters", f"write 1 to {LONGEST}")
    if kind not in KINDS:
        problems.add(f"{key}.kind", f"is {kind!r}", f"write one of {', '.join(KINDS)}")
    table = _table(f"{key}.table", one.get("table", []), currency, problems)
    if bool(by) != bool(table):
        problems.add(f"{key}.by", "and `table` go together", "name the field that the table is about, and its rows")
    value = Value() if table else _value(key, one, currency, problems)
    bears = BENEFICIARY if kind == SUPPLEMENT else bears
    borne_by = problems.text(f"{key}.borne_by", one.get("borne_by", bears))
    if borne_by not in BEARERS or (kind == SUPPLEMENT and borne_by != BENEFICIARY):
        problems.add(f"{key}.borne_by", f"is {borne_by!r}", "write beneficiary or institution; a supplement is paid")
    least, most = (minor(f"{key}.{each}", one.get(each), currency, problems) for each in ("minimum", "maximum"))
    ordered(key, least, most, problems)
    return Rule(name, kind, value, by, table, times, least, most, borne_by)


def _table(key: str, given: Any, currency: str, problems: Problems) -> tuple[Row, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MOST_ROWS:
        problems.add(key, f"is no list of at most {MOST_ROWS} rows", 'write { is = "north", amount = "5.00" } for each')
        return ()
    rows = []
    for number, one in enumerate(given):
        at = f"{key}[{number}]"
        if not isinstance(one, Mapping):
            problems.add(at, "is no row", 'write { from = 1, to = 3, amount = "5.00" }')
            continue
        problems.unknown(at, one, KNOWN_ROW)
        rows.append(_row(at, one, currency, problems))
    return tuple(rows)


def _row(at: str, one: Mapping[str, Any], currency: str, problems: Problems) -> Row:
    said = one.get("is", ())
    texts = frozenset([said] if isinstance(said, str) else map(str, said) if isinstance(said, Sequence) else ())
    least, most = (problems.whole(f"{at}.{each}", one.get(each)) for each in ("from", "to"))
    if bool(texts) == (least is not None or most is not None):
        problems.add(at, "says for whom neither or both by `is` and by `from` and `to`", "write one of them")
    ordered(at, least, most, problems, ("from", "to"))
    return Row(texts, least, most, _value(at, one, currency, problems))


def _value(at: str, one: Mapping[str, Any], currency: str, problems: Problems) -> Value:
    """Exactly one of amount, basis_points and share."""
    given = [name for name in ("amount", "basis_points", "share") if name in one]
    if len(given) != 1:
        problems.add(at, f"says how much {len(given)} times", "write one of amount, basis_points and share")
        return Value()
    if given == ["amount"]:
        return Value(minor=minor(f"{at}.amount", one["amount"], currency, problems) or 0)
    if given == ["basis_points"]:
        return Value(share=Fraction(problems.whole(f"{at}.basis_points", one["basis_points"]) or 0, 10_000))
    return Value(share=_share(f"{at}.share", one["share"], problems))


def _share(key: str, given: Any, problems: Problems) -> Fraction:
    parts = given.split("/") if isinstance(given, str) else []
    good = len(parts) == 2 and len(given) <= LONGEST and all(p.strip().isdecimal() and p.isascii() for p in parts)
    if good and int(parts[1]):
        return Fraction(int(parts[0]), int(parts[1]))
    problems.add(key, f"is {given!r}", 'write a fraction of whole numbers, such as "1/3"')
    return Fraction(0)


def minor(key: str, given: Any, currency: str, problems: Problems) -> int | None:
    """An amount in minor units; None where there is none."""
    if given is None:
        return None
    if isinstance(given, str) and given.strip(" 0.") == "" and given.strip():
        return 0
    try:
        if not isinstance(given, str) and type(given) is not int:
            raise AmountError("not_text", f"is {given!r}", 'write it as text, such as "500.00": a float is not exact')
        return parse_amount(str(given), currency).minor
    except AmountError as error:
        problems.add(key, error.reason, error.mend)
        return None


def ordered(
    key: str, least: int | None, most: int | None, problems: Problems, names: tuple[str, str] = ("minimum", "maximum")
) -> None:
    """Of two limits the lower one is not above the other."""
    if least is not None and most is not None and least > most:
        problems.add(f"{key}.{names[0]}" if key else names[0], f"is above `{names[1]}`", "change one of them")
