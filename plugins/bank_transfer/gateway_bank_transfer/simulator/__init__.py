"""A bank to rehearse with: it takes payment files, answers, books, returns, and errs when it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def create(folder: str = "bank", ledger: str = ":memory:", chaos: int | None = None, dedupe: bool = True) -> Any:
    """A bank over `folder`/out and `folder`/in. `chaos`: a seed, by which everything goes wrong now and then."""
    from .bank import Bank
    from .serving import Served

    return Served(Bank(Path(folder), ledger=ledger, chaos=chaos, dedupe=dedupe))


__all__ = ["create"]
