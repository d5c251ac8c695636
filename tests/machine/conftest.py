"""Servers and shops for tests of a machine that fails."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_core.store import database, turnstile
from gateway_core.testing.kill import Dummy

from .rig import QUICK

if TYPE_CHECKING:
    from tests.conftest import Shop

SMALL = "12m"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Dummy]]:
    """{no_dedupe: a server that does as it is told}."""
    folder = tmp_path_factory.mktemp("machine")
    started = {no_dedupe: Dummy(folder / f"{no_dedupe}.db", no_dedupe=no_dedupe) for no_dedupe in (False, True)}
    yield started
    for server in started.values():
        server.stop()


@pytest.fixture
def open_here(open_shop: Callable[..., Shop], servers: dict[bool, Dummy]) -> Callable[..., Shop]:
    """open_here(no_dedupe): a shop at one of these servers."""

    def open_(no_dedupe: bool, **channel: object) -> Shop:
        profile = "no-dedupe" if no_dedupe else ""
        return open_shop(servers[no_dedupe].url, channel={**QUICK, "profile": profile, **channel})

    return open_


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for so briefly that a test can outlast it."""
    pragmas = [text for text in database.PRAGMAS if "busy_timeout" not in text]
    assert len(pragmas) < len(database.PRAGMAS)
    monkeypatch.setattr(database, "PRAGMAS", (*pragmas, "PRAGMA busy_timeout=100"))
    monkeypatch.setattr(turnstile, "PATIENCE", 0.2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of a few megabytes, where this user may mount one; else None."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=700", "tmpfs", str(place)]
    with suppress(OSError):
        if subprocess.run(mount, capture_output=True).returncode == 0:
            yield place
            subprocess.run(["umount", "--lazy", str(place)], check=True)
            return
    yield None
