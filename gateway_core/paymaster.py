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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from .auditing import Auditing
from .channels import Configuration, load
from .contract.channel import Channel
from .engine.callbacks import CallbackApp
from .engine.driver import Driver
from .engine.lock import SenderLock
from .engine.mark import Mark
from .engine.runtime import AsyncioRuntime, Lane, http_lane
from .lifecycle import approval, checking, intake, officers, proposing, running
from .lifecycle.checking import CheckReport
from .lifecycle.running import Report
from .lifecycle.signatures import verify
from .model.errors import InvalidPayroll, NotPermitted
from .model.money import Money
from .model.payment import Invoice
from .model.people import differ, normal
from .reconcile import audit, closing
from .reconcile.audit import Agreement
from .reconcile.closing import Totals
from .store import Store, heads, opening, payrolls, views
from .store.clock import now_us

Progress = Callable[[int], None]
log = logging.getLogger(__name__)


def _quiet(count: int) -> None:
    """No progress shown."""


class Paymaster(Auditing):
    """One opened store with its configuration. Use it as a context manager, or call `close_store()`."""

    def __init__(self, configuration: Configuration, store: Store) -> None:
        self.configuration, self._store = configuration, store
        # The kill rig and the simulations put their own here.
        self._runtime: Callable[[], AsyncioRuntime] = AsyncioRuntime
        self._driver: Driver | None = None
        self._lane: Callable[[Channel], Lane] = lambda c: http_lane(c.settings.base_url, c.gateway.auth())

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
            Mark(known.mark_dir, opened).write(0, 0, b"")
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
        control_total: str | None = None, control_count: int | None = None, progress: Progress = _quiet,
        on_taken: Callable[[intake.Taken], None] = lambda taken: None, **reading: Any,
    ) -> str:  # fmt: skip
        """Propose a payroll from invoices, or from a CSV or JSON Lines file. Returns its id.

        The same name and content again is the same payroll; with other content it is an error. Raises InvalidPayroll
        with every mistake; then nothing was written. `despite` is the maker's reason for objections found here.
        `on_taken` is shown what was read (its warnings, its totals) before anything is written.
        """
        normal(by)
        with intake.read(invoices, self._rules(channel, control_total, control_count, **reading)) as taken:
            on_taken(taken)
            if taken.mistakes:
                raise InvalidPayroll(taken.mistakes, taken.more)
            return proposing.propose(
                self._store, name, taken, channel, self._fingerprint, by, note=despite, progress=progress
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
            default_channel=channel, channels=known, control_total=total, control_count=count, **reading
        )

    def check(self, payroll: str, *, progress: Progress = _quiet) -> CheckReport:
        """Ask the rail about every account and the balance, and the host's policies; every objection at once."""
        balances = self._with_runtime(
            lambda runtime: checking.check(
                runtime, self._store, payroll, self.configuration.channel, self.configuration.policies(), self._lane,
                progress,
            )
        )  # fmt: skip
        return self.objections(payroll, balances)

    def objections(self, payroll: str, balances: Mapping[str, Money | None] | None = None) -> CheckReport:
        """The objections on record, without asking anybody anew."""
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        found = checking.listed(self._store, row.id)
        prints = running.fingerprints_of(row, self.configuration.channel)
        return CheckReport(
            row.id, row.name, row.state, row.lines, Money(row.total, row.currency),
            [item for item in found if item.objection.blocks and not item.released_by],
            [item for item in found if not item.objection.blocks],
            balances or {}, approval.approval_digest(self._store, row, prints).hex(),
        )  # fmt: skip

    def release_objections(self, payroll: str, *, by: str, reason: str) -> int:
        """The first of two people says that a payroll may go in spite of its objections (the checker is the second)."""
        normal(by)
        return approval.release_objections(self._store, payroll, by, reason)

    def approve(self, payroll: str, *, by: str, despite: str = "", signature: str = "") -> str:
        """Approve the digest of a payroll; another person than its proposer. Returns the digest.

        `despite` is the checker's reason where objections stand that the first person has released. Where the
        configuration lists approvers, `signature` is theirs over `approval_message`.
        """
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        differ(row.proposed_by, by, "proposed this payroll")
        self._signed(by, self.approval_message(payroll), signature)
        ttl = self.configuration.approval_ttl
        approved = approval.approve(
            self._store, row.id, by, running.fingerprints_of(row, self.configuration.channel), despite=despite,
            valid_hours=ttl.total_seconds() / 3600 if ttl else 0.0, signature=signature,
        )  # fmt: skip
        self._heads_out()
        return approved.hex()

    def approval_message(self, payroll: str) -> bytes:
        """The bytes that an approver signs with Ed25519."""
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        prints = running.fingerprints_of(row, self.configuration.channel)
        return approval.message("approval", approval.approval_digest(self._store, row, prints))

    def _signed(self, by: str, message: bytes, signature: str) -> None:
        if self.configuration.approvers:
            if not signature:
                raise NotPermitted(f"approvers sign here: give {by}'s signature over the digest")
            verify(self.configuration.approvers, by, message, signature)

    def reject(self, payroll: str, *, by: str, reason: str) -> None:
        """Send a proposal back. Its invoices are free for another payroll."""
        normal(by)
        approval.reject(self._store, payroll, by, reason)

    # -- the money ----------------------------------------------------------------------------------------------------

    def run(
        self,
        payroll: str | None = None,
        *,
        wait: float | None = 0.0,
        progress: Progress = _quiet,
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
                runtime, driver, payroll, wait, skipped, self.configuration.channel, serve=serve
            )

        self._send(work, progress)
        return running.report(self._store, payroll, due[0], skipped)

    def _send(self, work: Callable[[AsyncioRuntime, Driver], Any], progress: Progress) -> None:
        """Be the sender: the lock, the mark, a driver, callbacks if a channel listens."""
        mark = Mark(self.configuration.mark_dir, self._store)
        with SenderLock(self._store.file):
            mark.check()
            try:
                self._with_runtime(lambda runtime: self._as_sender(runtime, mark, work, progress))
            finally:
                mark.close()

    async def _as_sender(
        self, runtime: AsyncioRuntime, mark: Mark, work: Callable[[AsyncioRuntime, Driver], Any], progress: Progress
    ) -> None:
        driver = Driver(
            runtime, self._store, self.configuration.channel, self.configuration.policies(), self._lane, mark,
            self.configuration.timezone, progress=progress,
        )  # fmt: skip
        self._driver = driver
        await driver.start()
        async with running.listening(self._store, self._listeners(), driver):
            try:
                await work(runtime, driver)
            finally:
                await driver.finish()

    def _listeners(self) -> dict[str, Channel]:
        channels = (self.configuration.channel(name) for name in self.configuration.channel_names)
        return {channel.name: channel for channel in channels if channel.listen}

    def _with_runtime(self, work: Callable[[AsyncioRuntime], Any]) -> Any:
        runtime = self._runtime()
        self._driver = None

        def interrupt() -> None:
            if self._driver is not None:
                self._driver.stop()

        return running.in_thread(lambda: running.guarded(runtime, work(runtime)), interrupt)

    def callbacks(self) -> CallbackApp:
        """The ASGI application that takes the rails' callbacks: mount it, or let `gateway callbacks` serve it.

        It stores and answers; whichever process sends acts on what was stored, within a second.
        """
        channels = {name: self.configuration.channel(name) for name in self.configuration.channel_names}
        return CallbackApp(self._store, channels, now_us)

    def pause(self, payroll: str, *, by: str, reason: str) -> None:
        """Send nothing new of it; what was sent is still asked about."""
        normal(by)
        approval.pause(self._store, payroll, by, reason)

    def resume(self, payroll: str, *, by: str) -> None:
        """Let a paused payroll go on."""
        normal(by)
        approval.resume(self._store, payroll, by)

    def cancel(self, payroll: str, *, by: str, reason: str, only: Sequence[str] = ()) -> int:
        """Withdraw what was not sent (all of it, or the named payments or invoices). Returns how many."""
        normal(by)
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        if row.state == "awaiting_approval" and not only:
            approval.withdraw(self._store, row.id, by, reason)
            return int(row.lines)
        return officers.cancel(self._store, row.id, by, reason, only)

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
        self._signed(by, self.release_message(payment, to), signature)
        return officers.release(self._store, payment, to, by, reason, reference=reference, signature=signature)

    def release_message(self, payment: str, to: str) -> bytes:
        """The bytes that an approver signs with Ed25519 to release a held payment, as it is now."""
        return approval.release_message(payment, to, len(self.events(payment)))

    def close_case(self, case: int, *, by: str, reason: str) -> None:
        """Say what was found and done; the entitlement is no longer frozen by it."""
        normal(by)
        closing.close_case(self._store, case, by, reason)

    def lift_stop(self, channel: str, *, by: str) -> None:
        """Use a channel again that its rail had stopped."""
        normal(by)
        views.lift_stop(self._store, channel)

    # -- after the money ----------------------------------------------------------------------------------------------

    def reconcile(self, payroll: str, *, by: str, progress: Progress = _quiet) -> Agreement:
        """Compare with the gateway: every payment that was ever sent is asked about; differences open cases."""
        normal(by)
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        box: list[Agreement] = []

        async def work(runtime: AsyncioRuntime, driver: Driver) -> None:
            box.append(await audit.audit(driver, row.id, progress))

        self._send(work, _quiet)
        closing.reconciled(self._store, row.id, by, box[0])
        return box[0]

    def close(self, payroll: str, *, by: str, signature: str = "") -> Totals:
        """Freeze a payroll of which every unit is explained; another person than the one who reconciled."""
        normal(by)
        totals = closing.close(self._store, payroll, by, signature)
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

    def restored(self, *, by: str, second: str) -> int:
        """Two people say that the store is an older one: every open payment is asked about before its next send, and so
        is every new one, until two people say `restore_over`. Returns how many are open.
        """
        differ(by, second, "said so first")
        opening.note_restored(self._store, f"{by}, {second}")
        count = opening.restored(self._store, by, second)
        heads.set_aside(self.heads_file)
        mark = Mark(self.configuration.mark_dir, self._store)
        mark.write(*opening.newest(self._store))
        mark.close()
        return count

    def restore_over(self, *, by: str, second: str) -> None:
        """Two people say that all that was sent between backup and restore is known again.

        New payments go without being asked about first; those that were open at the restore are still asked about.
        """
        differ(by, second, "said so first")
        opening.note_restored(self._store, "")
