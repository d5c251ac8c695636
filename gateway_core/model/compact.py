"""JSON as bytes: one spelling per value, UTF-8, no spaces. What is journaled, digested and sent is written by these.

orjson writes them in a tenth of the time; what it refuses (integers beyond 64 bits) the standard library writes, in the
same spelling.
"""

from __future__ import annotations

import json

import orjson

_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_SORTED = _PLAIN | orjson.OPT_SORT_KEYS
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
