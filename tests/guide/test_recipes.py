"""The recipes: one gateway that needs them all keeps every law, and the page shows it as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway_core.contract import Account
from gateway_core.contract.transports import DirectoryTransport, Transport
from gateway_core.testing import BatchContract, GatewayContract

from . import ibis_simulator
from .showing import loaded, page, pieces, shows
from .teal_bank import Teal

PIN, SECRET, PORTAL = "a-pin-of-7391-for-tests", "a-secret-for-callbacks", ibis_simulator.Key()
SHOWN = ["examples/ibis.py", "examples/teal.py"]
PAGE = page("plugin-recipes.md")
ibis, teal = (loaded(file) for file in SHOWN)


class TestIbis(GatewayContract):
    gateway = ibis.IbisGateway
    settings: ClassVar = {
        "client_id": "grants", "client_secret": "a-secret-for-tokens", "pin": PIN, "public_key": PORTAL.public,
        "callback_url": "{callbacks}", "callback_secret": SECRET,
    }  # fmt: skip

    def simulator(self, ledger: str) -> Any:
        def sign(sent_at: str, body: bytes) -> str:
            return str(ibis.signature(SECRET, sent_at, body))

        return ibis_simulator.create_app(ledger, pin=PIN, key=PORTAL, sign=sign)


class AtOnce(teal.TealGateway):  # type: ignore[misc,name-defined]
    """A bank that does not make us wait: a file is whole as soon as it is there."""

    def transport(self) -> Transport:
        return DirectoryTransport(Path(self.settings.outbox), Path(self.settings.inbox), quiet=0.0)


class TestTeal(BatchContract):
    gateway = AtOnce
    settings: ClassVar = {"outbox": "{folder}/out", "inbox": "{folder}/in"}

    def bank(self, folder: Path) -> Teal:
        return Teal(folder)

    def account(self, n: int) -> Account:
        return Account("bank_account", f"TEAL:{n:08d}")


PROMISED = [
    "Polling", "Callbacks with signatures", "Links to follow", "Tokens", "Encrypted PINs", "Files", "Two-step payments",
]  # fmt: skip


def test_every_recipe_is_there() -> None:
    assert set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE)) == set(PROMISED)


@pytest.mark.parametrize("file", SHOWN)
def test_the_recipes_show_what_is_run(file: str) -> None:
    assert not shows(PAGE, file)


def test_every_block_of_code_in_the_recipes_is_run() -> None:
    assert PAGE.count("```python") == sum(len(pieces(PAGE, file)) for file in SHOWN)
