"""Mojaloop: a payer DFSP that speaks FSPIOP 1.0, 1.1 and 2.0, signed, and never guesses."""

from .gateway import MojaloopGateway
from .settings import MojaloopSettings

__all__ = ["MojaloopGateway", "MojaloopSettings"]
