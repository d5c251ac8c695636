"""The tables. Times are UTC microseconds, amounts are minor units, absent texts are '' and never NULL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .columns import number, words

SCHEMA = 6
metadata = MetaData()


meta = Table("meta", metadata, Column("key", String(64), primary_key=True), words("value"))

# One writer session per opened store: each has a hash chain of its own over the facts it wrote.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    number("opened_at"),
    words("process"),
    number("ended_at"),
)

payrolls = Table(
    "payrolls",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    words("state"),
    words("paused"),
    words("channel"),
    words("channels"),
    words("currency"),
    number("lines"),
    number("total"),
    # What was proposed, and what is approved: digests over the invoices and over the planned payments, in order.
    Column("content", LargeBinary, nullable=False, server_default=""),
    Column("root", LargeBinary, nullable=False, server_default=""),
    # False while its lines are still being staged: nobody sees such a payroll.
    Column("complete", Boolean, nullable=False, server_default="0"),
    words("proposed_by"),
    number("proposed_at"),
    words("approved_by"),
    number("approved_at"),
    number("approval_ends"),
    # Nothing of it is sent before a driver says that this moment has come; 0: it waits for none.
    number("pay_at"),
    words("reconciled_by"),
    words("closed_by"),
    number("facts"),
)

payments = Table(
    "payments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("payroll", String(96), nullable=False),
    number("line"),
    number("number", 1),
    words("invoice"),
    words("entitlement"),
    words("beneficiary"),
    words("name"),
    words("account_type"),
    words("account"),
    number("amount"),
    words("currency"),
    words("programme"),
    words("cycle"),
    words("instalment"),
    words("reference"),
    words("channel"),
    words("extra"),
    Column("leaf", LargeBinary, nullable=False),
    # What follows is folded from the facts; `facts` is how many it was folded from.
    Column("state", String(12), nullable=False, server_default="planned"),
    number("facts"),
    number("attempt", 1),
    words("outcome_reference"),
    words("reason"),
    # Still to be worked on by a driver, not before `due`, and not while a live `sender` has it.
    Column("open", Boolean, nullable=False, server_default="1"),
    number("due"),
    Column("sender", Integer),
    # The entitlement is taken by this payment: money may have moved and has not come back (law 9).
    Column("taken", Boolean, nullable=False, server_default="0"),
    UniqueConstraint("payroll", "line"),
    UniqueConstraint("entitlement", "number"),
)
Index(
    "one_live_payment_per_entitlement",
    payments.c.entitlement,
    unique=True,
    sqlite_where=text("taken = 1"),
    postgresql_where=text("taken"),
)
Index(
    "payments_due",
    payments.c.payroll,
    payments.c.channel,
    payments.c.due,
    payments.c.line,
    # As SQLAlchemy writes it: SQLite uses a partial index only where a query says the same in the same words.
    sqlite_where=text("open = 1 AND sender IS NULL"),
    postgresql_where=text("open AND sender IS NULL"),
)
Index(
    "payments_of_sender",
    payments.c.sender,
    sqlite_where=text("sender IS NOT NULL"),
    postgresql_where=text("sender IS NOT NULL"),
)
Index(
    "payments_held",
    payments.c.payroll,
    payments.c.line,
    sqlite_where=text("state = 'held'"),
    postgresql_where=text("state = 'held'"),
)
Index("payments_invoice", payments.c.invoice)
Index("payments_beneficiary", payments.c.beneficiary)

# Law 2, enforced by the database: attempt n+1 cannot be written while attempt n lives.
attempts = Table(
    "attempts",
    metadata,
    Column("payment", String(36), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("dead", Boolean, nullable=False, server_default="0"),
    # One tree to write instead of two, for a row that is little more than its key.
    sqlite_with_rowid=False,
)
Index(
    "one_live_attempt",
    attempts.c.payment,
    unique=True,
    sqlite_where=text("NOT dead"),
    postgresql_where=text("NOT dead"),
)

# Facts about payments (`payment` set) and about payrolls (`payment` ''). Append only. `digest` is salted and covers
# `body`; the chain covers `digest`, so that retention can erase `salt` and `body` without breaking it.
facts = Table(
    "facts",
    metadata,
    Column("session", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    words("payroll"),
    words("payment"),
    number("no"),
    number("at"),
    words("kind"),
    words("value"),
    words("source"),
    number("attempt", 1),
    words("step"),
    words("key"),
    Column("digest", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("salt", LargeBinary),
    Column("body", Text),
)
Index("facts_of", facts.c.payment, facts.c.payroll, facts.c.no, unique=True)
Index("facts_key", facts.c.key, sqlite_where=text("key <> ''"), postgresql_where=text("key <> ''"))

heads = Table(
    "heads",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session", Integer, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    number("at"),
    words("why"),
    words("signature"),
)

blobs = Table(
    "blobs", metadata, Column("digest", LargeBinary, primary_key=True), Column("body", LargeBinary, nullable=False)
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("id", Integer, primary_key=True),
    words("channel"),
    number("at"),
    words("method"),
    words("path"),
    words("headers"),
    words("key"),
    Column("authentic", Boolean, nullable=False, server_default="0"),
    Column("blob", LargeBinary, nullable=False),
    # new -> heard | unmatched | ignored; how often the same body came again for the same key.
    words("state"),
    number("times", 1),
    UniqueConstraint("channel", "key", "blob", "authentic"),
)
# Whoever finds the address can post: counting these must not cost more, the more was received.
STRANGERS = "NOT authentic AND state IN ('new', 'unmatched')"
Index("arrivals_strangers", arrivals.c.channel, sqlite_where=text(STRANGERS), postgresql_where=text(STRANGERS))
Index("arrivals_new", arrivals.c.id, sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'"))

objections = Table(
    "objections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("payroll", String(96), nullable=False),
    words("payment"),
    number("line"),
    words("code"),
    words("message"),
    words("source"),
    Column("blocks", Boolean, nullable=False, server_default="1"),
    # Found anew at each check, or fixed at the proposal.
    Column("of_check", Boolean, nullable=False, server_default="0"),
    words("released_by"),
    words("second_by"),
    words("why"),
)
Index("objections_of", objections.c.payroll, objections.c.id)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("payment", String(36), nullable=False),
    words("payroll"),
    words("entitlement"),
    words("kind"),
    number("attempt", 1),
    number("opened_at"),
    number("closed_at"),
    words("closed_by"),
    words("why"),
    UniqueConstraint("payment", "kind", "attempt"),
)
Index("cases_open", cases.c.entitlement, sqlite_where=text("closed_at = 0"), postgresql_where=text("closed_at = 0"))

senders = Table(
    "senders",
    metadata,
    Column("id", Integer, primary_key=True),
    words("process"),
    number("started_at"),
    number("until"),
    Column("ended", Boolean, nullable=False, server_default="0"),
    # By which others of its machine can tell that it is gone.
    words("presence"),
)

# Proposed releases of held payments: two different people (law 6).
releases = Table(
    "releases",
    metadata,
    Column("payment", String(36), primary_key=True),
    words("value"),
    words("by"),
    words("why"),
    words("reference"),
    words("signature"),
    number("at"),
    number("facts"),
)

# A channel that its rail stopped: wrong credentials, institution account blocked.
stops = Table("stops", metadata, Column("channel", String(64), primary_key=True), words("reason"), number("at"))

cursors = Table(
    "cursors",
    metadata,
    Column("observer", Text, primary_key=True),
    Column("session", Integer, primary_key=True, autoincrement=False),
    number("n"),
)
