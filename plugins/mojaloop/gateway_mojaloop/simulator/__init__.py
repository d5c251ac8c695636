"""A hub with payees behind it, which moves no money and misbehaves on demand.

    python -m gateway_mojaloop.simulator --port 8092 --callbacks http://127.0.0.1:8089/callbacks/hub [--keys DIR]

It answers as hubs do: 202 at once, the rest by signed callbacks; quotes have real ILP packets, transfers real
fulfilments. Faults are those of `MockProvider`, asked for by an amount (`MAGIC_AMOUNTS` of
`gateway_core.testing.behaviours`), by an account that ends in 999NN (NN is the fault's number, from 01), or drawn at
random with `--chaos SEED`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from gateway_core.testing.behaviours import Chaos
from gateway_core.testing.ledger import Ledger
from gateway_core.testing.provider import MockProvider

from .hub import Hub
from .voices import CALLBACKS, Voices


def create_app(
    ledger: str = ":memory:",
    *,
    dedupe: bool = True,
    chaos: int | None = None,
    chaos_rate: float = 0.3,
    callbacks: str = CALLBACKS,
    keys: str = "",
    version: str = "1.1",
    ilp: int = 4,
    **options: Any,
) -> Starlette:
    """The application over a ledger file. `keys`: a folder, into which it writes the public keys of hub and payee.

    Without `keys` nothing is signed or verified. `version` is that of its callbacks, `ilp` that of its packets.
    """
    drawn = Chaos(chaos, chaos_rate) if chaos is not None else None
    provider = MockProvider(Ledger(ledger), dedupe=dedupe, chaos=drawn)
    voices = Voices(callbacks=callbacks, keys=Path(keys) if keys else None, version=version)
    return Hub(provider, voices, ilp_version=int(ilp), **options).application()
