"""JSON as bytes: one spelling per value, UTF-8, no spaces. What is journaled, digested and sent is written by these.

orjson writes and reads them in a tenth of the time; what it cannot (integers beyond 64 bits) is left to the standard
library, in the same spelling.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_SORTED = _PLAIN | orjson.OPT_SORT_KEYS
# orjson would read so long an integer as a float. Said so that digits within words are passed over quickly.
_LONG = re.compile(r"[:,\[-]\s*[0-9]{19}").search
_plain = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_sorted = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode


def compact(value: object) -> bytes:
    """Keys in their own order. Raises TypeError or ValueError for what is not JSON."""
    try:
        return orjson.dumps(value, option=_PLAIN)
    except TypeError:
        return _plain(value).encode()


def canonical(value: object) -> bytes:
    """One byte string per JSON value: sorted keys."""
    try:
        return orjson.dumps(value, option=_SORTED)
    except TypeError:
        return _sorted(value).encode()


def parsed(text: str) -> Any:
    """The value that was written. Raises ValueError for what is not JSON."""
    return json.loads(text) if _LONG(text) or text.lstrip()[:1].isdigit() else orjson.loads(text)
