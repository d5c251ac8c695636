"""The phone's archives: what was written is read, and whatever was changed or is hostile is refused."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_core.cash.phone import Device, Parcel, ParcelRefused, open_records, read_list, write_list, write_records
from gateway_core.cash.phone.signed import base64_key
from gateway_core.cash.photos import PhotoRefused
from gateway_core.cash.record import PhotoRef, ProofRecord, sealed
from gateway_core.cash.record_json import record_of
from gateway_core.model.identity import canonical
from tests.cash.alone import judged
from tests.cash.lists import MORNING, pay_list, records

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64_key(KEY.public_key())


def sent(tmp_path: Path, count: int = 3, key: Ed25519PrivateKey | None = KEY) -> Path:
    """An archive of records."""
    device, path = Device("phone-1"), tmp_path / "sent.zip"
    made, photos = records(count, device)
    write_records(path, "example-grants", device, made, photos, MORNING, key)
    return path


def refusal(path: Path) -> str:
    """The code of the first mistake."""
    with pytest.raises(ParcelRefused) as caught, open_records(path) as parcel:
        list(parcel.records())
    return caught.value.mistakes[0].code


def repacked(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The archive with its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def rewritten(path: Path, lines: list[bytes], **manifest: object) -> Path:
    """The archive, unsigned, with these lines, and a manifest that agrees with them but for what is given."""

    def change(parts: dict[str, bytes]) -> None:
        del parts["signature.json"]
        data = parts["records.jsonl"] = b"".join(line + b"\n" for line in lines)
        said = orjson.loads(parts["manifest.json"])
        said["parts"] = {"records.jsonl": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}}
        parts["manifest.json"] = canonical({**said, "count": len(lines), **manifest})

    return repacked(path, change)


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_list(tmp_path / "list.zip", pay_list(), KEY)
    write_list(tmp_path / "again.zip", pay_list(), KEY)
    assert read_list(tmp_path / "list.zip") == (pay_list(), PUBLIC)
    assert (tmp_path / "list.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


@settings(max_examples=40)
@given(st.lists(st.text("Añخالመጀ‌-', \u00a0\t"), min_size=1, max_size=5), st.booleans())
def test_any_names_go_to_the_phone_and_come_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], signed: bool
) -> None:
    path = tmp_path_factory.mktemp("lists") / "list.zip"
    listed = pay_list(names=tuple(names))
    write_list(path, listed, KEY if signed else None)
    assert read_list(path) == (listed, PUBLIC if signed else "")


@pytest.mark.parametrize("name", ["list.json", "lines.jsonl", "manifest.json", "signature.json"])
def test_a_changed_list_is_refused(name: str, tmp_path: Path) -> None:
    write_list(tmp_path / "list.zip", pay_list(), KEY)

    def change(parts: dict[str, bytes]) -> None:
        parts[name] = parts[name].replace(b"1", b"2", 1)

    with pytest.raises(ParcelRefused):
        read_list(repacked(tmp_path / "list.zip", change))


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    made, photos = records(5)
    with open_records(sent(tmp_path, 5)) as parcel:
        assert list(parcel.records()) == made == list(parcel.records())
        assert (parcel.device, parcel.deployment, parcel.count, parcel.last) == ("phone-1", "example-grants", 5, 5)
        assert (parcel.head, parcel.signer, parcel.made_at) == (made[-1].hash, PUBLIC, MORNING)
        found = {record.photo.sha256: parcel.photo(record.photo) for record in made if record.photo}
        assert found == photos
        assert parcel.photo(PhotoRef(sha256="0" * 64, format="png")) is None
    assert all(record.intact for record in made)


def test_a_folder_is_read_as_the_archive_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(sent(tmp_path)) as archive:
        archive.extractall(tmp_path / "folder")
    with open_records(tmp_path / "folder") as folder, open_records(tmp_path / "sent.zip") as parcel:
        assert list(folder.records()) == list(parcel.records())
        assert [folder.photo(one.photo) for one in parcel.records() if one.photo] != [None, None]


def test_a_folder_has_no_links(tmp_path: Path) -> None:
    with zipfile.ZipFile(sent(tmp_path)) as archive:
        archive.extractall(tmp_path / "folder")
    (tmp_path / "folder" / "records.jsonl").rename(tmp_path / "elsewhere")
    (tmp_path / "folder" / "records.jsonl").symlink_to(tmp_path / "elsewhere")
    assert refusal(tmp_path / "folder") == "not_plain"


def test_an_unsigned_archive_has_no_signer(tmp_path: Path) -> None:
    with open_records(sent(tmp_path, key=None)) as parcel:
        assert parcel.signer == ""


def test_another_key_is_seen_by_its_name(tmp_path: Path) -> None:
    with open_records(sent(tmp_path, key=Ed25519PrivateKey.generate())) as parcel:
        assert parcel.signer not in ("", PUBLIC)


def test_a_photograph_that_was_exchanged_is_refused_alone(tmp_path: Path) -> None:
    path = sent(tmp_path)

    def change(parts: dict[str, bytes]) -> None:
        name = next(name for name in parts if name.startswith("photos/"))
        parts[name] += b"more"

    with open_records(repacked(path, change)) as parcel:
        first = next(parcel.records())
        assert first.photo is not None
        with pytest.raises(PhotoRefused, match="is not the one that its record names"):
            parcel.photo(first.photo)


def _link(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("list.json")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")


def _named(name: str, data: bytes = b"x", how: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], None]:
    def add(path: Path) -> None:
        with zipfile.ZipFile(path, "a", how) as archive:
            archive.writestr(name, data)

    return add


def _twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("records.jsonl", b"{}")


def _many(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for n in range(45_000):
            archive.writestr(f"photos/{n:064x}.jpg", b"")


def _over_each_other(path: Path) -> None:
    """Many entries of the directory that name the same bytes."""
    data = b"".join(bytes([n % 251]) for n in range(1_000_000))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("records.jsonl", data)
        for n in range(500):
            info = zipfile.ZipInfo(f"photos/{n:064x}.jpg")
            info.file_size, info.compress_size, info.header_offset = len(data), len(data), 0
            info.CRC = 0
            archive.filelist.append(info)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _no_manifest(path: Path) -> None:
    repacked(path, lambda parts: parts.pop("manifest.json"))


def _encrypted(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(data)


HOSTILE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a bomb": ("bomb", _named("list.json", bytes(50 << 20))),
    "parts over each other": ("bomb", _over_each_other),
    "too many parts": ("bomb", _many),
    "a climbing name": ("climbing_name", _named("../../etc/cron.d/x")),
    "a climbing name of Windows": ("climbing_name", _named("photos\\..\\..\\x")),
    "a root": ("climbing_name", _named("/etc/passwd")),
    "a drive": ("climbing_name", _named("C:x")),
    "a stranger": ("stray_part", _named("photos/run.exe")),
    "a folder too deep": ("stray_part", _named("photos/a/b.jpg")),
    "a link": ("not_plain", _link),
    "one name twice": ("twice", _twice),
    "one name twice, in capitals": ("twice", _named("RECORDS.jsonl")),
    "packed in an unusual way": ("broken_archive", _named("list.json", how=zipfile.ZIP_LZMA)),
    "cut off": ("broken_archive", _cut),
    "encrypted": ("encrypted", _encrypted),
    "no archive": ("broken_archive", lambda path: path.write_bytes(b"PK no")),
    "nothing": ("broken_archive", lambda path: path.write_bytes(b"")),
    "no manifest": ("missing_part", _no_manifest),
}


@pytest.fixture(scope="module")
def judged_alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each case."""
    honest = sent(tmp_path_factory.mktemp("honest")).read_bytes()

    def made(change: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda path: (path.write_bytes(honest), change(path))

    cases = {name: made(change) for name, (_, change) in HOSTILE.items()}
    return judged("archive", tmp_path_factory.mktemp("archives"), {**cases, "honest": made(Path.exists)})


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_within_limits(what: str, judged_alone: dict[str, str]) -> None:
    assert judged_alone[what] == HOSTILE[what][0]
    assert judged_alone["honest"] == "taken 3"


LINES = [canonical(attrs.asdict(r, filter=lambda _, v: v not in (None, ""))) for r in records(3)[0]]
NESTED = b'{"amount":' + b"[" * 8_000 + b"]" * 8_000 + b"}"
BROKEN: dict[str, bytes] = {
    "nested": NESTED,
    "no object": b"[]",
    "no JSON": b"{",
    "nothing": b"",
    "a field twice": LINES[0].replace(b'"amount":', b'"amount":1,"amount":', 1),
    "spaces": LINES[0].replace(b",", b", "),
    "an escape": LINES[0].replace(b"amina", b"\\u0061mina"),
    "a fraction": LINES[0].replace(b'"amount":150001', b'"amount":150001.0'),
    "a huge number": LINES[0].replace(b'"amount":150001', b'"amount":' + b"9" * 400),
    "beyond what is exact": LINES[0].replace(b'"amount":150001', b'"amount":9007199254740992'),
    "a sign": LINES[0].replace(b'"amount":150001', b'"amount":-150001'),
    "true": LINES[0].replace(b'"amount":150001', b'"amount":true'),
    "text": LINES[0].replace(b'"amount":150001', b'"amount":"150001"'),
    "a strange field": LINES[0].replace(b'"amount"', b'"amounts"'),
    "a strange kind": LINES[0].replace(b'"paid"', b'"paid!"'),
    "a place elsewhere": LINES[0].replace(b'"latitude":352700', b'"latitude":90000001'),
    "half a place": LINES[0].replace(b',"longitude":37583100', b""),
    "controls": LINES[0].replace(b"amina", b"ami\\u0000na"),
    "bytes": LINES[0].replace(b"amina", b"ami\xff\xfena"),
    "half a character": LINES[0].replace(b"amina", b"ami\\ud800na"),
    "a line without end": LINES[0].replace(b"amina", b"a" * 20_000),
    "a climbing photo": LINES[0].replace(b'"sha256":"', b'"sha256":"../../'),
    "another device": LINES[0].replace(b"phone-1", b"phone-2"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_record_is_refused_with_its_line(what: str, tmp_path: Path) -> None:
    path = rewritten(sent(tmp_path), [LINES[0], BROKEN[what], LINES[2]])
    with pytest.raises(ParcelRefused) as caught, open_records(path):
        raise AssertionError("it was opened")
    assert caught.value.mistakes[0].line == 2 and caught.value.mistakes[0].code == "broken_record"
    assert len(str(caught.value)) < 600


def test_all_mistakes_are_told_at_once_and_no_more_than_are_read(tmp_path: Path) -> None:
    path = rewritten(sent(tmp_path), [LINES[0], *[b"{}"] * 250])
    with pytest.raises(ParcelRefused, match="250 mistakes") as caught, open_records(path):
        pass
    assert len(caught.value.mistakes) == 100 and caught.value.more == 150


@pytest.mark.parametrize("order", [(1, 0), (0, 0)])
def test_records_rise(order: tuple[int, ...], tmp_path: Path) -> None:
    assert refusal(rewritten(sent(tmp_path), [LINES[n] for n in order])) == "broken_record"


@pytest.mark.parametrize(
    "said", [{"count": 2}, {"count": 4}, {"last": 2}, {"made_at": "now"}, {"more": 1}, {"head": ""}, {"device": ""}]
)
def test_a_manifest_that_does_not_fit_is_refused(said: dict[str, object], tmp_path: Path) -> None:
    assert refusal(rewritten(sent(tmp_path), LINES, **said)) in ("broken_manifest", "broken_record")


@pytest.mark.parametrize("depth", [200, 300, 900, 1_000, 1_020, 1_100, 20_000])
@pytest.mark.parametrize("name", ["manifest.json", "signature.json"])
def test_nesting_is_refused_at_any_depth(name: str, depth: int, tmp_path: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts[name] = b'{"key":' + b"[" * depth + b"]" * depth + b"}"

    assert refusal(repacked(sent(tmp_path), change)) in ("not_canonical", "wrong_format", "wrong_signature")


def test_what_was_altered_after_signing_is_refused(tmp_path: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts["records.jsonl"] = parts["records.jsonl"].replace(b"amina", b"admin")

    assert refusal(repacked(sent(tmp_path), change)) == "altered_part"


@settings(max_examples=150)
@given(st.integers(0, 100_000), st.binary(max_size=3), st.integers(0, 3))
def test_any_damage_is_refused_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes, cut: int
) -> None:
    path = sent(tmp_path_factory.mktemp("damaged"))
    data = path.read_bytes()
    at %= len(data)
    path.write_bytes(data[:at] + put + data[at + cut :])
    try:
        with open_records(path) as parcel:
            assert list(parcel.records()) == records(3)[0]
            for record in parcel.records():
                if record.photo is not None:
                    _whole(parcel, record.photo)
    except ParcelRefused as error:
        assert error.mistakes[0].code


def _whole(parcel: Parcel, photo: PhotoRef) -> None:
    try:
        data = parcel.photo(photo)
    except PhotoRefused:
        return
    assert data is None or hashlib.sha256(data).hexdigest() == photo.sha256


def test_a_signature_of_another_is_refused(tmp_path: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        said = json.loads(parts["signature.json"])
        said["key"] = base64_key(Ed25519PrivateKey.generate().public_key())
        parts["signature.json"] = canonical(said)

    assert refusal(repacked(sent(tmp_path), change)) == "wrong_signature"


def test_a_list_is_no_archive_of_records(tmp_path: Path) -> None:
    write_list(tmp_path / "list.zip", pay_list(), KEY)
    assert refusal(tmp_path / "list.zip") == "wrong_format"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        record_of(line)


def test_the_hash_is_over_every_field() -> None:
    first = records(1)[0][0]
    other: dict[str, Any] = {"kind": "not_collected", "position": None, "photo": None, "recipient": None, "reason": "x"}
    for field in attrs.fields(ProofRecord):
        if field.name == "hash" or (value := other.get(field.name, _other(getattr(first, field.name)))) is None:
            continue
        changed = attrs.evolve(first, **{field.name: value})
        assert not changed.intact, field.name
        assert sealed(changed).hash != first.hash


def _other(value: object) -> Any:
    return value + 1 if isinstance(value, int) else f"{value}x" if isinstance(value, str) else None
