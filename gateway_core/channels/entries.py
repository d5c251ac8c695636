"""Entry points: what is installed, and loading one. Installed is not enabled: only what is named is imported."""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

from ..contract.guard import GatewayFault, guarded, interrupt, running
from .problems import Wrong, did_you_mean

# A plugin may call sys.exit at import; an interruption by the person is not its failure.
BROKEN = (Exception, SystemExit)
# Seconds for one import. A slow disk is no fault; one that never ends is interrupted, if it is Python's.
IMPORTING = 60.0

_OURS = "gateway-core"
# Our own rails are always there; what they need comes with an extra.
_EXTRAS = {"bank_transfer": "bank", "mobile_money": "mobile", "mojaloop": "mojaloop"}


def installed(group: str) -> list[EntryPoint]:
    """The entry points of a group. One distribution with broken metadata does not hide the others."""
    try:
        return list(importlib.metadata.entry_points(group=group))
    except BROKEN:
        return list(_one_by_one(group))


def _one_by_one(group: str) -> Iterator[EntryPoint]:
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        try:
            name, points = distribution.name, list(distribution.entry_points)
        except BROKEN:
            continue
        if name not in seen:
            seen.add(name)
            yield from (point for point in points if point.group == group)


def named(group: str, name: str, what: str) -> EntryPoint:
    """The one entry point of that name. Raises Wrong when there is none, or when two distributions offer it."""
    points = installed(group)
    found = [point for point in points if point.name == name]
    if not found:
        others = {point.name for point in points}
        raise Wrong(f"names the {what} {name!r}, which is not installed", did_you_mean(name, others))
    if len({point.value for point in found}) > 1:
        offered_by = " and ".join(sorted(distribution(point)[0] or point.value for point in found))
        raise Wrong(f"names the {what} {name!r}, which {offered_by} both offer", "uninstall one of them")
    return found[0]


def load(point: EntryPoint, what: str) -> Any:
    """Import what an entry point names. Raises Wrong with one plain sentence, whatever the import did."""
    watch = threading.Timer(IMPORTING, _interrupt, (threading.get_ident(),))
    watch.daemon = True
    watch.start()
    try:
        return guarded(None, f"the import of {point.name}", point.load)
    except BROKEN as error:
        reason = f"names the {what} {point.name!r}, which cannot be imported ({described(error)})"
        raise Wrong(reason, _mend(point, error)) from error
    finally:
        watch.cancel()


def _interrupt(thread: int) -> None:
    for here in running():
        if here.thread == thread:
            interrupt(here)


def distribution(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that brings it; empty where Python does not know."""
    dist = point.dist
    return (dist.name, dist.version) if dist is not None else ("", "")


def described(error: BaseException) -> str:
    """An error in one line: its type and the first line of what it says."""
    if isinstance(error, GatewayFault) and error.__cause__ is not None:
        error = error.__cause__
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:300]}" if said else type(error).__name__


def _mend(point: EntryPoint, error: BaseException) -> str:
    name = distribution(point)[0]
    if not isinstance(error, ImportError):
        return f"repair or update {name or point.value}, or remove it from the configuration"
    if name == _OURS:
        return f'pip install "{_OURS}[{_EXTRAS.get(point.name, "all")}]"'
    return f"pip install what {name or point.value} needs: {error.name or 'see its page'}"
