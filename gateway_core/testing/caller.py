"""What a provider's stand-in calls back with: cheap enough that it is not the stand-in that is measured."""

from __future__ import annotations

import ssl

import httpx

from ..engine.transport import Limits, OwnTransport

# As many callbacks at the same time as a provider's workers make; httpx's own pool looks at all of its connections
# for each request.
AT_ONCE = 100


def caller(timeout: float | httpx.Timeout, trust: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """For one event loop. `trust`: how it connects over TLS."""
    transport = OwnTransport(trust, Limits(connections=AT_ONCE))
    return httpx.AsyncClient(transport=transport, trust_env=False, timeout=timeout)
