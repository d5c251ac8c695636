"""For tests and rehearsals: the contract kit, a mock provider that misbehaves on demand. Not imported by what pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contract import BatchContract, GatewayContract

__all__ = ["BatchContract", "GatewayContract"]


def __getattr__(name: str) -> Any:
    """The kit is loaded when it is asked for: simulators import what lies beside it, and need none of it."""
    if name in __all__:
        from . import contract

        return getattr(contract, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
