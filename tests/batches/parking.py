"""A bank that parks what it gets until it is told to carry it out. All that it knows lies in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway_core.contract import Ask, Done, NotFound, NotTaken, Refused, Reply, Unknown, Verdict
from gateway_core.contract.transports import (
    DirectoryTransport,
    Handed,
    NotSent,
    Parcel,
    Parked,
    Probed,
    Put,
    Transport,
)

from .gateway import CsvBank


class Parking(DirectoryTransport):
    """Files are put into `parked` beside the outbox; an approval puts them into the outbox, once.

    `script` says what becomes of the next approvals: done, unsent, silence (it was not told), lost (it was), raises, or
    a status that the gateway reads.
    """

    def __init__(self, outbox: Path, inbox: Path) -> None:
        parked = outbox.parent / "parked"
        parked.mkdir(exist_ok=True)
        super().__init__(parked, inbox, quiet=0.0)
        self.real = DirectoryTransport(outbox, inbox, quiet=0.0)
        self.script: list[str] = []
        self.told: list[str] = []
        self.watched: list[Handed] = []
        self.before_approval: Callable[[], object] = lambda: None
        self.reference = "B-{}".format

    def put(self, parcel: Parcel) -> Put:
        said = super().put(parcel)
        return Reply(202, {}, b"{}") if isinstance(said, Done) else said

    def probe(self, parcel: Parcel) -> Probed:
        said = super().probe(parcel)
        if not isinstance(said, Done):
            return said
        return Done({"reference": f"B-{parcel.name}"}) if self._mark(parcel).exists() else self._parked(parcel)

    def _parked(self, parcel: Parcel) -> Parked:
        return Parked(self.reference(parcel.name))

    def _mark(self, parcel: Parcel) -> Path:
        return self.outbox / f".{parcel.name}.approved"

    def approve(self, parcel: Parcel, reference: str) -> Put:
        self.told.append(reference)
        self.before_approval()
        what = self.script.pop(0) if self.script else "done"
        if what in ("done", "lost") and not self._mark(parcel).exists():
            assert reference == f"B-{parcel.name}"
            self._mark(parcel).touch()
            self.real.put(parcel)
        match what:
            case "done":
                return Done()
            case "unsent":
                return NotSent("refused")
            case "raises":
                raise RuntimeError("the cable")
            case "lost" | "silence":
                return Unknown("reset")
        return Reply(int(what), {}, b"{}")

    def watch(self, handed: object) -> None:
        self.watched = list(handed)  # type: ignore[call-overload]


class ParkingBank(CsvBank):
    """The CSV bank, in two steps."""

    name = "parking_bank"
    _transport: Parking | None = None

    def transport(self) -> Transport:
        return self.way

    @property
    def way(self) -> Parking:
        if self._transport is None:
            self._transport = Parking(Path(self.settings.outbox), Path(self.settings.inbox))
        return self._transport

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        if reply.status == 429:
            return NotTaken(0.02)
        if reply.status == 422:
            return Refused("no_cover", "the account has not enough")
        if reply.status == 401:
            return Refused("unauthorised", stops_channel=True)
        return NotFound() if reply.status == 410 else super().parse_response(ask, reply)
