"""A proxy before a server's socket, which cuts a connection at a chosen moment, as a broken network does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

# What a client says when it begins and ends a transaction that writes, as the wire has it.
BEGINS, COMMITS = b"BEGIN ISOLATION LEVEL READ COMMITTED", b"COMMIT\x00"
# Where it can be cut: before the COMMIT reaches the server; after it was done and before that is known; in between.
CUTS = ("before the commit", "after the commit", "in the transaction")


class Proxy:
    """Listens on 127.0.0.1. `cut(where, nth)`: the next but `nth` transaction loses its connection there, once."""

    def __init__(self, folder: Path) -> None:
        self._target = str(folder / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock, self._where, self._left = threading.Lock(), "", 0
        self.was_cut = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._sockets: list[socket.socket] = []
        self._threads[0].start()

    def cut(self, where: str, nth: int) -> None:
        with self._lock:
            self._where, self._left = where, nth
        self.was_cut.clear()

    def close(self) -> None:
        # Closing alone would not wake who accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._sockets):
            _shut(each)
        for thread in list(self._threads):
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            with suppress(OSError):
                server.connect(self._target)
            self._sockets += [client, server]
            silent = threading.Event()
            for work in ((self._there, client, server, silent), (self._back, client, server, silent)):
                thread = threading.Thread(target=work[0], args=work[1:])
                self._threads.append(thread)
                thread.start()

    def _there(self, client: socket.socket, server: socket.socket, silent: threading.Event) -> None:
        """From the client to the server."""
        doomed = False
        with suppress(OSError):
            while said := client.recv(65536):
                if BEGINS in said:
                    # One that is rolled back by itself leaves its turn to the next.
                    doomed = doomed or self._its_turn()
                elif doomed and self._where == CUTS[2]:
                    break
                if doomed and COMMITS in said:
                    if self._where == CUTS[0]:
                        break
                    silent.set()
                server.sendall(said)
        if doomed:
            self.was_cut.set()
        if not silent.is_set():
            _shut(client)
            _shut(server)

    def _back(self, client: socket.socket, server: socket.socket, silent: threading.Event) -> None:
        """From the server to the client, unless it is not to hear of it."""
        with suppress(OSError):
            while said := server.recv(65536):
                if silent.is_set():
                    break
                client.sendall(said)
        if silent.is_set():
            self.was_cut.set()
        _shut(client)
        _shut(server)

    def _its_turn(self) -> bool:
        with self._lock:
            self._left -= 1
            return bool(self._where) and self._left == 0


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
