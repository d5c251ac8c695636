"""What is remembered: SQLAlchemy Core tables and the queries on them. Nothing here decides anything about money."""

from . import book_tables as book_tables
from . import cash_tables as cash_tables
from . import cycle_tables as cycle_tables
from . import document_tables as document_tables
from . import statement_tables as statement_tables
from .database import Store
from .writes import Result, Write

__all__ = ["Result", "Store", "Write"]
