"""Simulators of the operators: real servers with a ledger of their own, which pay nobody and misbehave on demand.

    python -m gateway_mobile_money.simulators mtn --port 8091 --ledger mtn.db [--chaos 7]

Each behaves as its manual says, duplicates and asynchronous answers too; faults are those of `MockProvider`, asked for
by a number that ends in 999NN (NN is the fault's number, from 01) or drawn at random with `--chaos SEED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette

from gateway_core.testing.behaviours import Chaos
from gateway_core.testing.ledger import Ledger
from gateway_core.testing.provider import MockProvider

from .airtel import AirtelSimulator
from .common import Simulator
from .gsma import GsmaSimulator
from .mpesa import MpesaSimulator
from .mtn import MtnSimulator

SIMULATORS: Mapping[str, Callable[..., Simulator]] = {
    "airtel": AirtelSimulator,
    "gsma": GsmaSimulator,
    "mpesa": MpesaSimulator,
    "mtn": MtnSimulator,
}


def create_app(
    profile: str,
    ledger: str = ":memory:",
    *,
    dedupe: bool = True,
    chaos: int | None = None,
    chaos_rate: float = 0.3,
    **options: Any,
) -> Starlette:
    """The application over a ledger file. `options` are the profile's own; see its simulator. Raises ValueError."""
    if profile not in SIMULATORS:
        raise ValueError(f"{profile!r} is no profile with a simulator; say one of {', '.join(SIMULATORS)}")
    drawn = Chaos(chaos, chaos_rate) if chaos is not None else None
    provider = MockProvider(Ledger(ledger), dedupe=dedupe, chaos=drawn)
    return SIMULATORS[profile](provider, **options).application()
