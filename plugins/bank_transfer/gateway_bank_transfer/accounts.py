"""The institution's own account, as configured and as statements name it."""

from __future__ import annotations

import re
from functools import lru_cache

import attrs

from .writing.payee import Where

_SEPARATORS = re.compile(r"[\s.-]")


@attrs.frozen
class Ours:
    """`where`: the account in parts. `currencies`: some banks write one behind the number."""

    where: Where
    currencies: tuple[str, ...] = ()

    def is_account(self, said: str | None) -> bool:
        """Whether a statement is about it. A statement that names no account is not."""
        return _same(self, said or "")


@lru_cache(maxsize=256)
def _same(ours: Ours, said: str) -> bool:
    text = _SEPARATORS.sub("", said).upper()
    for currency in ours.currencies:
        text = text.removesuffix(currency) if len(text) > len(currency) + 3 else text
    where = ours.where
    if where.iban:
        bank, slash, number = text.partition("/")
        return text == where.iban or (bool(slash) and bank + number.zfill(10) == where.iban[4:])
    number = where.number.upper().replace("-", "")
    return (
        bool(text)
        and text.rpartition("/")[2] == number
        and (
            "/" not in text
            or not where.bank
            or text.rpartition("/")[0] in ("", where.bank.upper(), f"{where.bank}/{where.branch}".upper())
        )
    )
