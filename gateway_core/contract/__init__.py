"""All that a plugin author reads: one class with four hooks, the asks it yields, the answers it may hear."""

from ..model.accounts import Account
from ..model.money import Money
from ..model.payment import Balance, Objection, Payment
from .flow import Answer, Ask, Balances, Checks, Ctx, Paid, PayFlow, Request, Secret, path
from .gateway import Capabilities, Gateway, Hidden, Settings
from .hookspecs import hookimpl, hookspec
from .policies import PolicySpecs
from .replies import (
    Arrival,
    Callback,
    Done,
    NotFound,
    NotTaken,
    Refused,
    Reply,
    Returned,
    Unknown,
    Verdict,
    Waiting,
)

__all__ = [
    "Account",
    "Answer",
    "Arrival",
    "Ask",
    "Balance",
    "Balances",
    "Callback",
    "Capabilities",
    "Checks",
    "Ctx",
    "Done",
    "Gateway",
    "Hidden",
    "Money",
    "NotFound",
    "NotTaken",
    "Objection",
    "Paid",
    "PayFlow",
    "Payment",
    "PolicySpecs",
    "Refused",
    "Reply",
    "Request",
    "Returned",
    "Secret",
    "Settings",
    "Unknown",
    "Verdict",
    "Waiting",
    "hookimpl",
    "hookspec",
    "path",
]
