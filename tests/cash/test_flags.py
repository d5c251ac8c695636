"""Flags: each is raised by what it names, at the very edge, and an honest record raises none."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.cash import flags
from gateway_core.cash.flags import CODES, Known, flags_of
from gateway_core.cash.photos import Exif
from gateway_core.cash.places import Area, metres
from gateway_core.cash.record import PhotoRef, Position, ProofRecord, Recipient, sealed
from tests.cash.lists import MINUTE, MORNING

SECOND, DAY = 1_000_000, 1_440 * MINUTE
# A degree of latitude is 111,195 m on the sphere: 9 millionths are a metre.
HERE = Position(latitude=352_700, longitude=37_583_100, accuracy=10)
CIRCLE = Area(centre=HERE, radius=500)
SQUARE = Area(corners=tuple(Position(latitude=a, longitude=b) for a, b in ((0, 0), (0, 9), (9, 9), (9, 0))))
RECORD = sealed(
    ProofRecord(
        device="phone-1", number=1, previous="0" * 64, list="L-1", line=1, payment="P-1", invoice="INV-1", kind="paid",
        amount=150_000, currency="KES", at=MORNING, officer="Amina  OKELLO", position=HERE,
        photo=PhotoRef(sha256="a" * 64, format="jpeg"),
    )
)  # fmt: skip
KNOWN = Known(
    amount=150_000, currency="KES", invoice="INV-1", alternates=("Otieno",), area=CIRCLE, days=("2026-11-30",),
    zone=ZoneInfo("Africa/Nairobi"), officers=("amina okello", "joseph"), around=(MORNING - MINUTE,),
    exif=Exif(at=MORNING - MINUTE, position=HERE), arrived_at=MORNING + 2 * DAY, made_at=MORNING + DAY,
)  # fmt: skip


def north(by: int, accuracy: int = 0) -> Position:
    """So many metres north of the point's centre."""
    return Position(latitude=HERE.latitude + round(by * 8.9932), longitude=HERE.longitude, accuracy=accuracy)


def codes(record: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """Codes that are raised when these fields are other than honest."""
    return [flag.code for flag in flags_of(sealed(attrs.evolve(RECORD, **record)), attrs.evolve(KNOWN, **known))]


NOT_COLLECTED = {"kind": "not_collected", "amount": 0, "photo": None, "reason": "ill"}
CASES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({}, {}, []),
    (NOT_COLLECTED, {}, []),
    ({"amount": 149_999}, {}, ["amount"]),
    ({"currency": "UGX"}, {}, ["amount"]),
    ({**NOT_COLLECTED, "amount": 1}, {}, ["amount"]),
    ({"invoice": "INV-2"}, {}, ["invoice"]),
    ({"position": None}, {}, ["no_position"]),
    ({**NOT_COLLECTED, "position": None}, {}, []),
    ({"position": None}, {"area": None}, []),
    ({"position": north(499)}, {}, []),
    ({"position": north(503)}, {}, ["outside_area"]),
    ({"position": north(600, 150)}, {}, []),
    ({"position": north(705, 100_000)}, {}, ["outside_area", "camera_position"][:1]),
    ({"position": north(100, 100_000)}, {}, ["vague_position"]),
    ({"at": MORNING - DAY}, {}, ["outside_days", "camera_time"]),
    # 20:59 UTC is 23:59 in Nairobi; a minute later the day is over.
    ({"at": MORNING + 779 * MINUTE}, {"exif": Exif()}, []),
    ({"at": MORNING + 780 * MINUTE}, {"exif": Exif()}, ["outside_days"]),
    ({"at": MORNING + 780 * MINUTE}, {"exif": Exif(), "days": ()}, []),
    ({"photo": None}, {"exif": Exif()}, ["no_photo"]),
    ({}, {"photo": "missing"}, ["photo_missing"]),
    ({}, {"photo": "bomb"}, ["photo_refused"]),
    ({}, {"same_photo": "phone-2, record 17"}, ["same_photo"]),
    ({}, {"around": (MORNING + 300 * SECOND,) * 39}, []),
    ({}, {"around": (MORNING + 300 * SECOND,) * 40}, ["pace"]),
    ({}, {"around": (MORNING + 301 * SECOND,) * 400}, []),
    ({"officer": "mallory"}, {}, ["officer"]),
    ({"officer": "mallory"}, {"officers": ()}, []),
    ({"officer": "JOSEPH"}, {}, []),
    ({"officer": "joseph"}, {"holder": "amina okello"}, ["holder"]),
    ({}, {"holder": "AMINA okello"}, []),
    (NOT_COLLECTED, {"holder": "joseph"}, ["holder"]),
    ({"recipient": Recipient(name="otieno ", relation="son")}, {}, []),
    ({"recipient": Recipient(name="Someone", relation="friend")}, {}, ["recipient"]),
    ({}, {"arrived_at": MORNING - 599 * SECOND, "made_at": None}, []),
    ({}, {"arrived_at": MORNING - 601 * SECOND, "made_at": None}, ["clock"]),
    ({}, {"made_at": MORNING + 3 * DAY}, ["clock"]),
    ({}, {"made_at": MORNING + 2 * DAY - 599 * SECOND, "live": True}, []),
    ({}, {"made_at": MORNING + 2 * DAY - 601 * SECOND, "live": True}, ["clock"]),
    ({}, {"made_at": MORNING - 601 * SECOND}, ["later_than_sent"]),
    ({}, {"exif": Exif(at=MORNING + 601 * SECOND)}, ["camera_time"]),
    ({}, {"exif": Exif(local=MORNING + 180 * MINUTE)}, []),
    ({}, {"exif": Exif(local=MORNING)}, ["camera_time"]),
    ({}, {"exif": Exif(position=north(990))}, []),
    ({}, {"exif": Exif(position=north(1_010))}, ["camera_position"]),
    ({}, {"signed": False}, ["unsigned"]),
    ({}, {"signed": True}, []),
    ({}, {"beneficiary": ("dead", "suspended")}, ["beneficiary", "beneficiary"]),
    (NOT_COLLECTED, {"beneficiary": ("dead",)}, []),
]


