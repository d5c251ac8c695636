"""What a Paymaster does after the money, besides asking the rail: files, the zero-sum report, disputes, history."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .filing import Filing
from .lifecycle import approval
from .model.errors import NotFoundError, WrongState
from .model.people import normal
from .reconcile import bundle as bundles
from .reconcile import confirming, disputing, explaining, exporting, staging, taking
from .reconcile import history as past
from .reconcile import report as reports
from .reconcile.confirming import Confirmed
from .reconcile.exporting import tables
from .reconcile.history import PastPayment
from .reconcile.report import Difference, Report
from .reconcile.taking import Taken
from .store import disputes, document_views, files, payrolls, statement_views
from .store.disputes import DisputeView
from .store.statement_views import StatementLineView, StatementView

CHUNK = 1 << 18


class Settling(Filing):
    """The part of `Paymaster` that reconciles by file and explains what differs."""

    # -- exports ------------------------------------------------------------------------------------------------------

    def export(
        self, what: str, path: str | Path, *, payroll: str = "", beneficiary: str = "", invoice: str = ""
    ) -> int:
        """Write a `list` (to be filled in), a `payroll`, its `reconciliation`, or a `history`. Returns the rows.

        The path's suffix says how: .csv, .xlsx or .pdf. Formulas in cells are defused; in a PDF a character that no
        font of the setting `fonts` has is an error that names it. The file appears whole, or not at all.
        """
        makes: dict[str, Callable[[], exporting.Table]] = {
            "list": lambda: tables.a_list(self._store, payroll),
            "payroll": lambda: tables.of_payroll(self._store, payroll),
            "reconciliation": lambda: tables.of_reconciliation(self._store, payroll, self.zero_sum(payroll, listed=0)),
            "history": lambda: tables.of_history(self._store, beneficiary, invoice),
        }
        if what not in makes:
            raise WrongState(f"{what!r} is nothing to export; say one of {', '.join(makes)}")
        return exporting.export(makes[what](), Path(path), self.configuration.fonts)

    def bundle(self, payroll: str, path: str | Path) -> int:
        """Write all that proves a payroll into one archive, signed with the configuration's `signing_key`.

        `gateway verify BUNDLE --key FILE` checks it without the database. Returns how many parts it has.
        """
        return bundles.write(self._store, payroll, Path(path), self.configuration.signing_key())

    # -- by file ------------------------------------------------------------------------------------------------------

    def preview_list(self, payroll: str, path: str | Path) -> Taken:
        """The dry run of a payroll's own list that came back filled in: every mistake with its line, and what each line
        would change (`Taken.changes()`). Writes nothing. The caller closes it.
        """
        return taking.take_list(self._store, payroll, Path(path), _digest(Path(path)), self._asks)

    def preview_sheet(self, channel: str, path: str | Path) -> Taken:
        """The dry run of a provider's own statement, read as the channel's setting `statement` says."""
        mapping = self.configuration.statement_mapping(channel)
        if mapping is None:
            raise WrongState(
                f"channel {channel!r} has no setting `statement`, which says how its provider's statements are read"
            )
        return taking.take_sheet(self._store, channel, Path(path), _digest(Path(path)), mapping, self._asks)

    def import_list(self, payroll: str, path: str | Path, *, by: str, replaces: str = "") -> StatementView:
        """Take a filled list as this person's word: all of it, or with any mistake nothing (InvalidPayroll).

        The same bytes again change nothing. A changed copy is refused (WrongState) unless it `replaces` the first.
        """
        normal(by)
        with _copied(Path(path)) as copy:
            return self._import(self.preview_list(payroll, copy), by, replaces, Path(path).name)

    def import_sheet(self, channel: str, path: str | Path, *, by: str, replaces: str = "") -> StatementView:
        """Take a provider's own statement: as `import_list`, but lines may be about none of ours, and are kept."""
        normal(by)
        with _copied(Path(path)) as copy:
            return self._import(self.preview_sheet(channel, copy), by, replaces, Path(path).name)

    def _import(self, taken: Taken, by: str, replaces: str, name: str) -> StatementView:
        with taken:
            taken.name = name[:200]
            statement = taken.known
            if not statement:
                staging.refuse(taken, replaces)
                kept = files.keep(self._store, _chunks(taken.path), files.LARGEST)
                statement = staging.apply(self._store, taken, kept, by, replaces)
        return statement_views.one(self._store, statement)

    def confirm_file(self, file: str, *, by: str, reason: str, signature: str = "") -> Confirmed:
        """The second of two people agrees with a file: payments whose rail cannot be asked, or that are held, are
        settled by it.

        Whatever else can be asked stays the rail's to say. Can be repeated after a crash. Where the configuration lists
        approvers, `signature` is theirs over `confirm_message`. Raises MakerIsChecker, NotPermitted.
        """
        normal(by)
        given = statement_views.one(self._store, file)
        with self._permitted("confirm a file", by, given.id):
            self._signed(by, self.confirm_message(file), signature)
            return confirming.confirm(self._store, given.id, by, reason, self._asks, signature)

    def confirm_message(self, file: str) -> bytes:
        """The bytes that an approver signs with Ed25519 to agree with a file, a bank's answer as well."""
        if self._is_answer(file):
            return approval.statement_message(file, document_views.answer(self._store, file).sha256)
        given = statement_views.one(self._store, file)
        return approval.confirm_message(given.id, given.sha256)

    def withdraw_file(self, file: str, *, by: str, reason: str) -> None:
        """A file was given by mistake: its lines count no more. What two people confirmed by it stays.

        A bank's file (its id) can be withdrawn as long as nobody has confirmed it.
        """
        normal(by)
        if self._is_answer(file):
            self._withdraw_answer(file, by, reason)
        else:
            staging.withdraw(self._store, file, by, reason)

    def decide_line(self, file: str, line: int, *, accept: bool, by: str, reason: str) -> None:
        """Say of a line that is only proposed to be a payment's, or names none: it is that payment's, or no one's."""
        normal(by)
        confirming.decide_line(self._store, file, line, accept, by, reason)

    def statements(self, payroll: str | None = None) -> list[StatementView]:
        """The files that people gave: lists and providers' statements, oldest first."""
        return statement_views.listed(self._store, payroll)

    def statement_lines(
        self, file: str, *, after: int = 0, size: int = 1000, loose: bool = False
    ) -> Sequence[StatementLineView]:
        """A page of a file's lines after line `after`; `loose`: only those that name none of ours or are proposed."""
        return statement_views.lines(self._store, file, after, size, loose)

    def _asks(self, channel: str) -> bool:
        """Whether this channel's rail can be asked. One that is not configured any more is not known not to be."""
        try:
            known = self.configuration.channel(channel)
        except NotFoundError:
            return True
        return known.batch is None and known.capabilities.finds_out

    # -- what differs -------------------------------------------------------------------------------------------------

    def zero_sum(self, payroll: str, *, listed: int = 1000) -> Report:
        """Approved = paid + returned + refused + cancelled; gateway = ours = statement; the first differences."""
        return reports.report(self._store, payroll, listed)

    def differences(self, payroll: str) -> Iterator[Difference]:
        """Every difference between what we have, what the rail says and what the files say."""
        return reports.every(self._store, payroll)

    def explain(self, payroll: str, *, by: str, reason: str, kind: str = "", only: Collection[str] = ()) -> int:
        """Say why differences are none: all of a kind, or those of these payments, invoices or lines."""
        normal(by)
        return explaining.explain(self._store, payroll, by, reason, kind, only)

    # -- people's complaints, and the past ----------------------------------------------------------------------------

    def open_dispute(
        self, text: str, *, kept_by: str, payroll: str = "", payment: str = "", by: str = "", priority: str = "normal",
        handler: str = "",
    ) -> int:  # fmt: skip
        """Note a complaint about a payment or a payroll. Returns its number. `by` '': anonymous; `kept_by` noted it."""
        normal(kept_by)
        return disputing.open_dispute(
            self._store, text, kept_by, payroll=payroll, payment=payment, by=by, priority=priority, handler=handler
        )

    def answer_dispute(self, number: int, *, by: str, text: str) -> None:
        """Answer a dispute."""
        normal(by)
        disputing.answer(self._store, number, by, text)

    def assign_dispute(self, number: int, *, by: str, handler: str = "", priority: str = "") -> None:
        """Say who handles a dispute, and how urgent it is: low, normal, high, urgent."""
        normal(by)
        disputing.assign(self._store, number, by, handler, priority)

    def resolve_dispute(self, number: int, *, by: str, resolution: str) -> None:
        """End a dispute with what came of it."""
        normal(by)
        disputing.resolve(self._store, number, by, resolution)

    def reopen_dispute(self, number: int, *, by: str, reason: str) -> None:
        """A resolved dispute was not resolved after all."""
        normal(by)
        disputing.reopen(self._store, number, by, reason)

    def disputes(
        self, payroll: str | None = None, *, payment: str = "", state: str = "", after: int = 0
    ) -> list[DisputeView]:
        """A page of disputes, by number."""
        with self._store.read() as connection:
            of = payrolls.get(connection, payroll).id if payroll else ""
            return disputes.listed(connection, of, payment, state, after)

    def history(self, *, beneficiary: str = "", invoice: str = "") -> Iterator[PastPayment]:
        """Everything that ever became of a beneficiary's or an invoice's payments, over all payrolls, oldest first."""
        if not beneficiary and not invoice:
            raise WrongState("say whose history: a beneficiary's or an invoice's")
        return past.history(self._store, beneficiary, invoice)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        for chunk in _chunks(path):
            digest.update(chunk)
    except OSError:
        # Said with its reason by whoever reads it.
        return ""
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """A copy that nobody else changes between reading and keeping it."""
    with tempfile.NamedTemporaryFile(prefix="gateway-file-") as mine:
        for chunk in _chunks(path):
            mine.write(chunk)
        mine.flush()
        yield Path(mine.name)
