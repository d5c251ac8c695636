"""The kit as an author meets it: laws that cannot be redefined, that apply or do not, and say how to mend a failure."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from gateway_core.contract import Capabilities, Gateway
from gateway_core.testing import GatewayContract
from gateway_core.testing.contract import laws_of
from gateway_core.testing.contract.laws import law

from .rail import TinyGateway

LAWS = laws_of(GatewayContract)
SECRETS = {"api_key": "x" * 9, "secret": "y" * 9}


class Modest(TinyGateway):
    """A rail that promises nothing."""

    capabilities = Capabilities()
    parse_callback = Gateway.parse_callback


@pytest.mark.parametrize("name", LAWS)
def test_no_law_can_be_redefined(name: str) -> None:
    class Mine:
        pass

    setattr(Mine, name, lambda self: None)
    with pytest.raises(TypeError, match=f"redefines the law {name}"):
        type("Tried", (Mine, GatewayContract), {"gateway": TinyGateway})
    with pytest.raises(TypeError, match=f"redefines the law {name}"):
        type("Tried", (GatewayContract,), {"gateway": TinyGateway, name: None})
    good = type("Good", (GatewayContract,), {"gateway": TinyGateway, "settings": SECRETS})
    with pytest.raises(TypeError, match=f"redefines the law {name}"):
        type("Tried", (good,), {name: lambda self: None})


@pytest.mark.parametrize("name", LAWS)
def test_a_law_says_why_it_exists_and_how_to_mend(name: str) -> None:
    about = LAWS[name]
    assert re.fullmatch(r"test_[a-z_]+", name)
    assert len(about.why) > 60 and len(about.mend) > 60 and about.mend.endswith(".")
    assert set(about.needs) <= set(LAWS)


def test_a_law_without_a_mend_is_none() -> None:
    def check(self: Any) -> None:
        """It must be so.

        Why: because.
        """

    with pytest.raises(TypeError, match="Mend"):
        law()(check)


def left_out(capabilities: Capabilities) -> set[str]:
    kind = type("Kind", (Modest,), {"capabilities": capabilities})
    made = type("Made", (GatewayContract,), {"gateway": kind, "settings": SECRETS})
    return {name for name in LAWS if getattr(made, name) is None}


def test_which_laws_there_are_follows_from_what_is_declared() -> None:
    asked, called = (
        {"test_it_finds_out"},
        {"test_a_forged_callback_is_not_believed", "test_a_callback_settles_its_payment"},
    )
    once, again = {"test_a_repeated_key_pays_once"}, {"test_a_second_copy_has_the_same_key"}
    assert left_out(Capabilities()) == asked | called | once | again
    assert left_out(Capabilities(finds_out=True)) == called | once | again
    assert left_out(Capabilities(dedupes=True, dedupe_window=9)) == asked | called | again
    assert left_out(Capabilities(callbacks=True)) == asked | once | again
    assert left_out(attrs.evolve(TinyGateway.capabilities)) == set()


def test_what_the_object_declares_counts_not_the_class() -> None:
    class Narrowed(TinyGateway):
        def __init__(self, settings: Any) -> None:
            super().__init__(settings)
            self.capabilities = attrs.evolve(self.capabilities, dedupes=False)

    class Tried(GatewayContract):
        gateway = Narrowed
        settings: ClassVar = SECRETS

    assert getattr(Tried, "test_a_repeated_key_pays_once") is None  # noqa: B009 - it is declared as a test


BROKEN = """
from typing import Any, ClassVar
from gateway_core.contract import Reply, Refused
from gateway_core.testing import GatewayContract
from gateway_dummy_server import DummyGateway
from gateway_dummy_server.server import create_app

class Broken(DummyGateway):
    def parse_response(self, ask, reply):
        return Refused("gone") if reply.status == 404 else super().parse_response(ask, reply)

class TestBroken(GatewayContract):
    gateway = Broken
    settings = {"callback_url": "{callbacks}", "callback_secret": "a-secret-for-callbacks"}
    def simulator(self, ledger):
        return create_app(ledger, secret="a-secret-for-callbacks")
"""


def test_under_pytest_one_law_fails_with_its_mend_and_others_wait_for_it(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text(BROKEN)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_broken.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    said = done.stdout
    assert "1 failed" in said and "passed" in said, said
    assert LAWS["test_not_found_is_not_refused"].mend in said
    assert "waits for test_not_found_is_not_refused" in said
    # Where the kit itself was at that moment helps nobody.
    assert "gateway_core/testing/contract/kit.py" not in said


def test_an_author_who_gives_no_simulator_is_told(tmp_path: Path) -> None:
    class Forgot(GatewayContract):
        gateway = TinyGateway
        settings: ClassVar = SECRETS

    kit = Forgot()
    found = kit.verdict(LAWS["test_it_can_be_loaded"])
    kit.teardown_class()
    assert str(found) == "Forgot gives no simulator(self, ledger)"
