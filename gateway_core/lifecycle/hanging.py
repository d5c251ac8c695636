"""A plugin's hook that does not return: it is seen, named and interrupted, and its channel is stopped.

A hook is pure and takes microseconds. While the core's threads work, whoever waits for them looks at what runs, twice a
second. One that was seen `LOOKS` times (counted and not timed, so that a process that was stopped for a while blames
nobody) gets its channel stopped, on disk too, and an exception raised in its thread. Code in Python ends by that, and
the other channels go on. What blocks outside Python cannot be ended: then `GatewayHangs` ends the run, everything sent
is in the journal, and the next process leaves the stopped channel alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection

from ..contract.channel import Channel
from ..contract.guard import Running, interrupt, running
from ..model.errors import GatewayHangs

log = logging.getLogger(__name__)
EVERY = 0.5
LOOKS = 20
# Noting the stop may have to wait for the very thread that hangs: so long at most.
NOTING = 5.0


class Watchdog:
    """`look()` is called every `EVERY` seconds. `stop(channel, reason)` stops a channel; `mine` are the channels."""

    def __init__(self, mine: Callable[[], Collection[Channel]], stop: Callable[[str, str], None]) -> None:
        self._mine, self._stop = mine, stop

    def look(self) -> None:
        """Raises GatewayHangs when a hook could not be interrupted."""
        channels = self._mine()
        for here in running():
            channel = next((channel for channel in channels if channel is here.owner), None)
            if channel is None:
                continue
            here.looks += 1
            if here.looks == LOOKS:
                self._bark(channel, here)
            elif here.looks >= 2 * LOOKS:
                raise GatewayHangs(
                    f"{here.what} does not return and cannot be interrupted; its channel {channel.name} is stopped. "
                    "Everything that was sent is in the journal: start again, and the other channels go on"
                )

    def _bark(self, channel: Channel, here: Running) -> None:
        reason = f"{here.what} did not return within {EVERY * LOOKS:g} s"
        log.error("channel %s is stopped: %s", channel.name, reason)
        noting = threading.Thread(target=self._noted, args=(channel.name, reason), name="gateway-stop", daemon=True)
        noting.start()
        interrupt(here)
        noting.join(NOTING)

    def _noted(self, channel: str, reason: str) -> None:
        try:
            self._stop(channel, reason)
        except Exception:
            log.exception("the stop of channel %s could not be written down", channel)
