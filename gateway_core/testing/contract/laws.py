"""What a law is: a test with a reason and a mend in its docstring, and the laws that must hold before it."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, NoReturn

import attrs

from ...contract.gateway import Capabilities

# Before a plugin can be loaded, nothing can be said of it.
FIRST = "test_it_can_be_loaded"


class LawBroken(AssertionError):
    """What was seen; the law's mend follows it."""


class Waits(Exception):
    """A law that cannot be judged yet: another one is broken."""


@attrs.frozen
class Law:
    """`needs`: the laws without which nothing can be said about this one. `applies`: whether a rail has to keep it."""

    name: str
    check: Callable[[Any], None]
    why: str
    mend: str
    needs: tuple[str, ...]
    applies: Callable[[Capabilities], bool]


def always(capabilities: Capabilities) -> bool:
    """Every rail has to keep it."""
    return True


def law(
    *needs: str, applies: Callable[[Capabilities], bool] = always
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Make a test method a law. Its docstring has the paragraphs `Why:` and `Mend:`."""

    def made(check: Callable[[Any], None]) -> Callable[[Any], None]:
        name, doc = check.__name__, inspect.getdoc(check) or ""
        before = needs if name == FIRST else (FIRST, *needs)
        about = Law(name, check, _paragraph(doc, "Why"), _paragraph(doc, "Mend"), before, applies)

        @functools.wraps(check)
        def test(self: Any) -> None:
            __tracebackhide__ = True
            self.judged(about)

        # Only the name is the test's: a signature that pytest could take for fixtures is hidden.
        del test.__wrapped__
        test.law = about  # type: ignore[attr-defined]
        return test

    return made


def laws_of(kit: type) -> dict[str, Law]:
    """The laws of a class, in the order in which pytest tries them: from the last base to the first."""
    found: dict[str, Law] = {}
    for base in reversed(kit.__mro__):
        for name, value in vars(base).items():
            if isinstance(about := getattr(value, "law", None), Law):
                found.setdefault(name, about)
    return found


def broken(*said: str) -> NoReturn:
    """The law is broken, for this reason."""
    raise LawBroken(" ".join(said))


def _paragraph(doc: str, word: str) -> str:
    found = re.search(rf"^{word}: (.+?)(?=\n\n|\Z)", doc, re.MULTILINE | re.DOTALL)
    if found is None:
        raise TypeError(f"a law's docstring has a paragraph that begins with {word!r}: {doc[:60]!r}")
    return " ".join(found[1].split())
