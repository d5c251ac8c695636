"""What speaks against a record: the flags that a checker sees, and must overrule one by one, with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.moments import SECOND
from ..model.payment import Objection, Payment
from ..model.states import UNPAID
from ..store import Store, cash, document_lines, files, parcels, proofs
from ..store import cash_tables as c
from ..store.database import Record
from ..store.payments import as_payment
from .flags import AROUND, Known, flags_of
from .photos import Exif
from .places import Area
from .record import Position, ProofRecord
from .record_json import record_of
from .stations import Point, point

_q = c.proofs.c


@attrs.frozen
class ProofView:
    """A record of a phone for a checker. `id` is its hash; amounts in minor units, times in UTC microseconds.

    `kind` is paid or not_collected, `decision` is '', accepted or rejected; `flags` as they are now, or were then.
    """

    id: str
    kind: str
    list: str
    payment: str
    invoice: str
    amount: int
    currency: str
    device: str
    number: int
    officer: str
    given_by: str
    at: int
    received_at: int
    recipient: str
    photo: str
    flags: tuple[str, ...]
    decision: str
    decided_by: str
    why: str


@attrs.frozen
class Paper:
    """What a list said when it was issued: its days, and who else may take the money of which line."""

    days: tuple[str, ...] = ()
    alternates: Mapping[int, tuple[str, ...]] = attrs.field(factory=dict)


@attrs.frozen
class Reviewer:
    """Whoever looks at proofs. `zones`: {channel: its points' time zone}; `asks`: the host's policies, about payments.

    Lists are read once each.
    """

    store: Store
    zones: Mapping[str, tzinfo]
    asks: Callable[[Sequence[Payment]], list[tuple[str, Objection]]]
    _papers: dict[str, Paper] = attrs.field(factory=dict)

    def listed(self, name: str, after: str, size: int, undecided: bool) -> list[ProofView]:
        """See Paymaster.proofs."""
        with self.store.read() as connection:
            document = cash.find(connection, name)
            rows = proofs.of_list(connection, document.id, after, size, undecided=undecided)
        flags = self.flags(document, [row for row in rows if not row.decision])
        return [_view(row, document, flags) for row in rows]

    def flags(self, document: Record, rows: Sequence[Record]) -> dict[str, list[str]]:
        """{record: its flags} of a page of records of one list, as they are now."""
        taken = {row.photo for row in rows if row.photo}
        with self.store.read() as connection:
            lines = document_lines.payments(connection, {row.payment for row in rows if row.payment})
            page = _Page(
                lines, proofs.photographed(connection, taken), parcels.photos(connection, taken),
                _beside(connection, [row.payment for row in rows]), _absent(connection, rows),
                _around(connection, rows),
                parcels.ahead(connection, {row.answer for row in rows}),
                parcels.signers(connection, {row.signed for row in rows}),
                cash.places(connection, cash.DEVICE),
                point(connection, cash.point_of(connection, document.id)),
            )  # fmt: skip
        said: dict[str, list[str]] = {}
        for payment, objection in self.asks([as_payment(line) for line in lines.values()]):
            said.setdefault(payment, []).append(objection.code)
        return {row.id: self._of(row, document, page, tuple(said.get(row.payment, ()))) for row in rows}

    def _of(self, row: Record, document: Record, page: _Page, beneficiary: tuple[str, ...]) -> list[str]:
        line, record = page.lines.get(row.payment), record_of(row.body.encode())
        if line is None:
            return ["unknown_line: it names no line of ours"]
        known = page.known(row, record, line)
        paper = self._paper(document)
        known = attrs.evolve(
            known, days=paper.days, zone=self.zones.get(document.channel, UTC), beneficiary=beneficiary,
            alternates=paper.alternates.get(record.line, ()),
        )  # fmt: skip
        flags = [f"{flag.code}: {flag.message}" for flag in flags_of(record, known)]
        return [*flags, *page.about_the_line(row, line)]

    def _paper(self, document: Record) -> Paper:
        if document.id not in self._papers:
            said = json.loads(b"".join(files.read(self.store, document.sha256)))
            alternates = {
                line["number"]: tuple(one["name"] for one in line["alternates"])
                for line in said["lines"] if line.get("alternates")
            }  # fmt: skip
            self._papers[document.id] = Paper(tuple(said["days"]), alternates)
        return self._papers[document.id]


@attrs.frozen
class _Page:
    """What the store knows beside a page of records."""

    lines: Mapping[str, Record]
    same: Mapping[str, Sequence[str]]
    photos: Mapping[str, Record]
    beside: Mapping[str, int]
    absent: set[str]
    around: Mapping[str, tuple[int, ...]]
    ahead: Mapping[str, int]
    signers: Mapping[str, set[str]]
    devices: Mapping[str, Mapping[str, str]]
    point: Point | None

    def known(self, row: Record, record: ProofRecord, line: Record) -> Known:
        """For the checks of one record."""
        ahead, photo, where = self.ahead.get(row.answer), self.photos.get(row.photo), self.point
        centre = Position(latitude=where.latitude, longitude=where.longitude) if where and where.radius else None
        others = [one for one in self.same.get(row.photo, ()) if one != row.id]
        return Known(
            amount=line.amount, currency=line.currency, invoice=line.invoice,
            area=Area(centre=centre, radius=where.radius) if where and centre else None,
            officers=where.officers if where else (),
            holder=self.devices.get(row.device, {}).get("officer", ""), around=self.around.get(row.id, ()),
            same_photo=others[0][:12] if others else "",
            photo="" if photo and not photo.refused else photo.refused if photo else "missing",
            exif=_exif(photo), arrived_at=row.received_at,
            made_at=None if ahead is None else row.received_at + ahead,
        )  # fmt: skip

    def about_the_line(self, row: Record, line: Record) -> Iterator[str]:
        """What no single record shows."""
        if line.attempt != row.attempt or line.state in UNPAID:
            yield f"late: the payment is {line.state} by now, or on another list"
        if self.beside.get(row.payment, 0) > 1:
            yield "second_record: the pay-out of this payment was recorded more than once"
        if row.payment in self.absent:
            yield "not_collected: another record says that nobody took it"
        device = self.devices.get(row.device)
        if self.devices and device is None:
            yield "device: it is none of those that are known"
        elif device and device.get("key") and device["key"] not in self.signers.get(row.signed, ()):
            yield "unsigned: it came without a signature by its device's key"


def _exif(photo: Record | None) -> Exif:
    if photo is None:
        return Exif()
    where = None if photo.latitude is None else Position(latitude=photo.latitude, longitude=photo.longitude)
    return Exif(position=where, at=photo.at, local=photo.local)


def _view(row: Record, document: Record, flags: Mapping[str, Sequence[str]]) -> ProofView:
    record = record_of(row.body.encode())
    recipient = f"{record.recipient.name} ({record.recipient.relation})" if record.recipient else ""
    said = tuple(flags[row.id]) if row.id in flags else tuple(json.loads(row.flags or "[]"))
    return ProofView(
        row.id, row.kind, cash.code_of(document), row.payment, record.invoice, row.amount, row.currency, row.device,
        row.number, row.officer, row.by, row.at, row.received_at, recipient, row.photo, said, row.decision,
        row.decided_by, row.why,
    )  # fmt: skip


def _beside(connection: Connection, payments: Sequence[str]) -> dict[str, int]:
    """How many records of a pay-out of each payment there are that nobody rejected."""
    query = (
        sa.select(_q.payment, sa.func.count().label("records"))
        .where(_q.payment.in_(payments), _q.kind == "paid", _q.decision != "rejected")
        .group_by(_q.payment)
    )
    return {row.payment: row.records for row in connection.execute(query)} if payments else {}


def _absent(connection: Connection, rows: Sequence[Record]) -> set[str]:
    """Those of their payments of which a record says that nobody took them."""
    query = sa.select(_q.payment).where(_q.payment.in_({row.payment for row in rows}), _q.kind != "paid")
    return set(connection.execute(query).scalars()) if rows else set()


def _around(connection: Connection, rows: Sequence[Record]) -> dict[str, tuple[int, ...]]:
    """Times of each record's device's other pay-outs just before and after it."""
    found: dict[str, tuple[int, ...]] = {}
    for row in rows:
        near = (_q.at >= row.at - AROUND * SECOND, _q.at <= row.at + AROUND * SECOND)
        query = sa.select(_q.at).where(_q.device == row.device, _q.kind == "paid", _q.id != row.id, *near).limit(200)
        found[row.id] = tuple(connection.execute(query).scalars())
    return found
