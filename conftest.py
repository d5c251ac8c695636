"""What the whole suite shares: `--deep`, `--long`, `--store`, and no silent skips where the environment says CI."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

LONG = "long: runs only with --long"
DEEP = "deep: runs with --deep, and in CI"
# Published documents that may not be copied into this repository lie beside it, or nowhere: a clone alone is complete.
BESIDE, REFERENCE = "beside this repository", Path(__file__).parent.parent / "shared" / "data"
CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
R = TypeVar("R", pytest.TestReport, pytest.CollectReport)

# The same examples in each run, and none fails for being slow on a busy machine. GATEWAY_SEED draws others.
settings.register_profile("steady", deadline=None, derandomize=not os.environ.get("GATEWAY_SEED"), database=None)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--deep", action="store_true", default=CI, help="search as widely as CI does: minutes more")
    parser.addoption("--long", action="store_true", help="run the tests marked long, too")
    parser.addoption(
        "--store", choices=("sqlite", "postgresql"), default="sqlite",
        help="where stores lie; postgresql runs only the tests that open one, on a server that is found",
    )  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """What `-n auto` means: up to four more than there are processors, which wait for servers and clocks a third of
    their time; about one for each GB of memory."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    processors = os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return max(processors, min(processors + min(processors, 4), memory))


def pytest_configure(config: pytest.Config) -> None:
    """Tests start hundreds of processes. Each would compile the whole library anew where no bytecode may be written
    beside the sources: it is written elsewhere, for as long as the tests run."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = tempfile.mkdtemp(prefix="gateway-core-bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _deepen(items)
    for mark, why in (("long", LONG), ("deep", DEEP)):
        if not config.getoption(f"--{mark}"):
            for item in items:
                if mark in item.keywords:
                    item.add_marker(pytest.mark.skip(reason=why))
    if config.getoption("--store") == "postgresql":
        # What opens no store, and what is about SQLite's files, ran in the other pass.
        chosen = [item for item in items if _opens_a_store(item) and "sqlite" not in item.keywords]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


def _deepen(items: list[pytest.Item]) -> None:
    cases = Counter[str]()
    for item in items:
        if mark := item.get_closest_marker("few"):
            name = item.nodeid.partition("[")[0]
            cases[name] += 1
            if cases[name] > mark.args[0]:
                item.add_marker(pytest.mark.deep)


def _opens_a_store(item: pytest.Item) -> bool:
    return "stores" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _no_silent_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _no_silent_skip((yield))


def _no_silent_skip(report: R) -> R:
    """In CI everything that the tests need is there: a skip for want of it is a failure.

    Where the published documents lie beside the repository, none of them may be missing either.
    """
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if LONG not in reason and (BESIDE not in reason or REFERENCE.is_dir()):
            report.outcome = "failed"
            report.longrepr = f"in CI nothing is skipped for want of something: {reason}"
    return report
