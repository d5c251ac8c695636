"""A Paymaster on a store of the kit's own, with the plugin behind its only channel: in this process, or in another."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from ...channels.configuration import Configuration
from ...channels.fields import of_gateway
from ...channels.plan import Plan
from ...channels.secrets import Place, reference
from ...contract.channel import Channel
from ...contract.gateway import Gateway, Hidden
from ...paymaster import Paymaster

CHANNEL = "kit"
# Seconds. No honest answer takes so long, on no machine; what gets no answer is told by the proxy.
TIMEOUT = 30.0


class Watching(Protocol):
    """What stands before a plugin's hooks."""

    def attach(self, channel: Channel) -> Channel:
        """The channel, watched."""


@attrs.frozen(kw_only=True)
class Setup:
    """`settings` and `hidden` (secrets) are the plugin's own; `narrowed` are times of its capabilities, made short."""

    gateway: type[Gateway[Any]]
    folder: Path
    base_url: str
    listen: str = ""
    settings: Mapping[str, Any]
    hidden: Mapping[str, str]
    narrowed: Mapping[str, Any] = attrs.field(factory=dict)
    timeout: float = TIMEOUT

    @classmethod
    def of(cls, gateway: type[Gateway[Any]], given: Mapping[str, Any], words: Mapping[str, str], **where: Any) -> Setup:
        """`given` has settings and secrets together; "{callbacks}", say, becomes what `words` has for it."""
        secret = {row.key for row in of_gateway(gateway) if row.read is reference}
        told = {key: _filled(value, words) for key, value in given.items()}
        hidden = {key: told.pop(key) for key in list(told) if key in secret}
        return cls(gateway=gateway, settings=told, hidden=hidden, **where)

    def plan(self) -> Plan:
        """The channel."""
        values = {**self.settings, **{name: Hidden(value) for name, value in self.hidden.items()}}
        return Plan(
            name=CHANNEL, gateway=self.gateway, place=Place(self.folder, "test"),
            settings={**values, "base_url": self.base_url}, pace={"timeout": self.timeout}, narrowed=self.narrowed,
            # Unsigned callbacks, which are not declared, are listened to all the same: they prompt questions.
            listen=self.listen if self.gateway.parse_callback is not Gateway.parse_callback else "",
        )  # fmt: skip

    def open(self, *, create: bool = False, watch: Watching | None = None) -> Paymaster:
        """The store in the folder; `watch` stands before the plugin's hooks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        known = Configuration(
            deployment="contract-kit", environment="test", mark_dir=self.folder / "marks", timezone=None,
            approval_ttl=None, approvers={}, place=Place(self.folder, "test"),
            store=Hidden(f"sqlite:///{self.folder / 'store.db'}"), signing_key=None, plans={CHANNEL: self.plan()},
            policies=(),
        )  # fmt: skip
        if watch is not None:
            known._opened[CHANNEL] = watch.attach(known.channel(CHANNEL))
        return Paymaster.open(known, create=create)

    def as_json(self) -> str:
        """For another process, which imports the gateway by its name, or from its file."""
        told = attrs.asdict(self, recurse=False)
        told["gateway"] = {
            "module": self.gateway.__module__, "file": inspect.getsourcefile(self.gateway) or "",
            "name": self.gateway.__qualname__, "path": sys.path,
        }  # fmt: skip
        return json.dumps({**told, "folder": str(self.folder)})

    @classmethod
    def of_json(cls, text: str) -> Setup:
        """As another process told it."""
        told = json.loads(text)
        return cls(**{**told, "gateway": _imported(**told["gateway"]), "folder": Path(told["folder"])})


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace("{" + word + "}", text)
    return value


def _imported(module: str, file: str, name: str, path: list[str]) -> type[Gateway[Any]]:
    # A module of tests may lie where nothing is imported from: then its topmost package's folder is added.
    sys.path[:] = [*path, str(Path(file).parents[module.count(".")])]
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    gateway: type[Gateway[Any]] = found
    return gateway
