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

SCHEMA = 4
metadata = MetaData()


def _text(name: str, **kw: object) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="", **kw)  # type: ignore[arg-type]


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=str(default))


meta = Table("meta", metadata, Column("key", String(64), primary_key=True), _text("value"))

# One writer session per opened store: each has a hash chain of its own over the facts it wrote.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    _int("opened_at"),
    _text("process"),
    _int("ended_at"),
)

payrolls = Table(
    "payrolls",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _text("state"),
    _text("paused"),
    _text("channel"),
    _text("channels"),
    _text("currency"),
    _int("lines"),
    _int("total"),
    # What was proposed, and what is approved: digests over the invoices and over the planned payments, in order.
    Column("content", LargeBinary, nullable=False, server_default=""),
    Column("root", LargeBinary, nullable=False, server_default=""),
    # False while its lines are still being staged: nobody sees such a payroll.
    Column("complete", Boolean, nullable=False, server_default="0"),
    _text("proposed_by"),
    _int("proposed_at"),
    _text("approved_by"),
    _int("approved_at"),
    _int("approval_ends"),
    # Nothing of it is sent before a driver says that this moment has come; 0: it waits for none.
    _int("pay_at"),
    _text("reconciled_by"),
    _text("closed_by"),
    _int("facts"),
)

payments = Table(
    "payments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("payroll", String(96), nullable=False),
    _int("line"),
    _int("number", 1),
    _text("invoice"),
    _text("entitlement"),
    _text("beneficiary"),
    _text("name"),
    _text("account_type"),
    _text("account"),
    _int("amount"),
    _text("currency"),
    _text("programme"),
    _text("cycle"),
    _text("instalment"),
    _text("reference"),
    _text("channel"),
    _text("extra"),
    Column("leaf", LargeBinary, nullable=False),
    # What follows is folded from the facts; `facts` is how many it was folded from.
    Column("state", String(12), nullable=False, server_default="planned"),
    _int("facts"),
    _int("attempt", 1),
    _text("outcome_reference"),
    _text("reason"),
    # Still to be worked on by a driver, not before `due`, and not while a live `sender` has it.
    Column("open", Boolean, nullable=False, server_default="1"),
    _int("due"),
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
    _text("payroll"),
    _text("payment"),
    _int("no"),
    _int("at"),
    _text("kind"),
    _text("value"),
    _text("source"),
    _int("attempt", 1),
    _text("step"),
    _text("key"),
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
    _int("at"),
    _text("why"),
    _text("signature"),
)

blobs = Table(
    "blobs", metadata, Column("digest", LargeBinary, primary_key=True), Column("body", LargeBinary, nullable=False)
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("channel"),
    _int("at"),
    _text("method"),
    _text("path"),
    _text("headers"),
    _text("key"),
    Column("authentic", Boolean, nullable=False, server_default="0"),
    Column("blob", LargeBinary, nullable=False),
    # new -> heard | unmatched | ignored; how often the same body came again for the same key.
    _text("state"),
    _int("times", 1),
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
    _text("payment"),
    _int("line"),
    _text("code"),
    _text("message"),
    _text("source"),
    Column("blocks", Boolean, nullable=False, server_default="1"),
    # Found anew at each check, or fixed at the proposal.
    Column("of_check", Boolean, nullable=False, server_default="0"),
    _text("released_by"),
    _text("second_by"),
    _text("why"),
)
Index("objections_of", objections.c.payroll, objections.c.id)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("payment", String(36), nullable=False),
    _text("payroll"),
    _text("entitlement"),
    _text("kind"),
    _int("attempt", 1),
    _int("opened_at"),
    _int("closed_at"),
    _text("closed_by"),
    _text("why"),
    UniqueConstraint("payment", "kind", "attempt"),
)
Index("cases_open", cases.c.entitlement, sqlite_where=text("closed_at = 0"), postgresql_where=text("closed_at = 0"))

senders = Table(
    "senders",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("process"),
    _int("started_at"),
    _int("until"),
    Column("ended", Boolean, nullable=False, server_default="0"),
    # By which others of its machine can tell that it is gone.
    _text("presence"),
)

# Proposed releases of held payments: two different people (law 6).
releases = Table(
    "releases",
    metadata,
    Column("payment", String(36), primary_key=True),
    _text("value"),
    _text("by"),
    _text("why"),
    _text("reference"),
    _text("signature"),
    _int("at"),
    _int("facts"),
)

# A channel that its rail stopped: wrong credentials, institution account blocked.
stops = Table("stops", metadata, Column("channel", String(64), primary_key=True), _text("reason"), _int("at"))

cursors = Table(
    "cursors",
    metadata,
    Column("observer", Text, primary_key=True),
    Column("session", Integer, primary_key=True, autoincrement=False),
    _int("n"),
)
