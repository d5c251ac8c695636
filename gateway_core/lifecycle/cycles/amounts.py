"""How an amount comes to be: items whose sum it is, to the smallest unit, in whatever order the rules stand.

    base          the cycle's amount, her own, or what the host's calculation says
    supplements   added to it; shares are of the base
    limit         what minimum and maximum change of base and supplements: this is the gross
    taxes, fees   taken off; rebates given back; shares are of the gross
    amount        the sum of all that the institution does not bear: never negative, never nothing

**Rounding.** Shares are exact fractions until a stage is done. Then the stage's exact sum is rounded once, half to
even, and its items share that by largest remainder (equal ones by name), so that they add up to it. `Made.rounding` is
what that changed: all amounts together differ from the exact ones by the sum of it, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

import attrs

from ...model.beneficiary import BENEFICIARY, INSTITUTION, Item, total
from .rules import FEE, REBATE, SUPPLEMENT, TAX, Rule, Value
from .terms import Terms

BASE, LIMIT = "base", "limit"
SIGN = {SUPPLEMENT: 1, TAX: -1, FEE: -1, REBATE: 1}
# As many different combinations of a base and the fields that rules read are kept as made.
KEPT = 4096


@attrs.frozen
class Made:
    """Items, their sum, and what rounding changed (in minor units: given minus exact, of what the beneficiary gets)."""

    items: tuple[Item, ...]
    amount: int
    rounding: Fraction


class Unfit(ValueError):
    """No amount can be made of this: `field` says what, and `mend` what to do."""

    def __init__(self, field: str, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.field, self.reason, self.mend = field, reason, mend


class Calculator:
    """Makes amounts by the rules of one cycle."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.fields = tuple(sorted(set[str]().union(*(rule.fields for rule in terms.rules))))
        self._numbers = frozenset[str]().union(*(rule.numbers for rule in terms.rules))
        self._supplements = _named(rule for rule in terms.rules if rule.kind == SUPPLEMENT)
        rest = [rule for rule in terms.rules if rule.kind != SUPPLEMENT]
        self._stages = [_named(rule for rule in rest if rule.borne_by == who) for who in (BENEFICIARY, INSTITUTION)]
        self._made = lru_cache(KEPT)(self._make)

    def __call__(self, base: Sequence[Item], fields: Mapping[str, str]) -> Made:
        """The amount of one beneficiary whose fields these are. Raises Unfit."""
        return self._made(tuple(base), tuple(self._field(name, fields) for name in self.fields))

    def _field(self, name: str, fields: Mapping[str, str]) -> str:
        text = fields.get(name)
        if text is None:
            raise Unfit(name, "is missing, and a rule needs it", f"add the column {name}")
        text = text.strip()
        if name in self._numbers and not (text.isdecimal() and text.isascii() and len(text) <= 9):
            raise Unfit(name, f"{text[:40]!r} is no whole number, and a rule needs one", "write digits 0 to 9")
        return text

    def _make(self, base: tuple[Item, ...], values: tuple[str, ...]) -> Made:
        fields = dict(zip(self.fields, values, strict=True))
        start = total(base)
        added, rounding = _stage(self._supplements, start, fields)
        items = [*base, *added]
        items += self._limit(total(items))
        gross = total(items)
        for stage in self._stages:
            made, changed = _stage(stage, gross, fields)
            items += made
            rounding += changed if stage is self._stages[0] else 0
        return Made(tuple(items), self._positive(items), rounding)

    def _limit(self, gross: int) -> list[Item]:
        least, most = self._terms.minimum, self._terms.maximum
        if most is not None and gross > most:
            return [Item("maximum", LIMIT, most - gross)]
        if least is not None and gross < least:
            return [Item("minimum", LIMIT, least - gross)]
        return []

    @staticmethod
    def _positive(items: Sequence[Item]) -> int:
        amount = total(items)
        if amount <= 0:
            raise Unfit("amount", "the rules leave nothing to pay", "leave out who is owed nothing, or mend the rules")
        return amount


def _named(rules: object) -> tuple[Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: rule.name))  # type: ignore[call-overload]


def _stage(rules: Sequence[Rule], of: int, fields: Mapping[str, str]) -> tuple[list[Item], Fraction]:
    """The items of rules that are rounded together, and what rounding changed."""
    exact = [(rule, _exact(rule, of, fields)) for rule in rules]
    exact = [(rule, value) for rule, value in exact if value]
    if not exact:
        return [], Fraction(0)
    wanted = sum((value for _, value in exact), Fraction(0))
    given = shared([value for _, value in exact], round(wanted))
    items = [
        Item(rule.name, rule.kind, minor, rule.borne_by) for (rule, _), minor in zip(exact, given, strict=True) if minor
    ]
    return items, round(wanted) - wanted


def shared(parts: Sequence[Fraction], into: int) -> list[int]:
    """Whole numbers that add up to `into`, each a part's floor or the next above: by largest remainder, then order."""
    given = [part.numerator // part.denominator for part in parts]
    left = into - sum(given)
    by_remainder = sorted(range(len(parts)), key=lambda at: (given[at] - parts[at], at))
    for at in by_remainder[:left]:
        given[at] += 1
    return given


def _exact(rule: Rule, of: int, fields: Mapping[str, str]) -> Fraction:
    """What a rule makes, signed as the amount sees it; what the institution bears is a cost, and so the other way."""
    found = rule.value if not rule.table else _row(rule, fields[rule.by])
    if found is None:
        return Fraction(0)
    value = (found.minor + found.share * of) * (int(fields[rule.times]) if rule.times else 1)
    if rule.maximum is not None:
        value = min(value, Fraction(rule.maximum))
    if rule.minimum is not None:
        value = max(value, Fraction(rule.minimum))
    sign = SIGN[rule.kind]
    return value * (sign if rule.borne_by == BENEFICIARY else -sign)


def _row(rule: Rule, text: str) -> Value | None:
    return next((row.value for row in rule.table if row.fits(text)), None)
