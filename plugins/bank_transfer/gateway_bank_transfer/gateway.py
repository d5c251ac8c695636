"""The gateway: files of payments to one bank, its reports and statements back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway_core.contract import (
    Account,
    BatchCtx,
    BatchGateway,
    Cancelling,
    CancelRequest,
    Capabilities,
    Checks,
    Ctx,
    Document,
    Incoming,
    LeftOut,
    Limits,
    LineFacts,
    Objection,
    Payment,
    Unfit,
)
from gateway_core.contract.transports import DirectoryTransport, Transport

from . import cancelling, facts
from .accounts import Ours
from .debtor import debtor_of
from .profile import Profile, load
from .reading.files import words
from .settings import BankTransferSettings
from .staging import Staged
from .writing.payee import account_wrongs, other_wrongs
from .writing.planning import documents

DAY = 86_400.0


def _schemas_there(folder: str, profile: Profile) -> None:
    """Raises Unfit where files that should be validated would not be: the folder or one of the schemas is missing."""
    version = profile.file.version
    wanted = [version, cancelling.VERSIONS[version]] if "camt.029" in profile.answers.formats else [version]
    missing = [f"{name}.xsd" for name in wanted if folder and not Path(folder, f"{name}.xsd").is_file()]
    if missing:
        raise Unfit(f"schemas: {folder} has no {' and no '.join(missing)}; put ISO's files there, or leave schemas out")


class BankTransferGateway(BatchGateway[BankTransferSettings]):
    """Pays to bank accounts by files of ISO 20022. `profile`: what this bank wants, and what its answers mean."""

    name = "bank_transfer"
    contract = 1
    # Banks answer within hours and book within days; a file that is not there any more was collected, or never was.
    capabilities = Capabilities(
        ask_after=60.0, ask_at_most=900.0, settle=600.0, patience=7 * DAY, ask_limit=1000, max_concurrency=1
    )

    def __init__(self, settings: BankTransferSettings) -> None:
        super().__init__(settings)
        self.profile = load(settings.profile)
        # The profile's content is approved with the payroll, not only its name.
        self.approved = self.profile.sha256
        _schemas_there(settings.schemas, self.profile)
        self.debtor = debtor_of(settings, self.profile)
        self.ours = Ours(self.debtor.where, self.profile.payment.currencies)

    def limits(self) -> Limits:
        """The bank's."""
        return Limits(self.profile.file.lines, self.profile.file.size)

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """By its form alone: a bank that works by files cannot be asked."""
        return [Objection(wrong.code, wrong.reason) for wrong in account_wrongs(account, self.profile)]
        yield

    def check_payment(self, payment: Payment) -> Sequence[Objection]:
        """Its currency and amount, its name, its BIC: the same that would leave it out of a file."""
        return [Objection(wrong.code, wrong.reason) for wrong in other_wrongs(payment, self.profile)]

    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        """pain.001 files; each is read back and compared while it is written."""
        return documents(payments, ctx, self.profile, self.debtor, self.settings.schemas)

    def read_statement(self, incoming: Incoming) -> LineFacts:
        """Reports and statements; a file that does not hold together raises."""
        staged = Staged(self.profile.answers.balance_check)
        yield from staged.read(words(incoming.open, self.profile, self.ours))
        for word in staged.words():
            if (fact := facts.fact(word, self.profile)) is not None:
                yield fact
        yield from filter(None, map(facts.account_fact, staged.statements))
        # An XML that is whole says so by its end; none of these formats counts its lines.
        return None

    def cancel_codes(self) -> Mapping[str, str]:
        """A bank that answers such requests (camt.029 among its profile's formats) takes them."""
        return cancelling.reasons(self.profile.file.version) if "camt.029" in self.profile.answers.formats else {}

    def cancel_batch(self, asked: Cancelling) -> CancelRequest:
        """camt.055, from the file as it was handed over."""
        with asked.open() as file:
            of = cancelling.original(file, set(asked.keys))
        ident = f"{self.profile.file.prefix}CX{asked.ident}"
        bank = self.debtor.bank if self.profile.accounts.bank == "bic" else ""
        body = cancelling.request(of, bank, asked.code, asked.at, ident, asked.keys)
        name = self.profile.file.name.format(msg_id=ident)
        return CancelRequest(name, cancelling.checked(body, self.settings.schemas))

    def transport(self) -> Transport:
        """A folder on this machine, or on the bank's SFTP server."""
        settings = self.settings
        if settings.sftp_host:
            from .sftp import SftpTransport

            return SftpTransport(settings)
        archive = Path(settings.archive) if settings.archive else None
        return DirectoryTransport(Path(settings.outbox), Path(settings.inbox), archive, settings.quiet)

    @classmethod
    def simulator(cls) -> Callable[..., Any]:
        """Makes a bank. Loaded only when somebody asks for it."""
        from .simulator import create

        return create
