"""A file from the bank, whatever it is: known by what it begins with, read into words by the reader of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from ..accounts import Ours
from ..profile import Profile
from . import cancellation
from .entries import Said, Statements
from .iso import parts
from .mt940 import Messages
from .rows import Rows
from .safe import CHUNK, Refused, pieces
from .status import Report

Opens = Callable[[], BinaryIO]


def words(open_file: Opens, profile: Profile, ours: Ours) -> Iterator[Said]:
    """Everything that it says. Raises Refused, at the latest at its end: nothing of it may be believed before."""
    with open_file() as file:
        begins = next(pieces(file, profile.answers.largest), b"")[:CHUNK]
    kind = _kind(begins)
    if kind not in ("xml", *profile.answers.formats):
        raise Refused(f"a file of the kind {kind}, which the bank's profile does not list")
    with open_file() as file:
        yield from _READERS[kind](file, profile, ours)


def _kind(begins: bytes) -> str:
    text = begins[:4096].decode("latin-1").lstrip("\xef\xbb\xbf\xff\xfe \r\n\t\0")
    if text.startswith("<"):
        return "xml"
    if text.startswith(("{1:", ":20:", "{4:")) or "\n:20:" in text[:400]:
        return "mt942" if ":34F:" in text or ":13D:" in text else "mt940"
    return "csv"


def _xml(file: BinaryIO, profile: Profile, ours: Ours) -> Iterator[Said]:
    stream = parts(file, profile.answers.largest)
    try:
        head = next(stream)
    except StopIteration:
        raise Refused("it is empty") from None
    kind = head[1]["kind"]
    if kind not in profile.answers.formats:
        raise Refused(f"a {kind}, which the bank's profile does not list")

    def again() -> Iterator[tuple[str, dict[str, object]]]:
        yield head
        yield from stream

    if kind == "camt.029":
        yield from cancellation.words(again())
    else:
        yield from (Report(profile) if kind == "pain.002" else Statements(profile, ours)).words(again())


def _mt(kind: str) -> Callable[[BinaryIO, Profile, Ours], Iterator[Said]]:
    return lambda file, profile, ours: Messages(profile, ours, kind).words(file)


def _csv(file: BinaryIO, profile: Profile, ours: Ours) -> Iterator[Said]:
    if profile.csv is None:
        raise Refused("a CSV file, and the bank's profile has no section [csv]")
    return Rows(profile, ours, profile.csv).words(file)


_READERS: dict[str, Callable[[BinaryIO, Profile, Ours], Iterator[Said]]] = {
    "xml": _xml, "mt940": _mt("mt940"), "mt942": _mt("mt942"), "csv": _csv,
}  # fmt: skip
