"""What a Paymaster does about time: when a payroll is paid, and starting what is due."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .auditing import Progress, quiet
from .filing import Filing
from .lifecycle import running, scheduling
from .lifecycle.running import Report
from .lifecycle.scheduling import Scheduled
from .model import moments
from .model.errors import SenderBusy, WrongState
from .model.people import normal
from .store import payrolls
from .store.database import Record


class Planning(Filing, ABC):
    """The part of `Paymaster` that schedules."""

    @abstractmethod
    def run(
        self, payroll: str | None = None, *, wait: float | None = 0.0, progress: Progress = quiet, serve: bool = False
    ) -> Report:
        """See Paymaster.run."""

    def schedule(self, payroll: str, *, at: str, by: str, zone: str = "") -> Scheduled:
        """Pay a payroll at a time of the wall clock ("2026-12-01 08:00") in a named zone; default: the configured one.

        Before that, nothing new of it is sent; what was sent is asked about at any time. A time that the clock shows
        twice means the first, one that it never shows the moment at which the clock jumps over it. Raises WrongState
        for a time that is past, on a holiday, or in quiet hours of one of its channels.
        """
        normal(by)
        configured = self.configuration.timezone
        if not zone and configured is None:
            raise WrongState("say in which time zone, or set `timezone` in the configuration")
        known = zone or (configured.key if configured else "")
        return scheduling.schedule(self._store, payroll, by, at, known, self._opens)

    def unschedule(self, payroll: str, *, by: str, reason: str) -> None:
        """Let a payroll wait for no moment any more: once it is approved, it goes with the next run."""
        normal(by)
        scheduling.unschedule(self._store, payroll, by, reason)

    def schedules(self) -> list[Scheduled]:
        """Every payroll that waits for its moment, the next one first."""
        return scheduling.listed(self._store)

    def start_due(self, *, progress: Progress = quiet) -> Report:
        """Send what is scheduled and due, and go on with what was begun so; nothing else that is approved.

        Where another process sends from this store, that one does it or the next call.
        """
        due: list[int | None] = []
        skipped: dict[str, str] = {}
        for payroll in scheduling.started(self._store):
            try:
                report = self.run(payroll, progress=progress)
            except SenderBusy as error:
                skipped[payroll] = str(error)
                continue
            due.append(report.next_due)
            skipped |= report.skipped
        planned = scheduling.next_at(self._store)
        return running.report(self._store, None, min((at for at in [*due, planned] if at), default=None), skipped)

    def _opens(self, row: Record, moment: int) -> int:
        """The first moment, this one or later, at which all its channels may send."""
        known = self.configuration
        if known.timezone is None:
            return moment
        hours = [known.channel(name).pace.quiet_hours for name in payrolls.channels_of(row)]
        before = 0
        while before != moment:
            before = moment
            for closed in hours or [None]:
                moment = moments.opens(moment, known.timezone, closed, known.holidays)
            if moment - before > 366 * 86_400 * moments.SECOND:
                break
        return moment
