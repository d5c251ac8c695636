"""Invoice objects -> rows: what an MIS passes is checked by the same rules as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ...model.beneficiary import Beneficiary
from ...model.money import amount_text
from ...model.payment import Invoice
from .findings import Problem
from .row import NO_EXTRA, Row, lost
from .text import is_tidy_cell, text_problem

# Where the text of each column is found in an invoice, but for the amount.
_PATHS = (
    ("invoice", "id"),
    ("beneficiary", "beneficiary"),
    ("name", "name"),
    ("account_type", "account.type"),
    ("account", "account.value"),
    ("amount", "amount.minor"),
    ("currency", "amount.currency"),
    ("programme", "programme"),
    ("cycle", "cycle"),
    ("instalment", "instalment"),
    ("channel", "channel"),
    ("reference", "reference"),
)
# Of a beneficiary; what is not named here is for the cycle to fill in.
_OF_BENEFICIARY = {
    "beneficiary": "id", "name": "name", "account_type": "account.type", "account": "account.value",
    "amount": "amount.minor", "currency": "amount.currency", "instalment": "instalment", "channel": "channel",
    "reference": "reference",
}  # fmt: skip
_HERS = ("amount", "currency")
_NAME = Problem("extra", "control_character", "a name has characters that no text needs", "rename it")
_INT = "give it as Money(minor, currency) with a whole number of minor units"


def object_rows(invoices: Iterable[Invoice] | Iterable[Beneficiary]) -> Iterator[Row]:
    """One row per object; its line is its position, counted from 1."""
    for number, invoice in enumerate(invoices, 1):
        if isinstance(invoice, Invoice):
            yield _row(number, invoice)
        elif isinstance(invoice, Beneficiary):
            yield _of_beneficiary(number, invoice)
        else:
            reason = f"is {type(invoice).__name__}, not Invoice"
            yield lost(number, Problem("line", "not_an_invoice", reason, "pass Invoice objects"))


def _row(number: int, invoice: Invoice) -> Row:
    problems: list[Problem] = []
    cells = tuple(_cell(field, invoice, path, problems) for field, path in _PATHS)
    return number, cells, _extra(invoice.extra, problems), problems


def _of_beneficiary(number: int, one: Beneficiary) -> Row:
    problems: list[Problem] = []
    given = {
        field: _cell(field, one, path, problems)
        for field, path in _OF_BENEFICIARY.items()
        if field not in _HERS or one.amount is not None
    }
    return number, tuple(given.get(field, "") for field, _ in _PATHS), _extra(one.extra, problems), problems


def _cell(field: str, invoice: Invoice | Beneficiary, path: str, problems: list[Problem]) -> str | None:
    value: object = invoice
    for name in path.split("."):
        value = getattr(value, name, None)
    if field == "amount" and type(value) is int:  # not isinstance: True is no amount
        return amount_text(value, str(getattr(invoice.amount, "currency", "")))
    if field != "amount" and isinstance(value, str):
        return value
    mend = _INT if field == "amount" else "give text"
    problems.append(Problem(field, "not_text", f"is {type(value).__name__}", mend))
    return None


def _extra(extra: object, problems: list[Problem]) -> Mapping[str, str]:
    if extra == {}:
        return NO_EXTRA
    if isinstance(extra, Mapping) and all(isinstance(each, str) for pair in extra.items() for each in pair):
        problems += [_NAME for name in extra if not is_tidy_cell(name) and text_problem("", name)]
        return extra
    problems.append(Problem("extra", "not_text", "is not a mapping of text to text", "give names and values as text"))
    return NO_EXTRA
