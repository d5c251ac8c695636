"""The bank as a process: it works every half second until it is stopped, over its folder and over SFTP."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .bank import Bank

EVERY = 0.5


class Served:
    """What `gateway simulator bank_transfer` runs."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    def serve(self, port: int, say: Callable[[str], None]) -> None:
        """Until it is interrupted. `port`: of the SFTP server, where asyncssh is installed; 0 takes a free one."""
        try:
            from .sftp_server import running
        except ModuleNotFoundError:
            say("asyncssh is not installed: no SFTP server (pip install 'gateway-core[sftp]')")
            self._work(say)
            return
        with running(self.bank.folder, port) as server:
            say(f"SFTP on 127.0.0.1:{server.port}, user bank, password bank, host key {server.host_key}")
            self._work(say)

    def _work(self, say: Callable[[str], None]) -> None:
        say(f"a bank over {self.bank.folder}/out and {self.bank.folder}/in")
        stop = threading.Event()
        try:
            while not stop.wait(EVERY):
                if came := self.bank.work():
                    say(f"took {came} files")
        except KeyboardInterrupt:
            say("closed")
        finally:
            self.bank.close()
