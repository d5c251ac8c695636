"""What the whole suite shares: `--long`, and no silent skips where the environment says CI."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

LONG = "long: runs only with --long"
CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
R = TypeVar("R", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked long, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason=LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _no_silent_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _no_silent_skip((yield))


def _no_silent_skip(report: R) -> R:
    """In CI everything that the tests need is there: a skip for want of it is a failure."""
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if LONG not in reason:
            report.outcome = "failed"
            report.longrepr = f"in CI nothing is skipped for want of something: {reason}"
    return report
