"""The bench on which a plugin is tried: its simulator, a proxy before it, one for callbacks, a store, and the watch."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import attrs

from ...contract.channel import Channel
from ...contract.gateway import Capabilities, Gateway
from ...contract.replies import Arrival, Callback
from ...model.accounts import Account
from ...model.money import Money
from ...model.payment import Invoice
from . import faults
from .proxy import Exchange, Fault, Passed, Proxy
from .rows import ROWS, Row
from .serving import Serving, free_address
from .setup import CHANNEL, Setup
from .watch import Watch

# Rehearsed time: what a rail needs minutes for is tried in parts of a second.
SHORT = {"settle": 0.2, "ask_after": 0.05, "ask_at_most": 0.25, "ask_limit": 20}
# Seconds for which a rail may leave something open. Only what is broken waits so long.
PATIENCE = 60.0
# Seconds for which questions wait for a callback.
CALL = 20.0


@attrs.frozen
class Movement:
    """What the simulator's books say of one key: money went `times` times. `minor` is one of them, in minor units."""

    key: str
    account: str
    minor: int
    currency: str
    times: int = 1


@attrs.frozen(kw_only=True)
class Given:
    """What the author of a plugin gives the kit; see `GatewayContract`."""

    gateway: type[Gateway[Any]]
    settings: Mapping[str, Any]
    currency: str
    samples: Mapping[str, int | Account]
    decides_in: float
    simulator: Any
    account: Any
    amount: Any
    books: Any


class Bench:
    """Everything that runs while a plugin is tried. `close()` ends it all."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self._stack = ExitStack()
        self.watch = Watch()
        self.folder = Path(tempfile.mkdtemp(prefix="gateway-kit-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._lock, self._copies = threading.Lock(), Counter[str]()
        self._others: Fault = faults.honest
        self._deaf, self._held = False, 0.0
        self._rows = {row.name: row for row in ROWS}
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        given = self.given
        self.ledger = str(self.folder / "simulator.db")
        simulator = self._stack.enter_context(Serving(given.simulator(self.ledger)))
        self.proxy = self._stack.enter_context(Proxy(simulator, self.judge))
        listen = free_address()
        self.calls = self._stack.enter_context(Proxy(f"http://{listen}", self._judge_call))
        url = f"{self.calls.url}/callbacks/{CHANNEL}"
        self.setup = Setup.of(
            given.gateway, given.settings, {"callbacks": url, "folder": str(self.folder)}, folder=self.folder / "shop",
            base_url=self.proxy.url, listen=listen, narrowed=self._narrowed(given.gateway.capabilities),
        )  # fmt: skip
        self.gateway = self.setup.plan().open().gateway

    def _narrowed(self, declared: Capabilities) -> dict[str, Any]:
        short = {name: min(value, getattr(declared, name)) for name, value in SHORT.items()}
        return {**short, "patience": min(declared.patience, PATIENCE)}

    def close(self) -> None:
        """Stop the servers and remove the files."""
        self._stack.close()

    @property
    def capabilities(self) -> Capabilities:
        """What this plugin, with these settings, declares."""
        return self.gateway.capabilities

    @property
    def secrets(self) -> Mapping[str, str]:
        """The plugin's secrets, by setting."""
        return self.setup.hidden

    def channel(self) -> Channel:
        """Another channel, with an object of its own, that nobody watches."""
        return self.setup.plan().open()

    # -- payments -----------------------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """The rows of the tour that this rail has to walk."""
        samples = self.given.samples
        return [row for row in ROWS if row.applies(self.capabilities) and (not row.sample or row.sample in samples)]

    def invoices(self, names: Iterable[str], first: int = 0) -> list[Invoice]:
        """An invoice for each name; a row's own account or amount where its sample wants one."""
        return [self._invoice(name, number) for number, name in enumerate(names, first)]

    def _invoice(self, name: str, number: int) -> Invoice:
        row = self._rows.get(name)
        wanted = self.given.samples[row.sample] if row and row.sample else None
        account = wanted if isinstance(wanted, Account) else self.given.account(number)
        minor = wanted if isinstance(wanted, int) else self.given.amount(number)
        return Invoice(
            id=name, beneficiary=name, name=f"Amina Kit {number}", account=account,
            amount=Money(minor, self.given.currency), programme="kit", cycle="1", reference=f"kit {number}",
        )  # fmt: skip

    def books(self) -> list[Movement]:
        """What the simulator did with the money."""
        return list(self.given.books(self.ledger))

    # -- the wire -----------------------------------------------------------------------------------------------------

    def all_meet(self, fault: Fault, timeout: float) -> None:
        """From now on each exchange meets this, whatever it is about; no callback gets through."""
        self._others, self._rows, self._deaf = fault, {}, True
        self.setup = attrs.evolve(self.setup, timeout=timeout)

    def meets(self, row: Row) -> None:
        """From now on this row's payment is the only one to which something happens."""
        self._rows = {row.name: row}

    def is_copy(self, passed: Passed) -> bool:
        """Whether a request on the wire is one that moves money."""
        known = self.watch.known(passed.bytes)
        return known is not None and known.ask.moves_money and not known.question

    def judge(self, passed: Passed) -> Fault:
        """How an exchange goes: as the row of its payment says."""
        known = self.watch.known(passed.bytes)
        payment = known.talk.payment if known else None
        row = self._rows.get(payment.invoice) if payment else None
        if known is None or row is None:
            return self._others
        if known.question:
            return self._once_called if row.questions is faults.unheard else row.questions
        if not known.ask.moves_money:
            return faults.honest
        with self._lock:
            self._copies[row.name] += 1
            return row.answer if self._copies[row.name] == 1 else row.later

    def _once_called(self, exchange: Exchange) -> None:
        """The question stays without an answer until a callback was read: they are not to run out before it comes."""
        known = self.watch.known(exchange.passed.bytes)
        until = time.monotonic() + CALL - self._held
        while known and not self.watch.called(known) and time.monotonic() < until:
            exchange.wait(0.05)
        self._held = CALL - max(0.0, until - time.monotonic())
        exchange.close()

    def _judge_call(self, passed: Passed) -> Fault:
        """Whether a callback gets through."""
        if self._deaf:
            return faults.request_lost
        row = self._rows.get(self._about(passed))
        barred = row is not None and row.calls != "pass" and row.name not in self.watch.by_callback
        return faults.request_lost if barred else faults.honest

    def _about(self, passed: Passed) -> str:
        """The invoice whose money a callback is about. (Look-ups and the like may be answered by callback, too.)"""
        headers = {name.lower(): value for name, value in passed.headers}
        path = passed.target.partition("?")[0].removeprefix(f"/callbacks/{CHANNEL}")
        target = passed.target.removeprefix(f"/callbacks/{CHANNEL}")
        arrival = Arrival(passed.method, unquote(path), headers, passed.body, datetime.now(UTC), target)
        try:
            said = self.gateway.parse_callback(arrival)
        except Exception:
            return ""
        known = self.watch.asked_with(said.key) if isinstance(said, Callback) else None
        payment = known.talk.payment if known and known.ask.moves_money else None
        return payment.invoice if payment else ""
