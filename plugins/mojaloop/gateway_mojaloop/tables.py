"""FSPIOP's error codes as data: what each means before money may move, and after (API Definition 7.6, and hubs' code).

| word | before: discovery, quote | after: transfer |
|---|---|---|
| retry | the same again, later | ask |
| requote | a new quote | ask |
| fail | this payment is refused | ask: the ledger's state decides, the code is only told to people |
| config | the channel stops, the payment waits | the channel stops, the payment is asked about |
| pause | as config: liquidity, limits of ours | as config |
| ask | as retry | ask |
| gone | - | the hub does not know the transfer: proof only after its expiry |

After POST /transfers a code settles nothing by itself: it is said by whoever sent the callback, it may answer the
question and not the transfer, and 3106 says no more than that the id exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

Word: TypeAlias = Literal["retry", "requote", "fail", "config", "pause", "ask", "gone"]


@attrs.frozen
class Code:
    """One row. `again`: worth one more try before it counts."""

    code: str
    name: str
    before: Word
    after: Word
    again: bool = False


# fmt: off
_TABLE: tuple[tuple[str, str, Word, Word], ...] = (
    ("1000", "communication error", "retry", "ask"),
    ("1001", "destination communication error", "retry", "ask"),
    ("2000", "generic server error", "retry", "ask"),
    ("2001", "internal server error", "retry", "ask"),
    ("2002", "not implemented", "config", "config"),
    ("2003", "service currently unavailable", "retry", "ask"),
    ("2004", "server timed out", "retry", "ask"),
    ("2005", "server busy", "retry", "ask"),
    ("3000", "generic client error", "fail", "ask"),
    ("3001", "unacceptable version requested", "config", "config"),
    ("3002", "unknown URI", "config", "config"),
    ("3003", "add party information error", "fail", "ask"),
    ("3040", "delete party information error", "fail", "ask"),
    ("3100", "generic validation error", "fail", "fail"),
    ("3101", "malformed syntax", "fail", "fail"),
    ("3102", "missing mandatory element", "fail", "fail"),
    ("3103", "too many elements", "fail", "fail"),
    ("3104", "too large payload", "fail", "fail"),
    ("3105", "invalid signature", "config", "config"),
    ("3106", "modified request", "requote", "ask"),
    ("3107", "missing mandatory extension parameter", "config", "config"),
    ("3200", "generic id not found", "fail", "ask"),
    ("3201", "destination FSP error", "fail", "ask"),
    ("3202", "payer FSP id not found", "config", "config"),
    ("3203", "payee FSP id not found", "fail", "fail"),
    ("3204", "party not found", "fail", "ask"),
    ("3205", "quote id not found", "requote", "ask"),
    ("3206", "transaction request id not found", "fail", "ask"),
    ("3207", "transaction id not found", "fail", "ask"),
    ("3208", "transfer id not found", "fail", "gone"),
    ("3209", "bulk quote id not found", "requote", "ask"),
    ("3210", "bulk transfer id not found", "fail", "ask"),
    ("3300", "generic expired error", "requote", "fail"),
    ("3301", "transaction request expired", "fail", "fail"),
    ("3302", "quote expired", "requote", "fail"),
    ("3303", "transfer expired", "retry", "fail"),
    ("4000", "generic payer error", "fail", "fail"),
    ("4001", "payer FSP insufficient liquidity", "pause", "pause"),
    ("4100", "generic payer rejection", "fail", "fail"),
    ("4101", "payer rejected transaction request", "fail", "fail"),
    ("4102", "payer FSP unsupported transaction type", "config", "fail"),
    ("4103", "payer unsupported currency", "config", "fail"),
    ("4200", "payer limit error", "pause", "pause"),
    ("4300", "payer permission error", "config", "config"),
    ("4400", "generic payer blocked error", "config", "config"),
    ("5000", "generic payee error", "fail", "fail"),
    ("5001", "payee FSP insufficient liquidity", "retry", "fail"),
    ("5100", "generic payee rejection", "fail", "fail"),
    ("5101", "payee rejected quote", "fail", "fail"),
    ("5102", "payee FSP unsupported transaction type", "fail", "fail"),
    ("5103", "payee FSP rejected quote", "fail", "fail"),
    ("5104", "payee rejected transaction", "fail", "fail"),
    ("5105", "payee FSP rejected transaction", "fail", "fail"),
    ("5106", "payee unsupported currency", "fail", "fail"),
    ("5107", "payee identifier no longer valid", "fail", "fail"),
    ("5200", "payee limit error", "fail", "fail"),
    ("5300", "payee permission error", "fail", "fail"),
    ("5400", "generic payee blocked error", "fail", "fail"),
    ("7000", "third party error", "fail", "ask"),
)
# fmt: on
AGAIN = frozenset({"3000"})
CODES: Mapping[str, Code] = {row[0]: Code(*row, again=row[0] in AGAIN) for row in _TABLE}


def code_of(said: str) -> Code | None:
    """The row of a code; one that is not listed is read as the generic one of its kind (7.6). None: no code at all."""
    if len(said) != 4 or not said.isascii() or not said.isdigit() or said[0] == "0":
        return None
    known = CODES.get(said) or CODES.get(said[:2] + "00") or CODES.get(said[0] + "000")
    return attrs.evolve(known, code=said) if known else None
