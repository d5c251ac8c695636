"""A channel: one gateway with its settings, registered alone, behind a typed façade that checks every result.

Pluggy's own calls are untyped, and one wrapper could replace a payment: so nobody else is registered, wrappers are
refused, and this class is the only caller of the hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Literal

import attrs
import httpx
import pluggy

from ..model.accounts import Account
from ..model.errors import ConfigurationError
from ..model.identity import digest
from ..model.payment import Objection, Payment
from .batch import BatchGateway
from .batch_channel import Batch
from .flow import Ask, Balances, Checks, Ctx, PayFlow
from .gateway import CONTRACT, Capabilities, Gateway, Hidden, Settings
from .guard import guarded, stepped
from .hookspecs import PROJECT
from .replies import VERDICTS, Arrival, Callback, Reply, Unknown, Verdict
from .signing import guarded_auth


@attrs.frozen(kw_only=True)
class Pace:
    """How fast a channel may be used, and its limits. Times in seconds, sizes in bytes, amounts in minor units.

    `quiet_hours` is ("22:00", "06:00") in the configured time zone; empty: never quiet. `max_amount` is in the minor
    units of `max_amount_currency`; 0: no limit of the channel's own.
    """

    max_concurrency: int = 8
    rate: float = 0.0
    timeout: float = 30.0
    body_limit: int = 1 << 20
    quiet_hours: tuple[str, str] | None = None
    max_amount: int = 0
    max_amount_currency: str = ""
    recheck_ttl: float = 300.0


@attrs.frozen(kw_only=True)
class Wiring:
    """How a channel's connections are made. Paths are whole; empty: the usual, or none.

    `transport` is "own", or "stock" for httpx's. `proxy`: the address of an HTTP proxy, which only the stock one uses.
    `ca_file`: whom to trust instead of the public authorities. `client_certificate` and `client_key`: mutual TLS; the
    key may lie in the certificate's file. `listen_certificate` and `listen_key`: who we say that we are to those who
    call back; `listen_ca`: whose clients may. All files are PEM.
    """

    transport: Literal["own", "stock"] = "own"
    proxy: str = ""
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    listen_certificate: str = ""
    listen_key: str = ""
    listen_ca: str = ""


class Channel:
    """A configured connection. `capabilities` are the gateway's, with what the configuration narrows."""

    def __init__(
        self,
        name: str,
        gateway: Gateway[Any],
        *,
        pace: Pace | None = None,
        capabilities: Capabilities | None = None,
        listen: str = "",
        wiring: Wiring | None = None,
    ) -> None:
        self.name, self.gateway, self.listen, self.wiring = name, gateway, listen, wiring or Wiring()
        self.settings: Settings = gateway.settings
        self.capabilities = capabilities or gateway.capabilities
        self.pace = pace or Pace(max_concurrency=self.capabilities.max_concurrency)
        self._hooks = _registered_alone(self, gateway)
        # What only a batch rail can do; None: each payment goes alone.
        self.batch = (
            Batch(gateway, self._hooks, self.parse_response, self) if isinstance(gateway, BatchGateway) else None
        )

    @cached_property
    def fingerprint(self) -> str:
        """Approved together with the lines (law 5): gateway, contract, address, institution account, profile, and what
        the gateway adds."""
        made_of = self.settings
        gateway = self.gateway
        parts = [gateway.name, gateway.contract, made_of.base_url, made_of.institution_account, made_of.profile]
        parts += [self.batch.transport.address] if self.batch else []
        return digest([*parts, gateway.approved] if gateway.approved else parts).hex()

    @property
    def validates(self) -> bool:
        """Whether the gateway can tell if an account exists."""
        return type(self.gateway).validate_beneficiary is not Gateway.validate_beneficiary

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """The gateway's flow for one payment."""
        flow: PayFlow = _generator("execute_payment", self._hooks.execute_payment(payment=payment, ctx=ctx))
        return flow

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """The gateway's flow that looks for an account."""
        flow: Checks = _generator("validate_beneficiary", self._hooks.validate_beneficiary(account=account, ctx=ctx))
        return flow

    @property
    def checks_payments(self) -> bool:
        """Whether the gateway knows, unasked, what its rail would refuse."""
        return type(self.gateway).check_payment is not Gateway.check_payment

    def check_payment(self, payment: Payment) -> list[Objection]:
        """What the gateway says against a payment by itself. A raise or a wrong type is a warning, as for accounts."""
        try:
            said = list(self._hooks.check_payment(payment=payment))
        except Exception as error:
            text = f"check_payment raised {type(error).__name__}: {error}"
        else:
            if all(isinstance(one, Objection) for one in said):
                return said
            text = "check_payment gave something else than objections"
        return [Objection("not_checked", text, self.name, blocks=False)]

    def check_balance(self, ctx: Ctx) -> Balances:
        """The gateway's flow that asks for the institution's balance."""
        flow: Balances = _generator("check_balance", self._hooks.check_balance(ctx=ctx))
        return flow

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """The gateway's reading of a reply. A raise or a wrong type is Unknown (law 10)."""
        try:
            said = self._hooks.parse_response(ask=ask, reply=reply)
        except Exception as error:
            return Unknown(f"parse_response raised {type(error).__name__}: {error}")
        return said if isinstance(said, VERDICTS) else Unknown(f"parse_response returned {type(said).__name__}")

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """Which ask an arrival is about. A raise or a wrong type is: none of ours; it is stored all the same."""
        try:
            said = self._hooks.parse_callback(arrival=arrival)
        except Exception:
            return None
        return said if isinstance(said, Callback) else None

    def auth(self) -> httpx.Auth | None:
        """What signs requests and brings tokens. Raises ConfigurationError when the gateway gives none."""
        what = f"{self.gateway.name}.auth"
        try:
            said = guarded(self, what, self.gateway.auth)
            wrong = "" if isinstance(said, httpx.Auth | None) else f"gave {type(said).__name__}, not an httpx.Auth"
        except Exception as error:
            # Its words could quote a secret.
            said, wrong = None, f"raised {type(error).__name__}"
        if wrong:
            raise ConfigurationError(f"channels.{self.name}", f"{what}() {wrong}", "see the gateway's page")
        return guarded_auth(said, self, what) if said is not None else None

    def secrets(self) -> Mapping[str, str]:
        """Values for the named holes of requests: every Hidden setting, by name. Used at the time of sending only."""
        fields = {field.name: getattr(self.settings, field.name) for field in attrs.fields(type(self.settings))}
        return {name: value.reveal() for name, value in fields.items() if isinstance(value, Hidden)}


