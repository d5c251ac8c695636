"""The worked example of the guide: its page shows the file as it is, and the file keeps every law."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from gateway_core.contract import Account
from gateway_core.testing import GatewayContract
from tests.meta.imports import ROOT

from .showing import loaded, page, pieces, shows

KEY = "a-key-for-tests"


HeronGateway = loaded("examples/heron.py").HeronGateway
create_app = loaded("examples/heron_simulator.py").create_app


class TestHeron(GatewayContract):
    gateway = HeronGateway
    settings: ClassVar = {"api_key": KEY}

    def simulator(self, ledger: str) -> Any:
        return create_app(ledger, api_key=KEY)

    def account(self, n: int) -> Account:
        return Account("msisdn", f"2567000{n:05d}")


SHOWN = ["examples/heron.py", "examples/heron_simulator.py", "tests/guide/test_worked_example.py"]
PAGE = page("plugin-guide.md")


@pytest.mark.parametrize("file", SHOWN)
def test_the_guide_shows_what_is_run(file: str) -> None:
    assert not shows(PAGE, file)


@pytest.mark.parametrize("file", [file for file in SHOWN if file.startswith("examples")])
def test_the_guide_shows_all_of_it(file: str) -> None:
    lines = [line for line in (ROOT / file).read_text(encoding="utf-8").splitlines() if line]
    assert [line for piece in pieces(PAGE, file) for line in piece.splitlines() if line] == lines


def test_every_block_of_code_in_the_guide_is_run() -> None:
    assert PAGE.count("```python") == sum(len(pieces(PAGE, file)) for file in SHOWN)
