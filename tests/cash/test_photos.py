"""Photographs: what is hostile is refused within limits, what is kept are pixels alone."""

from __future__ import annotations

import hashlib
import io
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from gateway_core.cash.photos import PhotoRefused, Shelf, drawn_again
from gateway_core.cash.photos.limits import KEPT_SIDE
from tests.cash.alone import judged
from tests.cash.pictures import HOSTILE, HTML, archive, chunk, exif, inserted, many_scans, photo, png, segment

# The largest that are taken: the code is their size.
TAKEN: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "largest JPEG": ("jpeg", "taken 2400 1800", lambda: photo(4_600, 3_450)),
    "largest progressive": ("jpeg", "taken 2400 1800", lambda: photo(4_080, 3_060, progressive=True, subsampling=0)),
    "many passes": ("jpeg", "taken 2400 1800", lambda: many_scans(30, 4_080, 3_060)),
    "largest PNG": ("png", "taken 2400 1800", lambda: photo(4_080, 3_060, "PNG")),
}
CASES = HOSTILE | TAKEN


@pytest.fixture(scope="module")
def judged_alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each case."""
    folder = tmp_path_factory.mktemp("photos")
    return judged("photo", folder, {name: _written(said, make) for name, (said, _, make) in CASES.items()})


def _written(said: str, make: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(said.encode() + b"\n" + make())


@pytest.mark.parametrize("what", CASES)
@pytest.mark.few(5)
def test_what_is_hostile_is_refused_within_limits(what: str, judged_alone: dict[str, str]) -> None:
    assert judged_alone[what] == CASES[what][1]


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_what_is_kept_is_a_plain_picture_of_the_same(form: str) -> None:
    data = photo(640, 480, form)
    picture = drawn_again(data, form.lower())
    assert picture.original == hashlib.sha256(data).hexdigest()
    assert picture.sha256 == hashlib.sha256(picture.data).hexdigest()
    with Image.open(io.BytesIO(picture.data)) as kept, Image.open(io.BytesIO(data)) as before:
        assert (kept.format, kept.size, kept.mode) == ("JPEG", (640, 480), "RGB")
        assert abs(kept.getpixel((300, 400))[0] - before.getpixel((300, 400))[0]) < 6  # type: ignore[index]


HIDDEN = {
    "script in a comment": inserted(photo(), segment(0xFE, HTML)),
    "archive in a comment": inserted(photo(), segment(0xFE, archive())),
    "script in another application's data": inserted(photo(), segment(0xE5, HTML)),
    "script behind JFIF's name": inserted(photo(), segment(0xE0, b"JFIF\0" + HTML * 3)),
    "script in a text": png(9, 9, chunk(b"tEXt", b"Comment\0" + HTML)),
    "script in EXIF": photo(exif=exif(taken="<script>alert(1)</script>")),
    "archive after padding in a profile": inserted(photo(), segment(0xE2, b"ICC_PROFILE\0\1\1" + archive())),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_nothing_that_is_no_pixel_survives(what: str) -> None:
    kept = drawn_again(HIDDEN[what]).data
    assert not any(bad in kept for bad in (b"script", b"PK\3\4", b"PK\5\6", b"Exif", b"alert"))
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif() and set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}


def test_position_and_time_are_read_first_and_then_gone() -> None:
    picture = drawn_again(photo(exif=exif()))
    assert picture.exif.position is not None
    assert (picture.exif.position.latitude, picture.exif.position.longitude) == (-1_292_100, 36_821_900)
    assert picture.exif.at == 1_795_685_400_000_000  # 09:30 UTC
    assert picture.exif.local == 1_795_696_200_000_000
    assert b"Exif" not in picture.data


def test_the_satellites_time_is_taken_before_the_cameras() -> None:
    assert drawn_again(photo(exif=exif(gps_time=True))).exif.at == 1_795_685_405_000_000


def test_a_camera_without_an_offset_says_the_time_on_its_wall_only() -> None:
    found = drawn_again(photo(exif=exif(offset=""))).exif
    assert (found.at, found.local) == (None, 1_795_696_200_000_000)


def test_a_png_has_exif_too() -> None:
    assert drawn_again(photo(form="PNG", exif=exif())).exif.position is not None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_stands_upright_as_the_camera_said(orientation: int) -> None:
    data = photo(60, 40, exif=exif(orientation=orientation))
    picture = drawn_again(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(picture.data)) as kept:
        upright = ImageOps.exif_transpose(before)
        assert (picture.width, picture.height) == kept.size == upright.size
        for at in ((5, 5), (35, 5), (5, 35)):
            assert abs(kept.getpixel(at)[0] - upright.getpixel(at)[0]) < 12  # type: ignore[index]


def test_what_was_transparent_is_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(out, "PNG")
    with Image.open(io.BytesIO(drawn_again(out.getvalue()).data)) as kept:
        assert kept.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "RGB"])
def test_every_way_of_colours_is_read(mode: str) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").convert(mode).save(out, "PNG")
    assert drawn_again(out.getvalue()).width == 256


def test_a_large_one_is_made_smaller() -> None:
    picture = drawn_again(photo(KEPT_SIDE * 2 + 10, 300))
    assert (picture.width, picture.height) == (KEPT_SIDE, 150)


def test_the_shelf_keeps_each_once_for_its_owner_alone(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "photos")
    first, again = shelf.keep(photo(), "jpeg"), shelf.keep(inserted(photo(), segment(0xFE, b"another comment")))
    shelf.settle()
    assert first.sha256 == again.sha256 and first.original != again.original
    assert [path for path in (tmp_path / "photos").rglob("*") if path.is_file()] == [shelf.path(first.sha256)]
    assert stat.S_IMODE(shelf.path(first.sha256).stat().st_mode) == 0o600
    assert shelf.whole(first.sha256)
    shelf.path(first.sha256).write_bytes(b"another")
    assert not shelf.whole(first.sha256) and not shelf.whole("0" * 64)
    shelf.keep(photo())
    assert shelf.whole(first.sha256), "one that was damaged is written again when it comes again"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0" * 64, "A" * 64])
def test_the_shelf_has_nothing_but_digests(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Shelf(tmp_path).path(name)


def test_a_refused_one_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PhotoRefused, match="ends before the picture does"):
        Shelf(tmp_path / "photos").keep(photo()[:-200])
    assert not list(tmp_path.iterdir())


@settings(max_examples=150)
@given(st.sampled_from([photo(exif=exif()), photo(progressive=True), photo(form="PNG", exif=exif())]), st.data())
def test_any_damage_is_refused_or_drawn_and_nothing_else(data: bytes, draw: st.DataObject) -> None:
    broken = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(broken) - 1))
        broken[at : at + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=4))
        if not broken:
            break
    try:
        picture = drawn_again(bytes(broken))
    except PhotoRefused as error:
        assert error.code and str(error).startswith("the photo ")
    else:
        with Image.open(io.BytesIO(picture.data)) as kept:
            kept.load()
