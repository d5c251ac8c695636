"""What people decide about a payroll through a Paymaster: approve, reject, pause, withdraw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, timedelta, tzinfo
from typing import Any

from .cash.gateway import CashGateway
from .contract.channel import Channel
from .contract.policies import Policies
from .engine.mark import Mark
from .engine.runtime import AsyncioRuntime, Lane
from .filing import Filing
from .lifecycle import approval, checking, levels, noting, officers, proposing, running, vouching
from .lifecycle.funding import Funds
from .lifecycle.levels import PAUSED_FOR_APPROVAL, Approvals
from .model.errors import WrongState
from .model.money import AmountError, Money, parse_amount
from .model.people import differ, normal
from .store import journal, payrolls
from .store.clock import now_us
from .store.database import Record


class Deciding(Filing, ABC):
    """The part of `Paymaster` that is about decisions over whole payrolls."""

    _lane: Callable[[Channel], Lane]
    _policies: Callable[[], Policies]

    @abstractmethod
    def _with_runtime(self, work: Callable[[AsyncioRuntime], Any]) -> Any:
        """Run async work to its end on a loop of its own."""

    def release_objections(self, payroll: str, *, by: str, reason: str) -> int:
        """The first of two people says that a payroll may go in spite of its objections (the checker is the second)."""
        normal(by)
        return approval.release_objections(self._store, payroll, by, reason)

    def approve(self, payroll: str, *, by: str, despite: str = "", signature: str = "", note: str = "") -> str:
        """Approve the digest of a payroll; another person than its proposer. Returns the digest.

        Where the configuration has levels (`approvals`), it is approved once each level was given by another person;
        `approvals()` says whose is missing.

        `despite` is the checker's reason where objections stand that the first person has released. Where the
        configuration lists approvers, `signature` is theirs over `approval_message`.
        """
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        with self._permitted("approve", by, row.id):
            return self._approve(row, by, despite, signature, note)

    def _approve(self, row: Record, by: str, despite: str, signature: str, note: str) -> str:
        differ(row.proposed_by, by, "proposed this payroll")
        self._signed(by, self.approval_message(row.id), signature)
        if row.state == "awaiting_approval" or row.paused.startswith(PAUSED_FOR_APPROVAL):
            self._recheck(row)
        ttl = self.configuration.approval_ttl
        approved = approval.approve(
            self._store, row.id, by, running.fingerprints_of(row, self.configuration.channel), despite=despite,
            valid_hours=ttl.total_seconds() / 3600 if ttl else 0.0, signature=signature, note=note,
            matrix=self.configuration.matrix,
        )  # fmt: skip
        self._heads_out()
        return approved.hex()

    def _recheck(self, row: Record) -> None:
        """What was found out since the check stands in the way of the approval."""
        known, funds = self.configuration, self._funds
        checking.redate(self._store, row.id, now_us(), self._zone)
        # What points pay a day depends on what was approved since the check.
        in_cash = not set(known.channels_of(CashGateway)).isdisjoint(payrolls.channels_of(row))
        if known.has_policies or in_cash or funds.ttl is not None:
            policies = self._policies() if in_cash else known.policies()
            ask = (self._store, row.id, known.channel, policies, self._lane, funds)
            self._with_runtime(lambda runtime: checking.recheck(runtime, *ask))

    def approvals(self, payroll: str) -> Approvals:
        """Who approved a payroll, with role, time and note, and the roles whose approval is still missing."""
        ttl = self.configuration.approval_ttl
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
            facts = journal.facts_of_payroll(connection, row.id)
        prints = running.fingerprints_of(row, self.configuration.channel)
        digest = approval.approval_digest(self._store, row, prints)
        since = now_us() - ttl // timedelta(microseconds=1) if ttl else 0
        return levels.approvals(row, facts, digest, since, self.configuration.matrix)

    def enter_balance(self, channel: str, amount: Money | str, *, by: str, reason: str) -> bool:
        """Say what the institution account behind a channel holds now, where its rail cannot tell: "500000 UGX".

        The first person enters it (False is returned), another one who saw the same agrees (True): then it counts, from
        when it was entered.
        """
        normal(by)
        self.configuration.channel(channel)
        money = amount if isinstance(amount, Money) else _money(amount)
        with self._permitted("enter a balance", by, ""):
            return vouching.enter_balance(self._store, channel, money, by, reason)

    def release_balance(self, payroll: str, *, by: str, reason: str) -> bool:
        """Let an approved payroll go although no known balance covers it. The first person says so (False), another
        one agrees (True). It holds until the payroll needs another approval.
        """
        normal(by)
        with self._permitted("release the balance", by, payroll):
            return vouching.release_balance(self._store, payroll, by, reason)

    @property
    def _zone(self) -> tzinfo:
        """Where the days of cycles begin."""
        return self.configuration.timezone or UTC

    @property
    def _funds(self) -> Funds:
        return Funds(self.configuration.balance_ttl, self.configuration.same_account)

    def note(self, subject: str, *, by: str, text: str) -> None:
        """Note something about a payment, an invoice or a payroll. Its `events` show it; nothing else changes."""
        normal(by)
        noting.note(self._store, subject, by, text)

    def approval_message(self, payroll: str) -> bytes:
        """The bytes that an approver signs with Ed25519."""
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        prints = running.fingerprints_of(row, self.configuration.channel)
        return approval.message("approval", approval.approval_digest(self._store, row, prints))

    def reject(self, payroll: str, *, by: str, reason: str) -> None:
        """Refuse a proposal for good. Its invoices are free for another payroll."""
        normal(by)
        self._not_older()
        approval.reject(self._store, payroll, by, reason)

    def send_back(self, payroll: str, *, by: str, reason: str) -> None:
        """Return a proposal for correction: it is a draft until it is proposed anew under its name, or cancelled."""
        normal(by)
        approval.send_back(self._store, payroll, by, reason)

    def pause(self, payroll: str, *, by: str, reason: str) -> None:
        """Send nothing new of it; what was sent is still asked about."""
        normal(by)
        approval.pause(self._store, payroll, by, reason)

    def resume(self, payroll: str, *, by: str) -> None:
        """Let a paused payroll go on."""
        normal(by)
        approval.resume(self._store, payroll, by)

    def cancel(self, payroll: str, *, by: str, reason: str, only: Sequence[str] = ()) -> int:
        """Withdraw what was not sent (all of it, or the named payments or invoices), or a draft. Returns how many."""
        normal(by)
        self._not_older()
        proposing.give_up_correction(self._store, payroll)
        with self._store.read() as connection:
            row = payrolls.get(connection, payroll)
        if row.state in ("draft", "awaiting_approval") and not only:
            approval.withdraw(self._store, row.id, by, reason)
            return int(row.lines)
        return officers.cancel(self._store, row.id, by, reason, only)

    def _not_older(self) -> None:
        """What looks unsent in a backup that was put back may be paid: it frees nothing and ends nothing."""
        Mark(self.configuration.mark_dir, self._store).compare()


def _money(text: str) -> Money:
    figure, _, currency = text.strip().partition(" ")
    try:
        return parse_amount(figure, currency.strip())
    except AmountError as error:
        raise WrongState(f'{text!r} is no amount with its currency ({error.code}); write it as "5000 UGX"') from None
