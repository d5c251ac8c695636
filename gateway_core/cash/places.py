"""Where a payment point is, and how far a phone was from it: on a sphere, which is near enough for metres."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from .record import Position

DEGREE = 1_000_000
EARTH = 6_371_009
# Corners of a polygon.
CORNERS = 200


@attrs.frozen(kw_only=True)
class Area:
    """A circle (`centre` and `radius` in metres), or a polygon (`corners`: at least three, in order around it).

    A polygon must not reach over the 180th meridian or a pole.
    """

    centre: Position | None = None
    radius: int = 0
    corners: tuple[Position, ...] = attrs.field(default=(), validator=attrs.validators.max_len(CORNERS))

    def __attrs_post_init__(self) -> None:
        if (self.centre is None) == (len(self.corners) < 3):
            raise ValueError("an area is a centre with a radius, or three or more corners")
        if self.centre is not None and self.radius <= 0:
            raise ValueError("a radius is at least one metre")

    def outside_by(self, position: Position) -> int:
        """Metres from the area's edge; 0 within it."""
        if self.centre is not None:
            return max(0, metres(self.centre, position) - self.radius)
        return 0 if _within(self.corners, position) else _to_edge(self.corners, position)


def metres(one: Position, other: Position) -> int:
    """The distance along the earth's surface."""
    a, b = math.radians(one.latitude / DEGREE), math.radians(other.latitude / DEGREE)
    across = math.radians((other.longitude - one.longitude) / DEGREE)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across / 2) ** 2
    return round(2 * EARTH * math.asin(min(1.0, math.sqrt(half))))


def _within(corners: Sequence[Position], at: Position) -> bool:
    """Whether a line to the east crosses the border an odd number of times: in whole numbers, so exactly."""
    inside = False
    for one, other in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (one.latitude > at.latitude) != (other.latitude > at.latitude):
            low, high = sorted((one, other), key=lambda corner: corner.latitude)
            side = (high.longitude - low.longitude) * (at.latitude - low.latitude) - (at.longitude - low.longitude) * (
                high.latitude - low.latitude
            )
            inside ^= side > 0
    return inside


def _to_edge(corners: Sequence[Position], at: Position) -> int:
    return min(_to_side(one, other, at) for one, other in zip(corners, (*corners[1:], corners[0]), strict=True))


def _to_side(one: Position, other: Position, at: Position) -> int:
    """On a flat map around `at`: exact to a percent for areas of some hundred kilometres."""
    narrow = math.cos(math.radians(at.latitude / DEGREE))
    ax, ay = (one.longitude - at.longitude) * narrow, float(one.latitude - at.latitude)
    bx, by = (other.longitude - at.longitude) * narrow, float(other.latitude - at.latitude)
    length = (bx - ax) ** 2 + (by - ay) ** 2
    share = 0.0 if not length else min(1.0, max(0.0, -(ax * (bx - ax) + ay * (by - ay)) / length))
    return math.ceil(math.hypot(ax + share * (bx - ax), ay + share * (by - ay)) / DEGREE * math.radians(EARTH))
