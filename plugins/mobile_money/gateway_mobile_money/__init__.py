"""Mobile money: disbursements to wallets over the GSMA API, MTN MoMo, M-Pesa (Daraja) and Airtel Money."""

from .gateway import MobileMoneyGateway
from .gsma_batch import GsmaBatchGateway, GsmaBatchSettings
from .profile import Profile
from .settings import MobileMoneySettings

__all__ = ["GsmaBatchGateway", "GsmaBatchSettings", "MobileMoneyGateway", "MobileMoneySettings", "Profile"]
