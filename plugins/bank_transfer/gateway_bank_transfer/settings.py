"""What a channel of bank transfers is configured with. What one bank wants of its files is its profile's to say."""

from __future__ import annotations

import attrs

from gateway_core.contract import Hidden, Settings


@attrs.frozen(kw_only=True)
class BankTransferSettings(Settings):
    """`docs/bank-transfer.md` explains each.

    profile: an example's name, or the path of a TOML file. institution_account: an IBAN, or BANK:NUMBER.
    debtor_name: as the bank has registered the institution. debtor_bank: its BIC, or its code in the clearing system.
    customer_id: the number under which the bank knows who sends files. schemas: a folder with ISO's XSDs.
    outbox, inbox: folders; on the bank's server where `sftp_host` is given.
    """

    base_url: str = ""
    debtor_name: str
    debtor_bank: str = ""
    customer_id: str = ""
    outbox: str
    inbox: str
    archive: str = ""
    quiet: float = 5.0
    schemas: str = ""
    sftp_host: str = ""
    sftp_port: int = 22
    sftp_user: str = ""
    sftp_key: Hidden | None = None
    sftp_password: Hidden | None = None
    sftp_host_key: str = ""
    sftp_timeout: float = 60.0
