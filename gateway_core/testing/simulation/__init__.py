"""The real engine and store in small simulated worlds, with oracles named by law.

`swarm` runs a plugin's own flow in them (see `plugins`); `python -m gateway_core.testing.simulation` the core's.
"""

from .faces import Face, Find, Order, Reply, Said, Status
from .plugins import swarm
from .watch import Violation

__all__ = ["Face", "Find", "Order", "Reply", "Said", "Status", "Violation", "swarm"]
