"""Paymaster: the one object that an MIS uses. Synchronous; safe in scripts, tasks, Django, and inside a running loop.

    paymaster = Paymaster.open("gateway.toml")
    payroll = paymaster.propose("2026-11 child grant", invoices, channel="mtn-uganda", by="amina")
    report = paymaster.check(payroll)
    paymaster.approve(payroll, by="joseph")
    paymaster.run(payroll)
    paymaster.reconcile(payroll, by="amina")
    paymaster.close(payroll, by="joseph")

Each call is one step of the life of a payroll and can be repeated: after a crash, call it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from .auditing import Progress, quiet
from .channels import Configuration, load
from .contract.channel import Channel
from .contract.policies import refuse_within
from .cycling import Cycling
from .deciding import Deciding
from .engine.callbacks import CallbackApp
from .engine.driver import Driver
from .engine.lock import SenderLock
from .engine.mark import Mark
from .engine.presence import Presence
from .engine.runtime import AsyncioRuntime, Lane, http_lane
from .engine.transport.probe import certificate_trouble
from .lifecycle import approval, checking, intake, officers, proposing, running
from .lifecycle.checking import CheckReport
from .lifecycle.hanging import Watchdog
from .lifecycle.running import Report
from .model.errors import GatewayCoreError, InvalidPayroll
from .model.money import Money
from .model.payment import Invoice
from .model.people import normal
from .planning import Planning
from .reconcile import audit, closing
from .reconcile.audit import Agreement
from .reconcile.closing import Totals
from .reviewing import Reviewing
from .store import Store, opening, payrolls, stops, views
from .store.clock import now_us

log = logging.getLogger(__name__)


class Paymaster(Planning, Reviewing, Deciding, Cycling):
    """One opened store with its configuration. Use it as a context manager, or call `close_store()`."""

    def __init__(self, configuration: Configuration, store: Store) -> None:
        self.configuration, self._store = configuration, store
        # The kill rig and the simulations put their own here.
        self._runtime: Callable[[], AsyncioRuntime] = AsyncioRuntime
        self._driver: Driver | None = None
        self._lane: Callable[[Channel], Lane] = lambda c: http_lane(c.settings.base_url, c.auth(), c.wiring)

    @classmethod
    def open(
        cls,
        configuration: str | Path | Mapping[str, Any] | Configuration,
        *,
        create: bool = False,
        store: str | None = None,
    ) -> Paymaster:
        """Open the store that the configuration names. `store` overrides its address only; `create` makes a new one.

        Raises ConfigurationError, StoreError.
        """
        known = configuration if isinstance(configuration, Configuration) else load(configuration, store)
        opened = opening.open_store(known.store_url, known.deployment, known.environment, create=create)
        if create:
            Mark(known.mark_dir, opened).reset(0, 0, b"")
        return cls(known, opened)

    def __enter__(self) -> Paymaster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_store()

    def close_store(self) -> None:
        """End the writer session and let go of the store."""
        if self._store.head[0]:
            self._heads_out()
        opening.close_store(self._store)

    @property
    def is_test(self) -> bool:
        """Whether this is a test store: its results say TEST."""
        return self.configuration.is_test

    # -- before the money ---------------------------------------------------------------------------------------------

    def propose(
        self, name: str, invoices: Iterable[Invoice] | str | Path, *, channel: str, by: str, despite: str = "",
        control_total: str | None = None, control_count: int | None = None, progress: Progress = quiet,
        on_taken: Callable[[intake.Taken], None] = lambda taken: None, **reading: Any,
    ) -> str:  # fmt: skip
        """Propose a payroll from invoices, or from a CSV or JSON Lines file. Returns its id.

        The same name and content again is the same payroll; with other content it is an error. Raises InvalidPayroll
        with every mistake; then nothing was written. `despite` is the maker's reason for objections found here.
        `on_taken` is shown what was read (its warnings, its totals) before anything is written.
        """
        normal(by)
        rules = self._rules(channel, control_total, control_count, **reading)
        return self._propose(name, invoices, channel, by, despite, rules, progress, on_taken)

    def _propose(
        self, name: str, invoices: Iterable[Invoice] | str | Path, channel: str, by: str, despite: str,
        rules: intake.Rules | None = None, progress: Progress = quiet,
        on_taken: Callable[[intake.Taken], None] = lambda taken: None, seen: Mapping[str, int] | None = None,
    ) -> str:  # fmt: skip
        with intake.read(invoices, rules or self._rules(channel, None, None)) as taken:
            on_taken(taken)
            if taken.mistakes:
                raise InvalidPayroll(taken.mistakes, taken.more)
            return proposing.propose(
                self._store, name, taken, channel, self._fingerprint, by, note=despite, progress=progress, seen=seen
            )

    def _fingerprint(self, channel: str) -> str:
        return self.configuration.channel(channel).fingerprint

    def inspect(
        self, invoices: Iterable[Invoice] | str | Path, *, channel: str, control_total: str | None = None,
        control_count: int | None = None, **reading: Any,
    ) -> intake.Taken:  # fmt: skip
        """Read and check an input and write nothing. The caller closes what it gets."""
        return intake.read(invoices, self._rules(channel, control_total, control_count, **reading))

    def _rules(self, channel: str, total: str | None, count: int | None, **reading: Any) -> intake.Rules:
        limits = self.configuration.max_amounts()
        self.configuration.channel(channel)
        known = {name: limits.get(name) for name in self.configuration.channel_names}
        return intake.Rules(
            default_channel=channel, channels=known, control_total=total, control_count=count,
            fill=self._assigning(), **reading,
        )  # fmt: skip

    def check(self, payroll: str, *, progress: Progress = quiet) -> CheckReport:
        """Ask the rail about every account and the balance, and the host's policies; every objection at once."""
        known = self.configuration
        ask = (self._store, payroll, known.channel, self._policies(), self._lane, progress, self._funds, self._zone)
        balances = self._with_runtime(lambda runtime: running.checked(runtime, *ask))
        return self.objections(payroll, balances)

    def objections(self, payroll: str, balances: Mapping[str, Money | None] | None = None) -> CheckReport:
        """The objections on record, without asking anybody anew."""
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        objections, more = checking.standing(self._store, row.id)
        warnings, more_warnings = checking.warnings(self._store, row.id)
        prints = running.fingerprints_of(row, self.configuration.channel)
        return CheckReport(
            row.id, row.name, row.state, row.lines, Money(row.total, row.currency), objections, warnings,
            balances or {}, approval.approval_digest(self._store, row, prints).hex(), more, more_warnings,
        )  # fmt: skip

    # -- the money ----------------------------------------------------------------------------------------------------

    def run(
        self,
        payroll: str | None = None,
        *,
        wait: float | None = 0.0,
        progress: Progress = quiet,
        serve: bool = False,
    ) -> Report:
        """Send what is approved and find out what is unknown. Resumes by itself after a crash.

        Ends when nothing more is due within `wait` seconds (None: when nothing is open any more). `serve` goes on
        for ever. Raises SenderBusy when another process sends from this store, RestoredStore, StoreUncertain.
        """
        skipped: dict[str, str] = {}
        due: list[int | None] = [None]

        async def work(runtime: AsyncioRuntime, driver: Driver) -> None:
            due[0] = await running.drive_all(
                runtime, driver, payroll, wait, skipped, self.configuration.channel, serve=serve,
                probe=lambda channel: certificate_trouble(channel.settings.base_url, channel.wiring),
                grace=self.configuration.schedule_grace, funds=self._funds, zone=self._zone,
                approvers=self.configuration.approvers,
            )  # fmt: skip

        self._send(work, progress)
        return running.report(self._store, payroll, due[0], skipped)

    def _send(self, work: Callable[[AsyncioRuntime, Driver], Any], progress: Progress) -> None:
        """Be the sender: the lock, the mark, a driver, callbacks if a channel listens."""
        mark = Mark(self.configuration.mark_dir, self._store)
        with SenderLock(self._store.file), self._present(mark) as presence:
            mark.check()
            try:
                mark.take()
                self._with_runtime(lambda runtime: self._as_sender(runtime, mark, presence, work, progress))
            finally:
                mark.close()

    def _present(self, mark: Mark) -> AbstractContextManager[Presence | None]:
        """Where a lock does not prove that every earlier sender is gone, each has one of its own."""
        return Presence(mark.path) if self._store.file is None else nullcontext()

    async def _as_sender(
        self, runtime: AsyncioRuntime, mark: Mark, presence: Presence | None,
        work: Callable[[AsyncioRuntime, Driver], Any], progress: Progress,
    ) -> None:  # fmt: skip
        known = self.configuration
        driver = Driver(
            runtime, self._store, known.channel, self._policies(), self._lane, mark,
            known.timezone, known.holidays, alone=presence is None, presence=presence, progress=progress,
            answering=self._answering,
        )  # fmt: skip
        self._driver = driver
        await driver.start()
        async with running.listening(
            self._store, running.listeners(known.channel_names, known.channel), runtime.now, driver.call
        ):  # fmt: skip
            try:
                await work(runtime, driver)
            except BaseException:
                # Why it failed says more than that it cannot even end in order.
                with suppress(GatewayCoreError):
                    await driver.finish()
                raise
            await driver.finish()

    def _with_runtime(self, work: Callable[[AsyncioRuntime], Any]) -> Any:
        refuse_within()
        runtime = self._runtime()
        self._driver = None

        def interrupt() -> None:
            if self._driver is not None:
                self._driver.stop()

        watchdog = Watchdog(self.configuration.opened, self._hung)
        return running.in_thread(lambda: running.guarded(runtime, work(runtime)), interrupt, watchdog.look)

    def _hung(self, channel: str, reason: str) -> None:
        """A plugin's hook does not return: nothing new goes over its channel until a person lifts the stop."""
        if self._driver is not None:
            self._driver.bar(channel, reason)
        stops.note(self._store, channel, reason)

    def callbacks(self) -> CallbackApp:
        """The ASGI application that takes the rails' callbacks: mount it, or let `gateway callbacks` serve it.

        It stores and answers; whichever process sends acts on what was stored, within a second.
        """
        channels = {name: self.configuration.channel(name) for name in self.configuration.channel_names}
        return CallbackApp(self._store, channels, now_us)

    def retry(self, payment: str, *, by: str, reason: str) -> None:
        """Try a refused payment again: attempt n+1, the same approved content."""
        normal(by)
        officers.retry(self._store, payment, by, reason)

    # -- what people must decide --------------------------------------------------------------------------------------

    def release(self, payment: str, to: str, *, by: str, reason: str, reference: str = "", signature: str = "") -> bool:
        """Say what becomes of a held payment: ready (the same bytes again), pending (ask again), paid, refused,
        returned or cancelled. The first person proposes (False is returned), another one agrees (True).
        """
        normal(by)
        with self._permitted("release", by, payment):
            self._signed(by, self.release_message(payment, to), signature)
            return officers.release(self._store, payment, to, by, reason, reference=reference, signature=signature)

    def release_message(self, payment: str, to: str) -> bytes:
        """The bytes that an approver signs with Ed25519 to release a held payment, as it is now."""
        return approval.release_message(payment, to, views.own_facts(self._store, payment))

    def close_case(self, case: int, *, by: str, reason: str) -> None:
        """Say what was found and done; the entitlement is no longer frozen by it."""
        normal(by)
        closing.close_case(self._store, case, by, reason)

    def lift_stop(self, channel: str, *, by: str) -> None:
        """Use a channel again that its rail had stopped."""
        normal(by)
        stops.lift(self._store, channel, by)

    # -- after the money ----------------------------------------------------------------------------------------------

    def reconcile(
        self, payroll: str, *, by: str, statement: str | Path | None = None, channel: str = "",
        progress: Progress = quiet,
    ) -> Agreement:  # fmt: skip
        """Compare with the gateway: every payment that was ever sent is asked about; differences open cases.

        When nothing is open and every difference is explained (`zero_sum`), it proposes the payroll for closing.
        `statement`: the provider's own, taken first, of `channel` (default: the payroll's).
        """
        normal(by)
        if statement is not None:
            with self._store.read() as connection:
                of = channel or payrolls.get(connection, payroll).channel
            self.import_sheet(of, statement, by=by)
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        box: list[Agreement] = []

        async def work(runtime: AsyncioRuntime, driver: Driver) -> None:
            box.append(await audit.audit(driver, row.id, progress))

        self._send(work, quiet)
        closing.reconciled(self._store, row.id, by, box[0])
        return box[0]

    def close(self, payroll: str, *, by: str) -> Totals:
        """Freeze a payroll of which every unit is explained; another person than the one who reconciled."""
        normal(by)
        self._not_older()
        blocked = self.configuration.disputes_block
        with self._permitted("close", by, payroll):
            totals = closing.close(self._store, payroll, by, despite_disputes=not blocked)
        self._heads_out()
        return totals

    def reject_close(self, payroll: str, *, by: str, reason: str) -> None:
        """Send a reconciled payroll back."""
        normal(by)
        closing.reject_close(self._store, payroll, by, reason)

    def carry_over(self, payroll: str, name: str, *, by: str, channel: str | None = None) -> str:
        """Propose what stayed unpaid in a closed payroll as a new one. Returns the new payroll's id.

        Each goes over the channel that it had, or all over `channel` if one is given.
        """
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        invoices = closing.unpaid(self._store, row.id, elsewhere=channel is not None)
        return self.propose(name, invoices, channel=channel or row.channel, by=by)
