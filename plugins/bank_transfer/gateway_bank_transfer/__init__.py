"""Bank transfer: ISO 20022 payment files to a bank, status reports and statements back."""

from .gateway import BankTransferGateway
from .settings import BankTransferSettings

__all__ = ["BankTransferGateway", "BankTransferSettings"]
