"""The columns of which the tables are mostly made: texts that are '' where absent, and 64-bit integers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Text


def words(name: str) -> Column[str]:
    """A text; '' where there is none, never NULL."""
    return Column(name, Text, nullable=False, server_default="")


def number(name: str, default: int = 0) -> Column[int]:
    """A count, an amount in minor units, or a time in UTC microseconds."""
    return Column(name, BigInteger, nullable=False, server_default=str(default))
