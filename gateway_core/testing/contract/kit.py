"""The kit of a rail that takes payments one by one: what its author gives, and its bench and tour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ...contract.gateway import Capabilities, Gateway
from ...model.accounts import Account
from ..ledger import Ledger
from .bench import Bench, Given, Movement
from .judging import Judged
from .rows import SAMPLES
from .setup import Setup
from .tour import Tour, travel

NOWHERE = "http://127.0.0.1:1"


class Kit(Judged):
    """The author's side of `GatewayContract`, which says what each of these is."""

    samples: ClassVar[Mapping[str, int | Account]] = SAMPLES
    decides_in: ClassVar[float] = 3.5

    def simulator(self, ledger: str) -> Any:
        """The provider to try it with: an ASGI application, or the address of a server that runs."""
        raise TypeError(f"{type(self).__name__} gives no simulator(self, ledger)")

    def books(self, ledger: str) -> Iterable[Movement]:
        """What the simulator did with the money, key by key."""
        book = Ledger(ledger)
        try:
            after = ""
            while page := book.page(after):
                after = page[-1].order.key
                for entry in page:
                    if entry.moved:
                        order = entry.order
                        yield Movement(order.key, order.account, order.amount, order.currency, entry.moved)
        finally:
            book.close()

    def set_up(self) -> Bench:
        """The plugin with its simulator."""
        return Bench(
            Given(
                gateway=self.gateway, settings=self.settings, currency=self.currency, samples=self.samples,
                decides_in=self.decides_in, simulator=self.simulator, account=self.account, amount=self.amount,
                books=self.books,
            )
        )  # fmt: skip

    def walk(self) -> Tour:
        """The tour."""
        return travel(self.bench)

    @property
    def bench(self) -> Bench:
        """The plugin with its simulator; made at the first use."""
        bench: Bench = self.once("bench")
        return bench

    @property
    def tour(self) -> Tour:
        """The tour, walked once."""
        tour: Tour = self.once("tour")
        return tour


def declared(gateway: type[Gateway[Any]], settings: Mapping[str, Any]) -> Capabilities:
    """What a gateway with these settings declares; what its class does, where no object can be made of it."""
    try:
        setup = Setup.of(gateway, settings, {"callbacks": NOWHERE, "folder": ""}, folder=Path(), base_url=NOWHERE)
        return setup.plan().open().capabilities
    except Exception:
        found = getattr(gateway, "capabilities", None)
        return found if isinstance(found, Capabilities) else Capabilities()
