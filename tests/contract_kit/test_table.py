"""The kit itself is tried: a good gateway keeps every law, each broken one is caught by the law meant for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
from starlette.applications import Starlette

from gateway_core.contract import Capabilities, Gateway
from gateway_core.testing.contract import GatewayContract, LawBroken, laws_of
from gateway_core.testing.contract.laws import Waits

from .broken import TABLE
from .rail import TinyGateway
from .simulator import create_app

# Few enough at a time that none has to wait for its turn on a busy machine.
PARTS = 8


def kit_of(broken: type[TinyGateway], *, dedupe: bool = True) -> GatewayContract:
    """The kit for one gateway. Each has secrets of its own, so that no other's can be taken for a leak."""
    key, secret = f"api-key-of-{broken.__name__}", f"secret-of-{broken.__name__}"

    class Tried(GatewayContract):
        gateway = broken
        settings = {"api_key": key, "secret": secret, "callback_url": "{callbacks}"}  # noqa: RUF012

        def simulator(self, ledger: str) -> Starlette:
            return create_app(ledger, api_key=key, secret=secret, dedupe=dedupe)

    return Tried()


def found(kit: GatewayContract) -> dict[str, str]:
    """The laws that are broken, with what was said."""
    try:
        verdicts = kit.verdicts()
    finally:
        kit.teardown_class()
    wrong: dict[str, Any] = {name: said for name, said in verdicts.items() if said and not isinstance(said, Waits)}
    for name, said in wrong.items():
        if not isinstance(said, LawBroken):
            raise AssertionError(f"{name} could not be tried") from said
    return {name: str(said) for name, said in wrong.items()}


class PromisesNothing(TinyGateway):
    """Silence is for people here."""

    capabilities = Capabilities(patience=600.0)
    parse_callback = Gateway.parse_callback


class OnlyFindsOut(PromisesNothing):
    """A repeated key pays again."""

    capabilities = attrs.evolve(PromisesNothing.capabilities, finds_out=True)


class OnlyCallsBack(PromisesNothing):
    """Nobody can ask it."""

    capabilities = attrs.evolve(PromisesNothing.capabilities, callbacks=True)
    parse_callback = TinyGateway.parse_callback


def test_a_good_gateway_keeps_every_law() -> None:
    several = {TinyGateway: True, PromisesNothing: False, OnlyFindsOut: False, OnlyCallsBack: False}
    with ThreadPoolExecutor(len(several)) as pool:
        caught = pool.map(lambda kind: found(kit_of(kind, dedupe=several[kind])), several)
        assert dict(zip(several, caught, strict=True)) == {kind: {} for kind in several}


@pytest.mark.few(1)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_broken_gateway_is_caught_by_its_law_alone(part: int) -> None:
    """Mostly waiting, so that several are tried at the same time."""
    several = list(TABLE)[part::PARTS]
    with ThreadPoolExecutor(len(several)) as pool:
        caught = dict(zip(several, pool.map(lambda broken: found(kit_of(broken)), several), strict=True))
    assert {kind.__name__: set(laws) for kind, laws in caught.items()} == {
        kind.__name__: {TABLE[kind]} for kind in several
    }, caught
    for laws in caught.values():
        for name, said in laws.items():
            assert said.endswith(laws_of(GatewayContract)[name].mend)


def test_a_rail_that_pays_a_repeated_key_again_is_caught() -> None:
    assert set(found(kit_of(TinyGateway, dedupe=False))) == {"test_a_repeated_key_pays_once"}


def test_every_law_catches_somebody() -> None:
    assert set(TABLE.values()) | {"test_a_repeated_key_pays_once"} == set(laws_of(GatewayContract))
