"""A plugin author's own flow in the worlds of the simulation: real engine and store, faults of wire, rail and people.

    from gateway_core.testing.simulation import swarm

    def test_the_flow_in_the_simulation() -> None:
        swarm(lambda: AcmeGateway(AcmeSettings(base_url="http://rail.invalid")), AcmeFace(), schedules=1000)

`AcmeFace` puts what the simulated provider does into the rail's words (see `faces.Face`: five small methods). What the
gateway declares (`capabilities`) is true of that provider, and nothing more: it forgets keys after `dedupe_window`,
lets copies land after `longest_request` only if none is declared, and calls back only if `callbacks` says so. Accounts
that end in `x` do not exist. Account types are "wallet", amounts are in UGX.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ...contract.gateway import Gateway
from .explore import Found, shortest
from .explore import swarm as explored
from .faces import Face, Rail
from .shape import Shape


def swarm(
    gateway: Callable[[], Gateway[Any]], face: Face, *, schedules: int = 1000, seed: int | None = None,
    shape: Shape | None = None,
) -> Found:  # fmt: skip
    """Run the flow of a gateway in so many random worlds (or in one `shape`). Returns the figures.

    Raises AssertionError where a law is broken: it names the law, the seed, and tells the shortest story that still
    breaks it. The same seed gives the same worlds.
    """
    drawn = random.SystemRandom().randrange(10**6) if seed is None else seed
    rail = Rail(gateway, face)
    found = explored(drawn, schedules, shape, rail=rail)
    if found.failed:
        short = shortest(found.failed, shape, rail)
        story = "\n".join([*short.story, "what the store holds:", *short.journal])
        raise AssertionError(f"{short.failure} (seed {drawn}, world {found.seed})\n{story}")
    return found
