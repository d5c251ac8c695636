"""Mobile money: disbursements to wallets over the GSMA API, MTN MoMo, M-Pesa (Daraja) and Airtel Money."""

from .gateway import MobileMoneyGateway
from .profile import Profile
from .settings import MobileMoneySettings

__all__ = ["MobileMoneyGateway", "MobileMoneySettings", "Profile"]
