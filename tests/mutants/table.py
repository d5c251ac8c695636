"""All planted bugs, in the order of the table."""

from __future__ import annotations

from . import approving, auditing, callbacks, claiming, copies, endings, keys, people, reading, restored, writing
from .hunting import Mutant

FAMILIES = (reading, keys, copies, writing, claiming, callbacks, endings, people, restored, approving, auditing)
MUTANTS = [bug for family in FAMILIES for bug in vars(family).values() if isinstance(bug, Mutant)]
