"""The tables of batch rails: files that go to a bank, files that come from it. See tables for the words.

Their facts lie in the one journal, as facts of a payroll whose id is the document's or the answer's.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=str(default))


# A file to hand over. All but the state and what drives it is fixed by its fact `planned`.
documents = Table(
    "documents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("payroll", String(96), nullable=False),
    Column("channel", String(64), nullable=False),
    _int("number"),
    Column("name", String(128), nullable=False),
    Column("sha256", String(64), nullable=False),
    _int("size"),
    _int("lines"),
    _int("total"),
    _text("currency"),
    # Digest over its lines in order: payment, attempt, key, amount.
    Column("allocation", LargeBinary, nullable=False),
    # The channel's, when it was planned.
    _text("fingerprint"),
    _int("planned_at"),
    # Folded from its facts; `facts` is how many.
    Column("state", String(12), nullable=False, server_default="planned"),
    _int("facts"),
    _text("reason"),
    _text("reference"),
    # Something may still be done with it, or heard of one of its lines.
    Column("open", Boolean, nullable=False, server_default="1"),
    _int("due"),
    Column("sender", Integer),
    # What its lines are being told (a state of theirs), and up to which line they were.
    _text("telling"),
    _int("told"),
    UniqueConstraint("payroll", "channel", "number"),
    UniqueConstraint("channel", "name"),
)
Index(
    "documents_open",
    documents.c.payroll,
    documents.c.channel,
    documents.c.number,
    sqlite_where=text("open = 1"),
    postgresql_where=text("open"),
)

# Which payment is which line of which file, written before anything of the file may leave.
lines = Table(
    "document_lines",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("payment", String(36), nullable=False),
    _int("attempt", 1),
    Column("key", String(64), nullable=False),
)
Index("document_lines_of", lines.c.payment)

# A file from the bank. Read only after its bytes are here; put away at the bank only after it was applied.
answers = Table(
    "answers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("channel", String(64), nullable=False),
    _text("name"),
    Column("sha256", String(64), nullable=False),
    _int("size"),
    _int("at"),
    # new -> applied | unreadable
    Column("state", String(12), nullable=False, server_default="new"),
    _int("facts"),
    _text("by"),
    # Lines in it, how many of them said something new or nothing new, and how many could not be matched.
    _int("lines"),
    _int("applied"),
    _int("known"),
    _int("strays"),
    # Lines of it that were dealt with: after a crash it goes on there.
    _int("done"),
    UniqueConstraint("channel", "sha256"),
)
Index("answers_new", answers.c.channel, sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'"))

# Lines of the bank's files that are about none of ours, or cannot be: kept, shown, never guessed at.
strays = Table(
    "answer_strays",
    metadata,
    Column("answer", String(36), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _text("key"),
    _text("document"),
    _text("verdict"),
    Column("amount", BigInteger),
    _text("currency"),
    _text("reference"),
    _text("text"),
    _text("why"),
)

# Bytes of files both ways, where the store has no folder beside it.
chunks = Table(
    "file_chunks",
    metadata,
    Column("file", String(64), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
