"""ISO's external codes, and what each says of a payment. Reasons of a refusal and of a return are two lists.

The tables lie beside as CSV: `statuses` (pain.002), `status_reasons` with a class each, `return_reasons`,
`cancellation_rejections`; they were taken from ISO's external code sets of May 2025.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

# What a class of reasons asks of people.
ADVICE: Mapping[str, str] = {
    "fix": "correct the beneficiary's data, then retry",
    "retry": "may be retried unchanged once its cause has gone",
    "terminal": "this account cannot be paid",
    "operator": "our own file or agreement is wrong: mend it before any retry",
    "compliance": "held by rules: ask the bank",
    "manual": "ask the bank what it means",
    "cancelled": "taken back on request",
    "none": "",
}


@cache
def table(name: str) -> Mapping[str, str]:
    """{code: what stands beside it} of one of the tables."""
    text = (files(__package__) / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows}


def status(code: str | None) -> str:
    """What a status of a pain.002 means; '' for one that is in no list."""
    return table("statuses").get((code or "").strip(), "")


def reason_class(code: str) -> str:
    """The class of a reason for a refusal; '' for one that is in no list."""
    return table("status_reasons").get(code, "")


def known_return(code: str) -> bool:
    """Whether it is in the list of reasons for returns."""
    return code in table("return_reasons")
