"""The ids that a bank quotes back, and how ours are known again among everybody else's.

InstrId and EndToEndId are the line's key: 15 characters with a check (`ctx.key(payment, "short")`), so that they fit
where MT940 carries 16. The UETR is the same key in another dress: a version-4 UUID whose free bits hold the key's 65
bits and 57 bits of a digest, so that a statement with nothing but a UETR still names its line. A file's MsgId is a
prefix of the bank's profile and a short id; its one PmtInfId is the MsgId and "-1".
"""

from __future__ import annotations

import hashlib
import re
import uuid
from functools import lru_cache

from gateway_core.contract import is_short_id

# Letters that no short id has are left out; a longer word that holds one is somebody else's.
_WORD = re.compile(r"(?<![0-9A-Za-z])G[0-9A-HJKMNP-TV-Z]{14}(?![0-9A-Za-z])")
_NOTHING = frozenset({"", "NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOTAVAILABLE", "EREF"})
_LONGEST = max(map(len, _NOTHING))
# Of a key, in characters.
LENGTH = 15
_CHECK_BITS = 57
# Crockford's base 32, in which keys are written.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def said(text: str | None) -> str:
    """An id as the bank quotes it, or '' where it says that it has none."""
    if not text:
        return ""
    text = text.strip()
    return "" if len(text) <= _LONGEST and text.upper() in _NOTHING else text


def is_key(text: str) -> bool:
    """Whether it is a line key of ours by its shape and check character."""
    return is_short_id(text)


def in_text(text: str) -> set[str]:
    """The line keys of ours that stand in a remittance text."""
    return {word for word in _WORD.findall(text) if is_short_id(word)}


def uetr_of(key: str) -> str:
    """The UETR of a line: a version-4 UUID in small letters, as the schemas want it; the same for ever."""
    number = 0
    for character in key[1:-1]:
        number = number << 5 | ALPHABET.index(character)
    free = number << _CHECK_BITS | _digest(key)
    high, middle, low = free >> 74, free >> 62 & 0xFFF, free & (1 << 62) - 1
    return str(uuid.UUID(int=high << 80 | 4 << 76 | middle << 64 | 2 << 62 | low))


def of_uetr(text: str) -> str:
    """The line's key that a UETR of ours holds; '' for anybody else's."""
    try:
        whole = uuid.UUID(text).int
    except ValueError:
        return ""
    free = whole >> 80 << 74 | (whole >> 64 & 0xFFF) << 62 | whole & (1 << 62) - 1
    number = free >> _CHECK_BITS
    body = "G" + "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(13)))
    for check in ALPHABET:
        if is_short_id(body + check):
            return body + check if uetr_of(body + check) == text.strip().lower() else ""
    return ""


def _digest(key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"uetr {key}".encode()).digest()[:8], "big") >> 64 - _CHECK_BITS


def pmt_inf_id(msg_id: str) -> str:
    """The id of the one batch of a file."""
    return f"{msg_id}-1"


# Most words of a file name the same one.
@lru_cache(maxsize=256)
def msg_id_of(msg_id: str, pmt_inf: str, prefix: str) -> str:
    """The file of ours that a bank names by its MsgId, or by its PmtInfId alone; '' for none of ours.

    A MsgId and a PmtInfId that are both quoted must agree.
    """
    named = {msg_id} if msg_id else set()
    if pmt_inf:
        named.add(pmt_inf.removesuffix("-1"))
    if len(named) != 1:
        return ""
    name = named.pop()
    return name if name.startswith(prefix) and is_short_id(name[len(prefix) :]) else ""
