"""The dummy gateway: a rail for rehearsals, with a server of its own that misbehaves on demand."""

from .gateway import DummyGateway, DummySettings

__all__ = ["DummyGateway", "DummySettings"]