@pytest.mark.parametrize(("record", "known", "expected"), CASES)
def test_what_raises_a_flag(record: dict[str, Any], known: dict[str, Any], expected: list[str]) -> None:
    assert codes(record, known) == expected


def test_an_altered_record_is_flagged() -> None:
    assert [flag.code for flag in flags_of(attrs.evolve(RECORD, at=MORNING + 1), KNOWN)] == ["altered"]


def test_every_code_has_its_advice() -> None:
    raised = set(re.findall(r'Flag\(\s*"(\w+)"', Path(flags.__file__).read_text()))
    raised |= set(re.findall(r'_off\(\s*"(\w+)"', Path(flags.__file__).read_text()))
    assert raised == set(CODES)
    assert raised == {"altered"} | {code for _, _, expected in CASES for code in expected}


texts = st.text(max_size=20)
times = st.integers(0, 2**53 - 1)
places = st.builds(
    Position,
    latitude=st.integers(-90_000_000, 90_000_000),
    longitude=st.integers(-180_000_000, 180_000_000),
    accuracy=st.integers(0, 2**40),
)


@given(
    st.fixed_dictionaries(
        {}, optional={"amount": times, "at": times, "officer": texts, "position": places, "photo": st.none()}
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "area": st.builds(lambda centre, radius: Area(centre=centre, radius=radius), places, st.integers(1, 10**8)),
            "exif": st.builds(Exif, at=st.none() | times, local=st.none() | times, position=st.none() | places),
            "arrived_at": times,
            "made_at": st.none() | times,
            "officers": st.tuples(texts),
            "zone": st.builds(lambda hours: timezone(timedelta(hours=hours)), st.integers(-12, 14)),
        },
    ),
)
def test_anything_that_can_be_said_is_judged(record: dict[str, Any], known: dict[str, Any]) -> None:
    for flag in flags_of(sealed(attrs.evolve(RECORD, **record)), attrs.evolve(KNOWN, **known)):
        assert flag.code in CODES and flag.message
        assert all(isinstance(value, int | str) for value in flag.values.values())


@given(places, places)
def test_distances_are_even_and_no_longer_than_half_around_the_earth(one: Position, other: Position) -> None:
    assert metres(one, other) == metres(other, one) <= 20_015_115
    assert metres(one, one) == 0


@given(st.integers(-20, 30), st.integers(-20, 30))
def test_a_point_is_in_a_polygon_or_has_a_distance(latitude: int, longitude: int) -> None:
    out = SQUARE.outside_by(Position(latitude=latitude, longitude=longitude))
    if 0 < latitude < 9 and 0 < longitude < 9:
        assert out == 0
    elif not (0 <= latitude <= 9 and 0 <= longitude <= 9):
        assert 1 <= out <= 5


def test_a_bay_of_a_polygon_is_outside() -> None:
    corners = [(0, 0), (0, 10_000), (10_000, 10_000), (10_000, 9_000), (1_000, 5_000), (10_000, 1_000), (10_000, 0)]
    bay = Area(corners=tuple(Position(latitude=a, longitude=b) for a, b in corners))
    assert bay.outside_by(Position(latitude=9_000, longitude=5_000)) > 300
    assert bay.outside_by(Position(latitude=500, longitude=5_000)) == 0
    # Straight north of an edge, a thousandth of a degree away.
    assert 111 <= SQUARE.outside_by(Position(latitude=1_009, longitude=5)) <= 113


@pytest.mark.parametrize(
    "how", [{}, {"centre": HERE}, {"corners": (HERE, HERE)}, {"centre": HERE, "radius": 5, "corners": (HERE,) * 3}]
)
def test_an_area_is_a_circle_or_a_polygon(how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"an area is|a radius is"):
        Area(**how)
