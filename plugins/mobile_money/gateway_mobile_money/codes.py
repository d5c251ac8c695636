"""The operators' code tables, and what a class of codes means for a payment.

The tables lie beside this file as CSV; `money_class` is ours. A code that no table lists decides nothing: it is
Unknown, and people see it with the operator's own words.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

import attrs

from gateway_core.contract import NotFound, NotTaken, Refused, Reply, Unknown, Verdict, Waiting


@attrs.frozen
class Code:
    """One row. `where` is the column by which a table tells places apart ("" where it has none)."""

    code: str
    money_class: str
    meaning: str
    where: str = ""


@cache
def table(name: str, code: str, where: str = "") -> tuple[Code, ...]:
    """The rows of a table; one row that names several codes ("A / B") becomes several."""
    text = files(__package__).joinpath("tables", name).read_text(encoding="utf-8")
    return tuple(
        Code(one.strip(), row["money_class"], row["meaning"], row[where] if where else "")
        for row in csv.DictReader(text.splitlines())
        for one in row[code].split(" / ")
    )


# What a proxy in between may have said, after the operator had the request: a time-out, whatever stands in the body.
PERHAPS_A_PROXY = frozenset({502, 503, 504})
Means = Callable[[str, str, Reply], Verdict]


def _refused(code: str, why: str, reply: Reply) -> Verdict:
    return Refused(code, why)


def _waiting(code: str, why: str, reply: Reply) -> Verdict:
    return Waiting()


def _unknown(code: str, why: str, reply: Reply) -> Verdict:
    return Unknown(f"{code}: {why}")


# What an answer to the request that pays means. "Duplicate": the operator has this key already; its fate is asked for.
SENT: Mapping[str, Means] = {
    "accepted": _waiting,
    "pending": _waiting,
    "duplicate_lookup": _waiting,
    "final_fail": _refused,
    "final_fail_config": lambda code, why, reply: Refused(code, why, stops_channel=True),
    "final_fail_pause_batch": lambda code, why, reply: Refused(code, why, stops_channel=True),
    "not_accepted_retry_same_key": lambda code, why, reply: NotTaken(retry_after(reply)),
    "ambiguous": _unknown,
    "not_found_recheck": _unknown,
}
# What the operator says of this very key when it is asked, or calls back authenticated.
FOUND: Mapping[str, Means] = {
    "pending": _waiting,
    "final_fail": _refused,
    "final_fail_config": lambda code, why, reply: Refused(code, why, stops_channel=True, final=True),
    "final_fail_pause_batch": lambda code, why, reply: Refused(code, why, stops_channel=True, final=True),
    "not_found_recheck": lambda code, why, reply: NotFound(),
}


def meaning(row: Code | None, said: str, reply: Reply, *, of_key: bool) -> Verdict:
    """The verdict of a listed code; `said` is the operator's own text, for people. Success is the profile's to read."""
    if not of_key and reply.status in PERHAPS_A_PROXY:
        return Unknown(f"as a time-out: {said}"[:200])
    if row is None:
        return Unknown(f"not in the operator's list: {said}"[:200])
    why = f"{row.meaning}: {said}"[:200] if said and said != row.code else row.meaning
    return (FOUND if of_key else SENT).get(row.money_class, _unknown)(row.code, why, reply)


def retry_after(reply: Reply) -> float:
    """Seconds, at most ten minutes; 5 where the operator names none."""
    text = reply.headers.get("retry-after", "")
    return min(float(text), 600.0) if text.isascii() and text.isdigit() else 5.0
