"""What a PostgreSQL server must be and say of itself before a store is trusted to it: a table of checks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import attrs

from ..model.errors import StoreError

# Of those still maintained, the oldest.
OLDEST = 14
_FACTS = """
SELECT current_setting('server_version_num')::int / 10000, pg_is_in_recovery(), current_setting('server_encoding'),
       coalesce(current_schema(), ''), current_setting('synchronous_commit'), current_setting('fsync')
"""
# A promotion and a recovery to a point in time begin a new timeline, a fresh cluster has another identifier.
_LIFE = """
SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()
"""


@attrs.frozen
class Server:
    """One connection's view of its server. `life` changes whenever commits may have been lost."""

    version: int
    standby: bool
    encoding: str
    schema: str
    synchronous_commit: str
    fsync: str
    life: str = ""

    @classmethod
    def of(cls, raw: Any) -> Server:
        """Ask over a connection of psycopg in autocommit. Raises StoreError when the server must not be used."""
        found = cls(*raw.execute(_FACTS).fetchone())
        for wrong, sentence in CHECKS:
            if wrong(found):
                raise StoreError(sentence.format(found=found))
        return attrs.evolve(found, life=raw.execute(_LIFE).fetchone()[0])

    @property
    def key(self) -> int:
        """The key of the advisory lock. Keys are per database, and a schema holds one store."""
        return int.from_bytes(hashlib.sha256(f"gateway_core {self.schema}".encode()).digest()[:8], "big", signed=True)


CHECKS: tuple[tuple[Callable[[Server], bool], str], ...] = (
    (
        lambda found: found.version < OLDEST,
        f"the server is PostgreSQL {{found.version}}; {OLDEST} or newer is needed",
    ),
    (
        lambda found: found.standby,
        "the server is a standby, which takes no writes; name the primary in `store`, or all hosts with "
        "?target_session_attrs=read-write",
    ),
    (
        lambda found: found.encoding != "UTF8",
        "the database's encoding is {found.encoding}; use one that was made with ENCODING 'UTF8'",
    ),
    (
        lambda found: not found.schema,
        "the search_path names no schema that is there; make it first: CREATE SCHEMA ...",
    ),
    (
        lambda found: found.synchronous_commit == "off",
        "synchronous_commit is off: the server reports commits that a crash then loses, and what was sent with them "
        "would be sent again; switch it on for this database: ALTER DATABASE ... SET synchronous_commit = on",
    ),
    (
        lambda found: found.fsync == "off",
        "fsync is off: a crash of the machine can lose anything; set fsync = on in postgresql.conf and reload it",
    ),
)
