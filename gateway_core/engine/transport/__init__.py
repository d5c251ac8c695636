"""Our own transport under `httpx`, and how far each failed exchange had come."""

from .own import Limits, OwnTransport
from .phase import Phase, phase_of

__all__ = ["Limits", "OwnTransport", "Phase", "phase_of"]
