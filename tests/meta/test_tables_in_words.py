"""Trees and tables that docstrings draw of the code are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_core.model import document, errors, facts, life


def tree(kind: type[Exception], depth: int = 0) -> Iterator[tuple[int, str]]:
    """An error and all below it in `errors`, each with how deep it lies."""
    yield depth, kind.__name__
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from tree(below, depth + 1)


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    drawn = re.findall(r"^    ([│ ├└─]*)([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted((len(branch) // 4, name) for branch, name in drawn) == sorted(tree(errors.GatewayCoreError))


def test_every_kind_of_fact_is_in_the_tables() -> None:
    of_payments, _, of_documents = (facts.__doc__ or "").partition("A document")
    assert kinds(of_payments) == set(life.APPLY)
    # A document's table leaves out what is said of a payment's step alike.
    assert kinds(of_documents) <= set(document.OWN)
    assert set(document.OWN) - kinds(of_documents) <= set(life.APPLY)


def kinds(table: str) -> set[str]:
    """The first words of its rows."""
    return set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE)) - {"kind"}
