"""The class that a plugin author writes: a name, settings, capabilities, and the hooks that the rail can answer."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar, get_args

import attrs
import httpx

from ..model.accounts import Account
from ..model.payment import Objection, Payment
from .flow import Ask, Balances, Checks, Ctx, PayFlow
from .hookspecs import HOOKS, GatewaySpecs, hookimpl
from .replies import Arrival, Callback, Reply, Unknown, Verdict, Waiting

# What this core speaks. docs/plugin-contract.md says what may be added to it, and when it becomes 2.
CONTRACT = 1


class Hidden:
    """A secret setting. It is shown nowhere; `reveal()` is called where it is used, at the time of sending."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Hidden(***)"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a secret is not pickled")


class Unfit(ValueError):
    """Settings that do not go together, said by a gateway's constructor. People are shown its text: no secret in it."""


@attrs.frozen(kw_only=True)
class Settings:
    """What every gateway has; a gateway adds its own fields. Types: str, int, float, bool, Hidden, list[str].

    `institution_account` is where the money comes from, `profile` picks a variant of the rail; both are part of what
    is approved (law 5).
    """

    base_url: str = ""
    institution_account: str = ""
    profile: str = ""


@attrs.frozen(kw_only=True)
class Capabilities:
    """What the rail guarantees, declared by its gateway and proven by the contract kit. Times are in seconds.

    finds_out: `find_out` tells the fate of a key. callbacks: the rail calls back and proves that it does (law 8), so
    that one settles a payment; callbacks that only prompt a question are heard without being declared. dedupes: the
    same key moves money once, for `dedupe_window` after the first copy. settle: two "not found" must lie this far
    apart before the same bytes may go again. longest_request: after this, a copy can no longer land (0: no such
    promise).
    keeps_pending: what it once called pending it does not forget; a "not found" after that is for people, and never
    lets the same bytes go again.
    ask_after: the first question comes so long after silence; later ones back off up to `ask_at_most`.
    patience: so long a payment may be pending before a person must look. ask_limit: so many questions at most.
    """

    finds_out: bool = False
    callbacks: bool = False
    dedupes: bool = False
    dedupe_window: float = 0.0
    settle: float = 60.0
    keeps_pending: bool = False
    longest_request: float = 0.0
    ask_after: float = 5.0
    ask_at_most: float = 600.0
    ask_limit: int = 60
    patience: float = 7 * 86_400.0
    max_concurrency: int = 8


S = TypeVar("S", bound=Settings)


class Gateway(abc.ABC, Generic[S]):
    """Base of every gateway. `name` is the configuration's; `flow_version` grows when a flow's asks change.

    `contract` is the version that the gateway was written for.
    """

    name: ClassVar[str]
    # One that does not say was written for the first version, whatever the core speaks by now.
    contract: ClassVar[int] = 1
    flow_version: ClassVar[int] = 1
    test_only: ClassVar[bool] = False
    # What a callback is answered once it is stored.
    stored_status: ClassVar[int] = 204
    # A class attribute; an instance may narrow its own (a profile of the rail that does not dedupe).
    capabilities: Capabilities = Capabilities()
    settings_type: ClassVar[type[Settings]] = Settings
    # Whatever else of this channel is approved with a payroll (law 5): a digest of its profile's file, say.
    approved: str = ""
    # What is asked of it; a batch rail is asked otherwise (see BatchGateway).
    specs: ClassVar[type] = GatewaySpecs

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for base in vars(cls).get("__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, Settings):
                    cls.settings_type = argument
        _mark(cls)

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """No question asked: the rail cannot tell."""
        return []
        yield

    def check_payment(self, payment: Payment) -> Sequence[Objection]:
        """Nothing: the rail says by itself what it refuses. The account is judged by `validate_beneficiary`."""
        return []

    def check_balance(self, ctx: Ctx) -> Balances:
        """Not known: the rail cannot tell."""
        return None
        yield

    @abc.abstractmethod
    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """Move the money."""

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """202 is Waiting, everything else Unknown: a rail adds what its manual lists."""
        return Waiting() if reply.status == 202 else Unknown(f"status {reply.status}")

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """No callbacks."""
        return None

    def auth(self) -> httpx.Auth | None:
        """Signs requests and brings tokens at the time of sending; what it adds is never journaled."""
        return None


def _mark(cls: type[object]) -> None:
    for hook in HOOKS:
        if hook in vars(cls):
            hookimpl(vars(cls)[hook])


_mark(Gateway)
