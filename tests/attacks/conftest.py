"""An attacker's tools: something done by another process at a chosen instant, and answers that a rail gives late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import Objection, Payment, hookimpl
from gateway_core.paymaster import Paymaster

if TYPE_CHECKING:
    from tests.conftest import Shop


class Meanwhile:
    """A policy that does something, once, after a page was claimed and before anything of it is sent."""

    def __init__(self, does: Callable[[], object]) -> None:
        self._does: Callable[[], object] | None = does

    @hookimpl
    def before_sending(self, payments: Sequence[Payment]) -> Iterable[tuple[str, Objection]]:
        does, self._does = self._does, None
        if does is not None:
            does()
        return []


@pytest.fixture
def meanwhile() -> Callable[[Shop, Callable[[], object]], None]:
    """meanwhile(shop, does): the next run claims a page, then `does` happens, then the page is worked on."""

    def do(shop: Shop, does: Callable[[], object]) -> None:
        object.__setattr__(shop.paymaster.configuration, "_policies", (("meanwhile", Meanwhile(does)),))

    return do


@pytest.fixture
def host() -> Iterator[Callable[[Shop], Paymaster]]:
    """host(shop): the same store, opened by another process."""
    opened: list[Paymaster] = []

    def do(shop: Shop) -> Paymaster:
        opened.append(Paymaster.open(shop.config))
        return opened[-1]

    yield do
    for paymaster in opened:
        paymaster.close_store()


@pytest.fixture
def quick() -> Mapping[str, Any]:
    """A channel's settings with which doubts end in a moment."""
    return {"ask_after": 0.02, "ask_at_most": 0.05, "ask_limit": 3, "settle": 0.05, "patience": 0.6}
