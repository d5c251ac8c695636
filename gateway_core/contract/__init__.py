"""All that a plugin author reads: one class with its hooks, the asks it yields, the answers it may hear."""

from ..model.accounts import Account
from ..model.money import Money, decimals, read_money
from ..model.payment import Balance, Objection, Payment
from ..model.short import is_short_id
from .batch import (
    BatchCtx,
    BatchGateway,
    Delivered,
    Document,
    HandedOver,
    Incoming,
    LeftOut,
    Limits,
    LineFact,
    LineFacts,
    StatementFact,
)
from .bearer import Bearer, NoToken, Tokens
from .cancelling import Cancelling, CancelRequest
from .flow import Answer, Ask, Balances, Checks, Ctx, Paid, PayFlow, Request, Secret, path
from .gateway import Capabilities, Gateway, Hidden, Settings, Unfit
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
    "BatchCtx",
    "BatchGateway",
    "Bearer",
    "Callback",
    "CancelRequest",
    "Cancelling",
    "Capabilities",
    "Checks",
    "Ctx",
    "Delivered",
    "Document",
    "Done",
    "Gateway",
    "HandedOver",
    "Hidden",
    "Incoming",
    "LeftOut",
    "Limits",
    "LineFact",
    "LineFacts",
    "Money",
    "NoToken",
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
    "StatementFact",
    "Tokens",
    "Unfit",
    "Unknown",
    "Verdict",
    "Waiting",
    "decimals",
    "hookimpl",
    "hookspec",
    "is_short_id",
    "path",
    "read_money",
]
