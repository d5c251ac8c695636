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
    UniqueConstraint,
    text,
)

from .columns import number, words
from .tables import metadata

# A file to hand over. All but the state and what drives it is fixed by its fact `planned`.
documents = Table(
    "documents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("payroll", String(96), nullable=False),
    Column("channel", String(64), nullable=False),
    number("number"),
    Column("name", String(128), nullable=False),
    # The file that it asks the bank to cancel; it has no lines of its own then, and a number below 0.
    Column("cancels", String(36), nullable=False, server_default=""),
    Column("sha256", String(64), nullable=False),
    number("size"),
    number("lines"),
    number("total"),
    words("currency"),
    # Digest over its lines in order: payment, attempt, key, amount.
    Column("allocation", LargeBinary, nullable=False),
    # The channel's, when it was planned.
    words("fingerprint"),
    number("planned_at"),
    # Folded from its facts; `facts` is how many.
    Column("state", String(12), nullable=False, server_default="planned"),
    number("facts"),
    words("reason"),
    words("reference"),
    # Something may still be done with it, or heard of one of its lines.
    Column("open", Boolean, nullable=False, server_default="1"),
    number("due"),
    Column("sender", Integer),
    # What its lines are being told (a state of theirs), and up to which line they were.
    words("telling"),
    number("told"),
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
    number("attempt", 1),
    Column("key", String(64), nullable=False),
)
Index("document_lines_of", lines.c.payment)

# A file from the bank. Read only after its bytes are here; put away at the bank only after it was applied.
answers = Table(
    "answers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("channel", String(64), nullable=False),
    words("name"),
    Column("sha256", String(64), nullable=False),
    number("size"),
    number("at"),
    # unconfirmed | withdrawn, where a person brought it; new -> applied | unreadable
    Column("state", String(12), nullable=False, server_default="new"),
    number("facts"),
    words("by"),
    words("confirmed_by"),
    # Lines in it, how many of them said something new or nothing new, and how many could not be matched.
    number("lines"),
    number("applied"),
    number("known"),
    number("strays"),
    # Lines of it that were dealt with: after a crash it goes on there.
    number("done"),
    UniqueConstraint("channel", "sha256"),
)
Index("answers_new", answers.c.channel, sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'"))

# Lines of the bank's files that are about none of ours, or cannot be: kept, shown, never guessed at.
strays = Table(
    "answer_strays",
    metadata,
    Column("answer", String(36), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    words("key"),
    words("document"),
    words("verdict"),
    Column("amount", BigInteger),
    words("currency"),
    words("reference"),
    words("text"),
    words("why"),
)

# Bytes of files both ways, where the store has no folder beside it.
chunks = Table(
    "file_chunks",
    metadata,
    Column("file", String(64), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
