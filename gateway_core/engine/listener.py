"""The HTTP server that listens: uvicorn, ended so that no connection outlives its loop."""

from __future__ import annotations

import asyncio
import socket

import uvicorn


class Listener(uvicorn.Server):
    """Whoever has not parted when the time for it is over is cut off: over TLS a peer may never say good-bye."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        # One turn for the sockets, and one for those who are told.
        for _ in range(2):
            await asyncio.sleep(0)
