"""What a Paymaster does with files: of batch rails, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .auditing import Auditing
from .contract.channel import Channel
from .engine.batch.answers import Reading, not_its_own, read_now
from .engine.batch.inbox import NAME
from .engine.decide import Rules
from .engine.evidence import plain
from .lifecycle import approval, cancelling
from .lifecycle.signatures import verify
from .model.errors import GatewayCoreError, NotFoundError, NotPermitted, StoreError, WrongState
from .model.people import differ, normal
from .store import answer_facts, answers, cancellation_views, document_views, documents, files, refusals
from .store.cancellation_views import CancellationView
from .store.clock import now_us
from .store.database import Record
from .store.document_views import AnswerView, DocumentView, StrayView

CHUNK = 1 << 18


class Filing(Auditing):
    """The part of `Paymaster` that is about files."""

    def documents(self, payroll: str | None = None) -> list[DocumentView]:
        """The files that were made for every payroll, or one: name, lines, sum, digest, state."""
        return document_views.documents(self._store, payroll)

    def answers(self, channel: str = "") -> list[AnswerView]:
        """The files that came from banks, over every channel or one, oldest first."""
        return document_views.answers(self._store, channel)

    def strays(self, answer: str, *, after: int = 0, size: int = 1000) -> list[StrayView]:
        """A page of the lines of a bank's file that are about none of ours, after line `after`."""
        return document_views.strays(self._store, answer, after, size)

    def cancel_sent(self, file: str, *, by: str, code: str = "CUST", reason: str, only: Sequence[str] = ()) -> bool:
        """Ask the bank to cancel a file that it has (its name or id), or `only` these payments or invoices of it.

        The first person asks (False is returned), another one who says the same agrees (True): the request is planned,
        and goes at the next run. It moves nothing; the bank's answer, or its statement, decides each payment.
        `code`: why, as the bank knows it (ISO's: CUST, DUPL, ...); `reason`: why, for the record.
        """
        normal(by)
        with self._store.read() as connection:
            of = documents.find(connection, file).channel
        with self._permitted("cancel sent", by, file):
            return cancelling.ask(self._store, self.configuration.channel(of), file, by, code, reason, only)

    def cancellations(self, payroll: str | None = None) -> list[CancellationView]:
        """The requests that a bank cancel what it has, over every payroll or one, oldest first."""
        return cancellation_views.cancellations(self._store, payroll)

    def import_statement(self, channel: str, statement: Path | str | bytes, *, by: str, name: str = "") -> AnswerView:
        """Take a file from a bank by hand: a path, or its bytes. It is kept and read whole; what it says counts when
        another person confirms it (`confirm_statement`), or when the bank's own way brings the same bytes.

        The same bytes again change nothing, but that what could not be read before is read anew. Raises WrongState
        where the channel's gateway reads no files, or where this one cannot be read: then a case is open.
        """
        normal(by)
        return self._import_statement(channel, statement, by, name, answers.UNCONFIRMED)

    def confirm_statement(self, answer: str, *, by: str, reason: str, signature: str = "") -> AnswerView:
        """Another person says that a file which came by hand (`answer`: its id) is the bank's: now it is applied. Lines
        that are about none of ours are its `strays`. Can be repeated after a crash.

        Where the configuration lists approvers, `signature` is theirs over `confirm_message`. Raises MakerIsChecker,
        NotPermitted, and WrongState where it waits for nobody.
        """
        normal(by)
        if not reason.strip():
            raise WrongState("confirming a file needs a reason: what was compared, and with what")
        if not self._is_answer(answer):
            raise NotFoundError(f"no bank's file has the id {answer!r}; `gateway answers` lists them")
        given = document_views.answer(self._store, answer)
        channel = self._batch_channel(given.channel)
        with self._permitted("confirm a statement", by, given.id):
            self._signed(by, approval.statement_message(given.id, given.sha256), signature)
            row = self._confirmed(given.id, by, {"reason": reason, "signature": signature})
        return self._read(channel, row, row.name)

    def _confirmed(self, answer: str, by: str, said: Mapping[str, str]) -> Record:
        with self._store.write() as connection:
            row = answers.get(connection, answer)
            if row.state == answers.UNCONFIRMED:
                differ(answer_facts.giver(connection, row), by, "gave this file")
                body = {**said, "sha256": row.sha256}
                answers.record(
                    connection, self._store, row, "confirmed", by, body, state=answers.NEW, confirmed_by=by
                )  # fmt: skip
                return answers.get(connection, answer)
        if not row.confirmed_by or normal(row.confirmed_by) != normal(by):
            raise WrongState(f"{row.name} is {row.state}, and waits for nobody's word")
        return row

    def _import_statement(
        self, channel: str, statement: Path | str | bytes, by: str, name: str, state: str
    ) -> AnswerView:  # fmt: skip
        known = self._batch_channel(channel)
        given = statement if isinstance(statement, bytes) else Path(statement)
        kept = files.keep(self._store, [given] if isinstance(given, bytes) else _chunks(given), files.LARGEST)
        called = name or ("statement" if isinstance(given, bytes) else given.name)
        with self._store.write() as connection:
            row = answers.register(connection, self._store, channel, plain(called, NAME), kept, by, state)
        return self._read(known, row, called)

    def _withdraw_answer(self, answer: str, by: str, reason: str) -> None:
        if not reason.strip():
            raise WrongState("withdrawing a file needs a reason")
        with self._store.write() as connection:
            answers.withdraw(connection, self._store, answers.get(connection, answer), by, reason)

    def _read(self, channel: Channel, row: Record, called: str) -> AnswerView:
        """As far as it may be by now: looked through, or applied."""
        assert channel.batch is not None
        reading = Reading(self._store, channel.name, channel.batch, Rules.of(channel.capabilities), row)
        why = "it could not when it came first (`gateway cases`)" if row.state == answers.UNREADABLE else ""
        try:
            if row.state == answers.UNCONFIRMED:
                why = reading.look_through()
            elif row.state == answers.NEW:
                why = read_now(reading, now_us)
        except Exception as error:
            if isinstance(error, GatewayCoreError) or not not_its_own(error):
                raise
            raise StoreError(f"{called} is kept, and could not be read now: {error!r}; try again") from error
        if why:
            raise WrongState(_unreadable(called, why))
        return document_views.answer(self._store, row.id)

    def _is_answer(self, file: str) -> bool:
        """By its id alone: any file can be called as this one is."""
        with self._store.read() as connection:
            return answers.exists(connection, file)

    def _batch_channel(self, name: str) -> Channel:
        channel = self.configuration.channel(name)
        if channel.batch is None:
            raise WrongState(f"channel {name!r} sends payments one by one; its gateway reads no files from a bank")
        return channel

    @contextmanager
    def _permitted(self, what: str, by: str, subject: str) -> Iterator[None]:
        """What a person tries and may not do is refused, and recorded."""
        try:
            yield
        except NotPermitted as error:
            refusals.note(self._store, what, by, subject, error)
            raise

    def _signed(self, by: str, message: bytes, signature: str) -> None:
        if self.configuration.approvers:
            if not signature:
                raise NotPermitted(f"approvers sign here: give {by}'s signature over the digest")
            verify(self.configuration.approvers, by, message, signature)

    @property
    def _answering(self) -> list[str]:
        """Channels whose banks' answers are looked for in every run."""
        return list(self.configuration.batch_channels)


def _unreadable(name: str, why: str) -> str:
    return f"{name} cannot be read, and nothing of it was applied: {why.strip().splitlines()[-1]}"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
