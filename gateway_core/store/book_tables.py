"""Books: places for facts that are about no payroll, payment or file, in the one journal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from .tables import metadata

# "desk": who tried what they may not do, where it was about nothing that is on record. "balance of CHANNEL".
# "proofs": archives and photographs of officers' phones. "refused-proofs": archives that were not taken.
books = Table(
    "books",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("facts", BigInteger, nullable=False, server_default="0"),
)
