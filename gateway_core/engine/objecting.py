"""What the host's policies say at the instant of sending, of payments that go alone and of lines of files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ..contract.policies import Policies
from ..model.payment import Payment
from .runtime import Runtime


async def objections(runtime: Runtime, policies: Policies, payments: Sequence[Payment]) -> dict[str, str]:
    """What speaks against sending these now: {payment: the first blocking objection}."""
    if not payments or not policies.asks_before_sending():
        return {}
    said = await runtime.offload(partial(policies.before_sending, payments))
    blocking = [(payment, f"{o.source}: {o.code}: {o.message}") for payment, o in said if o.blocks]
    return dict(reversed(blocking))
