"""The tables of programmes and payment cycles, and of the invoices generated in them. Facts lie in the one journal."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, text

from .columns import number, words
from .tables import metadata

# A programme (`name` '') or a cycle of one. `terms` is JSON, as given: what a cycle does not say, its programme does.
cycles = Table(
    "cycles",
    metadata,
    Column("id", String(36), primary_key=True),
    words("programme"),
    words("name"),
    # active | suspended
    Column("state", String(12), nullable=False, server_default="active"),
    words("terms"),
    # Of the suspension: who, and why.
    words("suspended_by"),
    words("why"),
    # How many generations are complete; an invoice of a later one is still being staged, and nobody sees it.
    number("generations"),
    # Who stages one: the time at which that began.
    number("staging"),
    number("facts"),
    UniqueConstraint("programme", "name"),
)
SUSPENDED = "state = 'suspended'"
Index(
    "cycles_suspended",
    cycles.c.programme,
    cycles.c.name,
    sqlite_where=text(SUSPENDED),
    postgresql_where=text(SUSPENDED),
)

# What was generated. `body` is the invoice as JSON, `leaf` its digest, `until` the generation that replaced it or 0.
invoices = Table(
    "invoices",
    metadata,
    Column("cycle", String(36), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    words("entitlement"),
    number("amount"),
    words("currency"),
    words("body"),
    Column("leaf", LargeBinary, nullable=False),
    number("until"),
)
# One that stands (`until` 0) per entitlement; and no generation replaces two of one.
Index("one_invoice_per_entitlement", invoices.c.entitlement, invoices.c.until, unique=True)

# Which cycles the lines of a payroll are in: a suspension of any keeps all of the payroll.
payroll_cycles = Table(
    "payroll_cycles",
    metadata,
    Column("payroll", String(96), primary_key=True),
    Column("programme", Text, primary_key=True),
    Column("cycle", Text, primary_key=True),
)
