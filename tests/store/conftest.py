"""A store with a story, told once; each test gets a copy of it and of the heads that were exported from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_core.store.heads import export_heads
from gateway_core.store.opening import close_store
from tests import stores

from .building import open_again, tell_a_story


@pytest.fixture(autouse=True)
def here(stores: None) -> None:
    """Every test here opens stores."""


@pytest.fixture(scope="session")
def told(stores_of_session: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(store, exported heads): not to be changed."""
    folder = tmp_path_factory.mktemp("told")
    tell_a_story(folder / "store.db")
    store = open_again(folder / "store.db")
    export_heads(store, folder / "heads.jsonl")
    close_store(store)
    return folder / "store.db", folder / "heads.jsonl"


@pytest.fixture
def path(told: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the store, to be tampered with."""
    return stores.copy(told[0], tmp_path / "copy.db")


@pytest.fixture
def heads(told: tuple[Path, Path]) -> Path:
    """What was exported before anybody tampered."""
    return told[1]
