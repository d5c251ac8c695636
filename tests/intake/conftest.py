"""What the tests of intake share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway_core.lifecycle.intake import Rules, Taken, read
from gateway_core.model.money import Money

Take = Callable[..., Taken]


def rules(**changed: Any) -> Rules:
    """Rules of a test: two channels, one with a limit."""
    return Rules(**{"default_channel": "dummy", "channels": {"dummy": None, "small": Money(1000, "UGX")}, **changed})


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Take]:
    """Read text, bytes or objects as a payroll, and close it after the test."""
    with ExitStack() as stack:

        def _take(content: Any, **changed: Any) -> Taken:
            source = content
            if isinstance(content, str | bytes):
                source = tmp_path / "payroll"
                source.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
            return stack.enter_context(read(source, rules(**changed), tmp_path))

        yield _take
