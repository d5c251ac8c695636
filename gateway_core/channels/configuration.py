"""The configuration once it was checked: named channels that open when used, policies, approvers, places."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..contract.batch import BatchGateway
from ..contract.channel import Channel
from ..contract.gateway import Hidden
from ..contract.policies import Policies, refuse_within
from ..lifecycle.signatures import private_key
from ..model.errors import ConfigurationError, NotFoundError
from ..model.money import Money
from ..model.roles import OPEN, Matrix
from ..reconcile.mapping import SheetMapping
from .addresses import shown
from .plan import Plan
from .problems import Problems, did_you_mean
from .secrets import Place, Reference


@attrs.frozen(kw_only=True, eq=False)
class Configuration:
    """A configuration that was checked. `approvers` maps normal names to public keys in base64."""

    deployment: str
    environment: str
    mark_dir: Path
    timezone: ZoneInfo | None
    approval_ttl: timedelta | None
    approvers: Mapping[str, str]
    disputes_block: bool = True
    holidays: frozenset[date] = frozenset()
    schedule_grace: timedelta | None = None
    matrix: Matrix = OPEN
    balance_ttl: timedelta | None = None
    location: str = ""
    fonts: tuple[Path, ...] = ()
    _place: Place
    _store: Hidden
    _signing_key: Reference | None
    _plans: Mapping[str, Plan]
    _policies: tuple[tuple[str, object], ...]
    _opened: dict[str, Channel] = attrs.field(factory=dict, init=False, repr=False)

    @property
    def is_test(self) -> bool:
        """Whether everything must say TEST."""
        return self.environment == "test"

    @property
    def store_url(self) -> str:
        """The store's absolute address. It may hold a password: show `shown_store` instead."""
        return self._store.reveal()

    @property
    def shown_store(self) -> str:
        """The store's address for people and logs."""
        return shown(self.store_url)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels in the order of the file."""
        return tuple(self._plans)

    @property
    def gateways(self) -> dict[str, str]:
        """Which gateway each channel uses, without opening any."""
        return {name: plan.gateway.name for name, plan in self._plans.items()}

    @property
    def batch_channels(self) -> tuple[str, ...]:
        """Those over which files go and come."""
        return self.channels_of(BatchGateway)

    def channels_of(self, kind: type[Any]) -> tuple[str, ...]:
        """Those whose gateway is of this kind, without opening any."""
        kinds = {name: type(self._opened[name].gateway) for name in self._opened}
        return tuple(name for name, plan in self._plans.items() if issubclass(kinds.get(name, plan.gateway), kind))

    def channel(self, name: str) -> Channel:
        """The channel, opened at the first call. Raises NotFoundError, or ConfigurationError for its secrets."""
        if name not in self._opened:
            self._opened[name] = self.open_channel(name)
        return self._opened[name]

    def opened(self) -> list[Channel]:
        """The channels that were opened so far."""
        return list(self._opened.values())

    def open_channel(self, name: str) -> Channel:
        """The channel, opened anew: its secrets are read again."""
        if name not in self._plans:
            raise NotFoundError(f"no channel {name!r} is configured; {did_you_mean(name, self.channel_names)}")
        return self._plans[name].open()

    def same_account(self, name: str) -> tuple[str, ...]:
        """The channels that pay from this one's institution account: of the same gateway, with the same account."""
        mine = self._plans[name]
        account = mine.settings.get("institution_account")
        return tuple(
            other for other, plan in self._plans.items()
            if other == name
            or (account and plan.gateway is mine.gateway and plan.settings.get("institution_account") == account)
        )  # fmt: skip

    def statement_mapping(self, name: str) -> SheetMapping | None:
        """How this channel's provider writes its statements, if the configuration says. Raises NotFoundError."""
        if name not in self._plans:
            raise NotFoundError(f"no channel {name!r} is configured; {did_you_mean(name, self.channel_names)}")
        return self._plans[name].statement

    def policies(self, *ours: tuple[str, object]) -> Policies:
        """The host's policies, in the order of the file; behind them ours, (name, policy). Not for a policy itself."""
        refuse_within()
        return Policies((*self._policies, *ours))

    @property
    def has_policies(self) -> bool:
        """Whether any policy of the host is named."""
        return bool(self._policies)

    def max_amounts(self) -> dict[str, Money]:
        """The largest single payment of each channel that has a limit."""
        return {name: plan.max_amount for name, plan in self._plans.items() if plan.max_amount}

    def signing_key(self) -> Ed25519PrivateKey | None:
        """The key that signs exported heads, read now. Raises ConfigurationError when its reference leads nowhere."""
        if self._signing_key is None:
            return None
        secret = self._signing_key.read("signing_key", self._place)
        try:
            return private_key(secret.reveal())
        except ValueError:
            problem = ConfigurationError("signing_key", "refers to no Ed25519 private key", "write 32 bytes in base64")
        raise problem

    def check(self) -> None:
        """Open every channel and read every secret. Raises ConfigurationError, or all of them at once."""
        problems = Problems()
        with problems.noting():
            self.signing_key()
        for name in self.channel_names:
            with problems.noting():
                self.open_channel(name)
        problems.refuse()
