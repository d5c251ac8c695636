"""Beneficiaries -> whole rows of a payroll: the cycle's names, an invoice id, and the amount with its items."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import attrs

from ...model.accounts import Account
from ...model.beneficiary import ITEMS, Beneficiary, Item, total, written
from ...model.identity import derived_uuid, entitlement_of
from ...model.money import AmountError, Money, amount_text, parse_amount
from ..intake.findings import Problem, shown
from ..intake.row import Cells, Row
from ..intake.rules import COLUMNS, LONGEST
from .amounts import BASE, Calculator, Unfit
from .terms import Terms

# What a cycle fills in, so that a file of beneficiaries need not have it.
FILLED = frozenset({"invoice", "amount", "currency"})
PAGE = 256
# The host's calculation: the base of each of a page of beneficiaries, in their order; or why there is none.
Calculation = Callable[[Sequence[Beneficiary]], Sequence[Sequence[Item] | str]]
_AT = {name: place for place, name in enumerate(COLUMNS)}


@attrs.define
class Filler:
    """Fills rows in the name of one cycle."""

    programme: str
    cycle: str
    terms: Terms
    calculation: Calculation | None = None
    made: Calculator = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.made = Calculator(self.terms)

    def __call__(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows with what was missing; what is wrong is said in each."""
        while page := list(islice(rows, PAGE)):
            yield from map(self._filled, page, self._bases(page))

    def _bases(self, page: Sequence[Row]) -> Sequence[Sequence[Item] | Problem]:
        if self.calculation is None:
            return [self._base(cells) for _, cells, _, _ in page]
        said = self.calculation([_beneficiary(cells, extra, self.terms.currency) for _, cells, extra, _ in page])
        return [
            Problem("amount", "not_calculated", one, "see the calculation") if isinstance(one, str) else one
            for one in said
        ]

    def _base(self, cells: Cells) -> Sequence[Item] | Problem:
        """Her own amount, or the cycle's."""
        amount = (cells[_AT["amount"]] or "").strip()
        if not amount:
            default = self.terms.amount
            if not default:
                return Problem("amount", "missing", "is missing, and the cycle has none", "give her one, or the cycle")
            return (Item(BASE, BASE, default),)
        try:
            return (Item(BASE, BASE, parse_amount(amount, self.terms.currency).minor),)
        except AmountError as error:
            return Problem("amount", error.code, error.reason, error.mend)

    def _filled(self, row: Row, base: Sequence[Item] | Problem) -> Row:
        line, cells, extra, problems = row
        said, known = list(problems), dict(zip(COLUMNS, cells, strict=True))
        if extra.get(ITEMS):
            said.append(Problem(ITEMS, "reserved", "is the name of the items that we make", "rename the column"))
        self._own(known, said)
        amount = None
        if isinstance(base, Problem):
            said.append(base)
        else:
            amount = self._amount(known, extra, base, said)
        if amount is not None:
            extra = {**extra, ITEMS: written(amount, self.terms.currency)}
            known["amount"] = amount_text(total(amount), self.terms.currency)
        else:
            # What is wrong with it has been said.
            known["amount"] = None
        return line, tuple(known[name] for name in COLUMNS), extra, said

    def _amount(
        self, known: Mapping[str, str | None], extra: Mapping[str, str], base: Sequence[Item], said: list[Problem]
    ) -> Sequence[Item] | None:
        fields = {name: text for name in self.made.fields if (text := extra.get(name, known.get(name))) is not None}
        try:
            made = self.made(base, fields)
        except Unfit as error:
            said.append(Problem(error.field[:64], "no_amount", error.reason, error.mend))
            return None
        cap = self.terms.caps.get("payment")
        if cap is not None and made.amount > cap:
            most, is_ = (amount_text(each, self.terms.currency) for each in (cap, made.amount))
            said.append(Problem("amount", "above_cap", f"is {is_}, at most {most} are paid", "mend rules or cap"))
        return made.items

    def _own(self, known: dict[str, str | None], said: list[Problem]) -> None:
        """The cycle's own names; another's in the file is a mistake."""
        own = {"programme": self.programme, "cycle": self.cycle, "currency": self.terms.currency}
        for name, text in own.items():
            given = (known[name] or "").strip()
            if given and given != text:
                said.append(Problem(name, "other_cycle", f"is {shown(given)}, the cycle's is {text}", "take it out"))
            known[name] = text
        beneficiary = known["beneficiary"]
        if not known["invoice"]:
            known["invoice"] = self._invoice(beneficiary, known["instalment"] or "") if beneficiary else None

    def _invoice(self, beneficiary: str, instalment: str) -> str:
        """Readable, and unlike every other's: the entitlement's own parts."""
        hers, which = (unicodedata.normalize("NFC", text.strip()) for text in (beneficiary, instalment))
        named = entitlement_of(self.programme, self.cycle, hers, which, "").removesuffix("/")
        return named if len(named) <= LONGEST["invoice"] else derived_uuid("invoice", named)


def _beneficiary(cells: Cells, extra: Mapping[str, str], currency: str) -> Beneficiary:
    known = {name: text or "" for name, text in zip(COLUMNS, cells, strict=True)}
    try:
        amount: Money | None = parse_amount(known["amount"], currency)
    except AmountError:
        amount = None
    return Beneficiary(
        id=known["beneficiary"], name=known["name"], account=Account(known["account_type"], known["account"]),
        amount=amount, instalment=known["instalment"], channel=known["channel"], reference=known["reference"],
        extra=extra,
    )  # fmt: skip


def calculated(said: Iterable[object], count: int, of: str) -> list[Sequence[Item] | str]:
    """What a host's calculation gave, checked. Raises TypeError."""
    found = list(said)
    if len(found) != count:
        raise TypeError(f"{of} must give one answer per beneficiary, {count}, in their order; it gave {len(found)}")
    return [one if isinstance(one, str) else _items(one, of) for one in found]


def _items(given: object, of: str) -> Sequence[Item]:
    items = [*given] if isinstance(given, Iterable) else []
    if not items or not all(
        isinstance(i, Item) and type(i.minor) is int and i.name and i.name.isprintable() for i in items
    ):
        raise TypeError(f"{of} must give Items with whole minor units for each beneficiary, got {given!r}")
    return items
