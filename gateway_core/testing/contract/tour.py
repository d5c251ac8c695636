"""The tour itself: every row's payment, proposed, checked, approved and run by a Paymaster; then the books are read."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import attrs

from ...contract.flow import Ask
from ...contract.replies import Done, Refused
from ...model.payment import Payment
from ...paymaster import Paymaster
from ...store.views import EventView
from .bench import PATIENCE, Bench, Movement
from .ending import Ending
from .rows import PLAIN, Row
from .setup import CHANNEL
from .watch import Heard, Talk

# Seconds. It ends long before, when all has been heard; see `ending`.
WAIT = 2 * PATIENCE


@attrs.frozen(kw_only=True)
class Fate:
    """What became of a row. `moved`: what the simulator's books say of its keys. `heard`: replies that were read."""

    row: Row
    payment: Payment | None
    state: str
    reason: str
    talks: list[Talk]
    heard: list[Heard]
    moved: list[Movement]
    events: list[EventView]

    @property
    def times(self) -> int:
        """How often money moved."""
        return sum(movement.times for movement in self.moved)

    @property
    def name(self) -> str:
        """The row's."""
        return self.row.name

    def told(self) -> str:
        """The story in one line, for a failure."""
        said = [f"{event.kind} {event.value}".strip() for event in self.events]
        why = f" ({self.reason.strip().splitlines()[-1][:200]})" if self.reason.strip() else ""
        moved = f"money moved {self.times} times"
        return f"payment {self.name!r} is {self.state}{why}, {moved}; its facts: {', '.join(said)}"


@attrs.frozen(kw_only=True)
class Tour:
    """All fates. `early`: what had moved before anything was approved. `strange`: movements under keys of no ask."""

    fates: Mapping[str, Fate]
    early: list[Movement]
    strange: list[Movement]
    log: str

    def of(self, *rows: Row) -> Iterator[Fate]:
        """The fates of those rows that were walked."""
        return (self.fates[row.name] for row in rows if row.name in self.fates)

    def plain(self) -> list[Fate]:
        """The payments to which nothing happened on the wire."""
        return list(self.of(*PLAIN))

    def definite(self) -> list[Heard]:
        """Replies about undisturbed payments that the plugin called definite, each with the flow it was read for."""
        heard = (one for fate in self.fates.values() for one in fate.heard)
        return [one for one in heard if isinstance(one.said, Done | Refused) and one.talk and one.ask.moves_money]


def travel(bench: Bench) -> Tour:
    """Do it."""
    rows = bench.rows()
    with logged() as log, bench.setup.open(create=True, watch=bench.watch) as paymaster:
        payroll = paymaster.propose("tour", bench.invoices(row.name for row in rows), channel=CHANNEL, by="amina")
        report = paymaster.check(payroll)
        early = bench.books()
        if not report.good:
            # A sample may be an account that does not exist: it is paid all the same, to see it refused.
            paymaster.release_objections(payroll, by="amina", reason="a sample")
        paymaster.approve(payroll, by="joseph", despite="" if report.good else "a sample")
        paymaster._runtime = Ending(bench, paymaster, rows).runtime
        paymaster.run(payroll, wait=WAIT)
        bench.proxy.let_go()
        fates = _fates(bench, paymaster, rows)
    strange = [movement for movement in bench.books() if movement.key not in bench.watch.keys]
    return Tour(fates=fates, early=early, strange=strange, log=log.getvalue())


def _fates(bench: Bench, paymaster: Paymaster, rows: list[Row]) -> dict[str, Fate]:
    views = {view.invoice: view for view in paymaster.all_payments()}
    books, found = bench.books(), dict[str, Fate]()
    for row in rows:
        view = views[row.name]
        talks = [t for t in bench.watch.of("execute_payment") if t.payment and t.payment.id == view.id]
        asks = [turn.ask for talk in talks for turn in talk.turns if isinstance(turn.ask, Ask)]
        keys = {ask.request.key for ask in asks if ask.moves_money}
        found[row.name] = Fate(
            row=row, payment=talks[0].payment if talks else None, state=view.state, reason=view.reason, talks=talks,
            heard=[one for one in bench.watch.heard if one.talk in talks],
            moved=[movement for movement in books if movement.key in keys], events=paymaster.events(view.id),
        )  # fmt: skip
    return found


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What is logged meanwhile: a secret must not be there either."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield text
    finally:
        root.removeHandler(handler)