def _registered_alone(owner: Channel, gateway: Gateway[Any]) -> Any:
    if gateway.contract != CONTRACT:
        raise ConfigurationError(
            gateway.name, f"speaks contract {gateway.contract}, this is {CONTRACT}", "install versions that agree"
        )
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(gateway.specs)
    try:
        manager.register(gateway, gateway.name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        said = " ".join(str(error).split())
        raise ConfigurationError(gateway.name, f"has a hook that does not fit: {said}", "see the contract") from None
    hooks = SimpleNamespace()
    for hook in (name for name in dir(gateway.specs) if not name.startswith("_")):
        found = getattr(manager.hook, hook).get_hookimpls()
        if len(found) != 1 or found[0].wrapper or found[0].hookwrapper:
            raise ConfigurationError(
                gateway.name, f"{hook} must have exactly one plain implementation", "remove wrappers and decorators"
            )
        setattr(hooks, hook, _caller(owner, f"{gateway.name}.{hook}", found[0]))
    return hooks


def _caller(owner: Channel, what: str, impl: pluggy.HookImpl) -> Callable[..., Any]:
    """Call the one implementation directly: pluggy's loop over one adds nothing but its cost, twice per payment."""
    function, names = impl.function, impl.argnames

    def call(**given: Any) -> Any:
        made = guarded(owner, what, function, *[given[name] for name in names])
        return stepped(owner, what, made) if isinstance(made, Generator) else made

    return call


def _generator(hook: str, made: object) -> Any:
    if not isinstance(made, Generator):
        raise TypeError(f"{hook} must be a generator (is a `yield` missing?), got {type(made).__name__}")
    return made
