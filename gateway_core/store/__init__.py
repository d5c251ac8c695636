"""What is remembered: SQLAlchemy Core tables and the queries on them. Nothing here decides anything about money."""

from .database import Store
from .writes import Result, Write

__all__ = ["Result", "Store", "Write"]
