"""The tables of reconciling by file, and of disputes. Their facts lie in the one journal, under their own ids."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint, text

from .columns import number, words
from .tables import metadata

# A file that a person gave: a payroll's list, filled in, or a provider's own statement read by its columns.
statements = Table(
    "statements",
    metadata,
    Column("id", String(36), primary_key=True),
    # list (of a payroll) | sheet (of a channel)
    Column("kind", String(8), nullable=False),
    Column("channel", String(64), nullable=False, server_default=""),
    Column("payroll", String(96), nullable=False, server_default=""),
    words("name"),
    Column("sha256", String(64), nullable=False),
    number("size"),
    number("at"),
    words("by"),
    # staging -> applied -> replaced | withdrawn. Nobody sees one that is still being staged.
    Column("state", String(12), nullable=False, server_default="staging"),
    number("lines"),
    # Over its lines in order: what was switched on is what stands there.
    Column("root", LargeBinary, nullable=False, server_default=""),
    words("replaces"),
    # The payrolls that its lines are about, as JSON.
    words("about"),
    words("confirmed_by"),
    number("facts"),
    UniqueConstraint("kind", "channel", "payroll", "sha256"),
)

# Its lines, fixed once it is applied. `payment` '' : it names none of ours, and `why` tells. Amounts in minor units.
statement_lines = Table(
    "statement_lines",
    metadata,
    Column("statement", String(36), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("payment", String(36), nullable=False, server_default=""),
    Column("payroll", String(96), nullable=False, server_default=""),
    # reference | id | proposed (by account, amount and date: a person decides) | ''
    Column("how", String(12), nullable=False, server_default=""),
    Column("verdict", String(12), nullable=False),
    number("amount"),
    number("fee"),
    words("currency"),
    words("reference"),
    words("booked"),
    words("account"),
    words("reason"),
    words("text"),
    words("why"),
    # By people, afterwards, with a fact of the statement: accepted | declined | confirmed.
    Column("decided", String(12), nullable=False, server_default=""),
    words("decided_by"),
)
Index(
    "statement_lines_of",
    statement_lines.c.payment,
    sqlite_where=text("payment <> ''"),
    postgresql_where=text("payment <> ''"),
)
# Lines that people must look at: they name none of ours, or are only proposed.
LOOSE = "payment = '' OR how = 'proposed'"
Index(
    "statement_lines_loose",
    statement_lines.c.statement,
    statement_lines.c.n,
    sqlite_where=text(LOOSE),
    postgresql_where=text(LOOSE),
)

# Why a difference is none: it holds as long as the difference is the same.
explanations = Table(
    "explanations",
    metadata,
    Column("payroll", String(96), primary_key=True),
    # A payment, or "STATEMENT/N" for a line that names none.
    Column("subject", String(80), primary_key=True),
    Column("kind", String(32), primary_key=True),
    number("delta"),
    words("by"),
    words("reason"),
    number("at"),
)

# A complaint about a payment or a payroll: the payment side of a grievance mechanism.
disputes = Table(
    "disputes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("payroll", String(96), nullable=False, server_default=""),
    Column("payment", String(36), nullable=False, server_default=""),
    # open -> answered -> open | resolved
    Column("state", String(12), nullable=False, server_default="open"),
    Column("priority", String(12), nullable=False, server_default="normal"),
    # '' : anonymous
    words("by"),
    words("handler"),
    words("text"),
    words("resolution"),
    words("resolved_by"),
    number("at"),
    number("facts"),
)
Index("disputes_of", disputes.c.payroll, disputes.c.state)
