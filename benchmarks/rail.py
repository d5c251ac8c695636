"""A rail for measuring: the dummy server's protocol on a bare asyncio socket, in a process of its own.

It keeps no ledger and settles everything at once, so that what is measured is the client. `latency` delays answers;
`pem` is the file of a certificate and its key, for TLS.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Answers(asyncio.Protocol):
    """One connection: reads whole requests, answers each as the dummy server would."""

    latency = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self.reply(head, body)

    def reply(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"post /payments "):
            said = json.loads(body) | {"status": "paid", "receipt": "R"}
            status = b"201 Created"
        elif head.startswith(b"get /balances/"):
            said, status = {"available": 10**17, "currency": "UGX"}, b"200 OK"
        else:
            said, status = {"type": "wallet"}, b"200 OK"
        text = json.dumps(said).encode()
        whole = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(text))
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, whole + text)
        else:
            self.transport.write(whole + text)


async def serve(latency: float, pem: str) -> None:
    """Until the parent closes our standard input."""
    Answers.latency = latency
    loop = asyncio.get_running_loop()
    context = None
    if pem:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
    server = await loop.create_server(Answers, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def rail(latency: float = 0.0, pem: str = "") -> Iterator[str]:
    """Start the rail; its base_url."""
    command = [sys.executable, "-m", "benchmarks.rail", str(latency), pem]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield f"http{'s' if pem else ''}://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), sys.argv[2]))
