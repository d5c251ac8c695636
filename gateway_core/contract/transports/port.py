"""The port: put a file, look whether it is there, list what came, fetch it, put it away.

A bank that parks a file until it is told to carry it out has a sixth verb, `approve`.

Its methods are called on a helper thread, one at a time per channel. They block, and bound their own time. What they
raise is an Unknown: of a put that ends so, nobody knows whether the bank has the file.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import attrs

from ..replies import Done, NotFound, Reply, Unknown


@attrs.frozen
class Parcel:
    """A file to be put. `read()` gives its bytes, from the beginning, each time anew; `key` is the document's id."""

    name: str
    sha256: str
    size: int
    key: str
    read: Callable[[], Iterator[bytes]] = attrs.field(repr=False)


@attrs.frozen
class NotSent:
    """Proven: under its name the file is not at the bank, and no part of it can still become so. Nothing else is."""

    why: str = ""


@attrs.frozen
class Occupied:
    """Another file lies under this name. Ours is never put beside it: people must look."""

    why: str = ""


@attrs.frozen
class Parked:
    """The bank has these very bytes under a `reference` of its own, and pays nobody before `approve` says so."""

    reference: str


@attrs.frozen
class Handed:
    """A file that was handed over and of which a line is still open. `key` is the document's id."""

    name: str
    key: str
    reference: str


@attrs.frozen
class Ref:
    """A file from the bank. `mark` changes when its content may have (size and time, an ETag)."""

    name: str
    mark: str = ""


# A Reply (HTTP) is read by the gateway's `parse_response`. A probe's NotFound proves nothing: the bank may have
# collected the file.
Put: TypeAlias = Done | NotSent | Unknown | Occupied | Parked | Reply
Probed: TypeAlias = Done | NotSent | NotFound | Unknown | Occupied | Parked | Reply


class Transport(abc.ABC):
    """One way to one bank. `address` says where it leads: it is a part of what is approved (law 5)."""

    address: str

    @abc.abstractmethod
    def put(self, parcel: Parcel) -> Put:
        """Hand the file over under its name, whole or not at all; never over another file. Three outcomes:
        done (on the bank's disk), not sent (proven), unknown (everything else).
        """

    @abc.abstractmethod
    def probe(self, parcel: Parcel) -> Probed:
        """Is the file there, with these very bytes? Changes nothing."""

    def approve(self, parcel: Parcel, reference: str) -> Put:
        """Let the bank carry out what it parked under `reference`. Told twice, it must carry it out once.

        Outcomes as for a put; not sent says that the bank was provably not told. Only after `Parked` is it called.
        """
        return Unknown(f"{type(self).__name__} parks nothing, and so cannot approve {reference}")

    def watch(self, handed: Sequence[Handed]) -> None:
        """Told before each `list`: a bank that keeps its answers per file is asked about these."""
        return

    @abc.abstractmethod
    def list(self) -> Iterable[Ref]:
        """Files from the bank that are complete and not put away yet."""

    @abc.abstractmethod
    def fetch(self, ref: Ref) -> Iterator[bytes]:
        """The bytes of one of them. Raises OSError when it changed meanwhile."""

    @abc.abstractmethod
    def archive(self, ref: Ref) -> None:
        """Put it away, so that it is not listed again; it is never deleted where the bank keeps nothing."""

    def close(self) -> None:
        """Let go of connections. It may be used again afterwards."""
        return
