"""One channel of the configuration: checked at the start, opened (and its secrets read) only when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ..contract.channel import Channel, Pace
from ..contract.gateway import Capabilities, Gateway, Hidden, Settings, Unfit
from ..contract.guard import guarded
from ..model.errors import ConfigurationError
from ..model.money import Money
from ..reconcile.mapping import SheetMapping
from .addresses import is_loopback
from .entries import BROKEN, described
from .fields import of_gateway, read_table
from .plugins import capabilities_fault, load_gateway
from .problems import Problems, did_you_mean, quoted
from .readers import table
from .secrets import Place, Reference
from .settings import CAPABILITY_KEYS, CHANNEL, CHANNEL_NAME, COMMON, NARROWED, PACE_KEYS, WIRING_KEYS
from .wiring import rules, wiring_of


@attrs.frozen(kw_only=True)
class Plan:
    """What the configuration says of one channel. `settings` holds references where the gateway has secrets."""

    name: str
    gateway: type[Gateway[Any]]
    place: Place
    settings: Mapping[str, Any]
    pace: Mapping[str, Any]
    narrowed: Mapping[str, Any]
    max_amount: Money | None = None
    listen: str = ""
    statement: SheetMapping | None = None
    wiring: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def key(self) -> str:
        """Where this channel stands in the configuration."""
        return f"channels.{self.name}"

    def open(self) -> Channel:
        """Read the secrets and make the channel. Raises ConfigurationError, or several at once."""
        secrets = self.secrets()
        gateway = self._made({**self.settings, **secrets})
        capabilities = _narrowed(self._declared(gateway), self.narrowed, self.place.live, self.key)
        pace = Pace(max_concurrency=capabilities.max_concurrency, **self.pace)
        wiring = wiring_of(self.wiring, self.key, self.place)
        try:
            return guarded(
                None, f"the hooks of {self.gateway.name}", Channel, self.name, gateway, pace=pace,
                capabilities=capabilities, listen=self.listen, wiring=wiring,
            )  # fmt: skip
        except ConfigurationError:
            raise
        except Exception as error:
            why = described(error)
        raise ConfigurationError(self.key, f"{self.gateway.name} cannot be used: {why}", "see the gateway's page")

    def secrets(self) -> dict[str, Hidden]:
        """Every secret of the channel. All that are missing are told at once."""
        problems, found = Problems(), dict[str, Hidden]()
        for key, value in self.settings.items():
            if isinstance(value, Reference):
                with problems.noting():
                    found[key] = value.read(f"{self.key}.{key}", self.place)
        problems.refuse()
        return found

    def _made(self, settings: Mapping[str, Any]) -> Gateway[Any]:
        try:
            return guarded(None, f"{self.gateway.name}()", lambda: self.gateway(self.gateway.settings_type(**settings)))
        except BROKEN as error:
            secret = any(isinstance(value, Hidden) for value in settings.values())
            quotable = isinstance(error, Unfit) or not secret
            why = str(error) if isinstance(error, Unfit) else described(error) if quotable else _without_message(error)
            # A half of a character is no text: it would break whatever shows this.
            why = why.encode(errors="backslashreplace").decode()
        # Outside the handler: the chained exception could quote a secret.
        raise ConfigurationError(self.key, f"{self.gateway.name} refuses its settings: {why}", "see the gateway's page")

    def _declared(self, gateway: Gateway[Any]) -> Capabilities:
        """What the object declares, which may be less than its class does."""
        try:
            said = guarded(None, f"{self.gateway.name}.capabilities", lambda: gateway.capabilities)
            why = capabilities_fault(said)
            if not why and not isinstance(gateway.settings, Settings):
                why = "its settings are no Settings"
        except Exception as error:
            why = described(error)
        if why:
            raise ConfigurationError(self.key, f"{self.gateway.name} cannot be used: {why}", "see the gateway's page")
        return said


def read_plan(name: str, raw: object, place: Place, problems: Problems) -> Plan | None:
    """Check one channel's table. None when it cannot be used; why is noted."""
    at = f"channels.{quoted(name)}"
    before = len(problems.found)
    problems.read(at, CHANNEL_NAME, name, "rename it")
    given = problems.read(at, table, raw, "write a table [channels.NAME]")
    if given is None:
        return None
    gateway = _gateway(at, given, problems)
    own = of_gateway(gateway) if gateway else COMMON
    # Without its gateway nobody can say which keys are the gateway's own: those are left alone.
    known = {row.key for row in (*CHANNEL, *NARROWED, *own)}
    judged = given if gateway else {key: value for key, value in given.items() if key in known}
    rows = [attrs.evolve(row, required=row.required and gateway is not None) for row in (*CHANNEL, *NARROWED, *own)]
    found = read_table(rows, judged, f"{at}.", problems)
    if gateway is None:
        return None
    _check(at, gateway, found, place, problems)
    return _plan(name, gateway, place, found) if len(problems.found) == before else None


