"""What may go wrong with look-ups and quotes in chaos: drawn by the seed, and less and less, so that all ends."""

from __future__ import annotations

import hashlib

import attrs

from gateway_core.testing.behaviours import Chaos


@attrs.frozen
class Mishap:
    """`answers`: as `Behaviour.answers`. `calls`: after how many seconds each callback comes; none: it is lost.

    `error`: instead of the answer, an error callback with this code. `early`: before the request is acknowledged.
    """

    answers: str = "truth"
    calls: tuple[float, ...] = (0.0,)
    error: str = ""
    early: bool = False


FINE = Mishap()
_TABLE = (
    Mishap(calls=()),
    Mishap(calls=(0.0, 0.02)),
    Mishap(calls=(0.4,)),
    Mishap(early=True),
    Mishap(answers="drop"),
    Mishap(answers="error"),
    Mishap(answers="garbage", calls=()),
    Mishap(answers="busy", calls=()),
    Mishap(answers="too_many_requests", calls=()),
    Mishap(answers="redirect", calls=()),
    Mishap(error="2004"),
    Mishap(error="1001"),
)
# From the fourth time on a question is served.
LAST = 3


def draw(chaos: Chaos | None, about: str, times: int) -> Mishap:
    """What the `times`-th request (from 1) about a matter meets."""
    if chaos is None or times > LAST:
        return FINE
    drawn = hashlib.sha256(f"{chaos.seed}:{about}:{times}".encode()).digest()
    if int.from_bytes(drawn[:8], "big") >= chaos.rate * 2**64:
        return FINE
    return _TABLE[int.from_bytes(drawn[8:16], "big") % len(_TABLE)]
