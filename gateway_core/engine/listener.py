"""The HTTP server that listens: uvicorn, ended so that no connection outlives its loop."""

from __future__ import annotations

import asyncio
import socket

import uvicorn


def listen(port: int = 0) -> socket.socket:
    """A socket on loopback; port 0 takes a free one. Raises OSError that names the port where it is taken."""
    # The protocol is named because asyncio switches Nagle off only then: without it each answer takes 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        said = (error.strerror or str(error)).lower()
        raise OSError(error.errno, f"{said}; choose another port, or 0 for a free one", f"127.0.0.1:{port}") from None
    return listening


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