def _gateway(at: str, given: Mapping[str, Any], problems: Problems) -> type[Gateway[Any]] | None:
    if "gateway" not in given:
        near = did_you_mean("gateway", [key for key in given if key[:1] in "gG"])
        problems.add(f"{at}.gateway", "is missing", near if near.startswith("did") else CHANNEL[0].mend)
        return None
    return problems.read(f"{at}.gateway", load_gateway, given["gateway"]) if isinstance(given["gateway"], str) else None


def _check(at: str, gateway: type[Gateway[Any]], found: Mapping[str, Any], place: Place, problems: Problems) -> None:
    """Rules that look at more than one key."""
    for broken, key, reason, mend in (*_rules(gateway, found, place), *rules(found)):
        if broken:
            problems.add(f"{at}.{key}", reason, mend)
    with problems.noting():
        _narrowed(gateway.capabilities, _only(found, CAPABILITY_KEYS), place.live, at)


def _rules(
    gateway: type[Gateway[Any]], found: Mapping[str, Any], place: Place
) -> tuple[tuple[bool, str, str, str], ...]:
    sandbox, url = found.get("sandbox", False), found.get("base_url", "")
    return (
        (place.live and gateway.test_only, "gateway",
         f"names {gateway.name}, which only simulates payments, in a live environment",
         'write environment = "test", or name a real gateway'),
        (place.live and sandbox, "sandbox", "is true in a live environment, where money is real",
         'remove it, or write environment = "test"'),
        (place.environment == "test" and not gateway.test_only and not sandbox and not is_loopback(url), "gateway",
         f"names {gateway.name}, which moves real money, in a test environment",
         'write sandbox = true if this is the provider\'s sandbox, or environment = "live"'),
    )  # fmt: skip


def _narrowed(declared: Capabilities, asked: Mapping[str, Any], live: bool, at: str) -> Capabilities:
    """The gateway's capabilities with what the configuration narrows. Raises ConfigurationError for a widening.

    It is asked at the start about the class, and at opening about the object: a profile may declare less.
    """
    if asked.get("dedupes") and not declared.dedupes:
        raise ConfigurationError(
            f"{at}.dedupes", "is true, but the gateway does not say that its rail dedupes", "remove it"
        )
    if declared.max_concurrency == 1 and asked.get("max_concurrency", 1) > 1:
        raise ConfigurationError(
            f"{at}.max_concurrency",
            "is more than 1, but the gateway says that its rail forbids parallel calls",
            "remove it",
        )
    if live and asked.get("settle", declared.settle) < declared.settle:
        raise ConfigurationError(
            f"{at}.settle", "is less than the gateway says its rail needs", f"write at least {declared.settle:g}"
        )
    return attrs.evolve(declared, **asked)


def _plan(name: str, gateway: type[Gateway[Any]], place: Place, found: Mapping[str, Any]) -> Plan:
    limit: Money | None = found.get("max_amount")
    pace = _only(found, PACE_KEYS)
    if limit:
        pace |= {"max_amount": limit.minor, "max_amount_currency": limit.currency}
    return Plan(
        name=name,
        gateway=gateway,
        place=place,
        settings=_only(found, {row.key for row in of_gateway(gateway)}),
        pace=pace,
        narrowed=_only(found, CAPABILITY_KEYS),
        max_amount=limit,
        listen=found.get("listen", ""),
        statement=found.get("statement"),
        wiring=_only(found, WIRING_KEYS),
    )


def _only(found: Mapping[str, Any], keys: frozenset[str] | set[str]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key in keys}


def _without_message(error: BaseException) -> str:
    """Type and place of an error whose text could quote a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place} (its text is not shown: it could quote a secret)"
