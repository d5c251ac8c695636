"""What the institution can still pay out, from the scheme's books, where it lets us look: limit less position.

`position_path` and `limit_path` are under the channel's base_url; `{fsp}` and `{currency}` in them are filled in.
Answers are those of central-ledger: `{currency, value}` and `{currency, limit: {type, value}}`, one or a list of them.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from gateway_core.contract import Answer, Ask, Balance, Done, Money, Reply, Request, Unknown, Verdict

from .fspiop.amounts import decimals
from .settings import MojaloopSettings

ASKS = ("limit", "position")


def balance(settings: MojaloopSettings) -> Generator[Ask, Answer, Balance | None]:
    """Two questions; None where one of them is not configured or not answered."""
    currency = settings.balance_currency
    if not settings.position_path or not settings.limit_path or not currency:
        return None
    found: list[int] = []
    for name, template in (("limit", settings.limit_path), ("position", settings.position_path)):
        place = template.replace("{fsp}", quote(settings.fsp_id, safe="")).replace("{currency}", currency)
        path, _, query = place.partition("?")
        pairs = dict(pair.partition("=")[::2] for pair in query.split("&")) if query else {}
        said = yield Ask(name, Request("GET", path, query=pairs))
        if not isinstance(said, Done) or currency not in said.body:
            return None
        found.append(int(Decimal(str(said.body[currency])).scaleb(decimals(currency))))
    return Balance(Money(max(found[0] - found[1], 0), currency))


def read(reply: Reply) -> Verdict:
    """{currency: value} of an answer; amounts stay text."""
    if reply.status != 200:
        return Unknown(f"status {reply.status}")
    try:
        return Done(dict(_values(json.loads(reply.body, parse_float=str, parse_int=str))))
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, RecursionError):
        return Unknown("no position and no limit")


def _values(said: Any) -> Iterator[tuple[str, str]]:
    for row in said if isinstance(said, list) else [said]:
        limit = row.get("limit")
        if limit is not None and limit["type"] != "NET_DEBIT_CAP":
            continue
        value = str((limit or row)["value"])
        Decimal(value)
        yield str(row["currency"]), value
