"""What the checker should look at before a proof is accepted: flags, from one record and what is known beside it.

Every check is a pure function; the table at the end has them all. A flag decides nothing: people do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

import attrs

from ..model.moments import SECOND, local
from ..model.money import Money
from ..model.people import normal
from .photos.exif import Exif
from .places import Area, metres
from .record import ProofRecord

# A pay-out and those around it: this many seconds on either side.
AROUND = 300


@attrs.frozen
class Flag:
    """`code` is stable, `message` is for people, `values` are what it was raised on: numbers and texts."""

    code: str
    message: str
    values: Mapping[str, int | str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Tolerance:
    """What is still usual. Times in seconds, distances in metres; `pace` is pay-outs in 10 minutes.

    `accuracy`: the most that a phone's own doubt about its position counts in its favour.
    """

    clock: int = 600
    camera: int = 600
    camera_distance: int = 1_000
    accuracy: int = 200
    pace: int = 40


@attrs.frozen(kw_only=True)
class Known:
    """What the office knows beside the record. What is not known (None, empty) is not checked.

    `amount`, `currency`, `invoice`, `alternates` (names) are the pay list's line. `days` are ISO dates in `zone`, the
    point's. `officers` are of this point, the phone is `holder`'s. `around`: times (UTC microseconds) of the same
    officer's or device's other pay-outs within AROUND seconds. `same_photo` names the record that had the photo before,
    `photo` is "" (taken), "missing" or the code that refused it. `arrived_at` is our clock, `made_at` the phone's when
    it packed the archive; `live` when it was sent at that moment. `beneficiary` has reasons such as "dead" and
    "suspended". `signed`: by the key that the device has.
    """

    amount: int
    currency: str
    invoice: str = ""
    alternates: tuple[str, ...] = ()
    area: Area | None = None
    days: tuple[str, ...] = ()
    zone: tzinfo = UTC
    officers: tuple[str, ...] = ()
    holder: str = ""
    around: tuple[int, ...] = ()
    same_photo: str = ""
    photo: str = ""
    exif: Exif = attrs.field(factory=Exif)
    arrived_at: int | None = None
    made_at: int | None = None
    live: bool = False
    beneficiary: tuple[str, ...] = ()
    signed: bool | None = None
    tolerance: Tolerance = attrs.field(factory=Tolerance)


def flags_of(record: ProofRecord, known: Known) -> list[Flag]:
    """Every flag that is raised, in the order of the table."""
    return [flag for check in CHECKS for flag in check(record, known)]


def _unsigned(record: ProofRecord, known: Known) -> Iterator[Flag]:
    if known.signed is False:
        yield Flag("unsigned", f"did not come signed by the key of {record.device}", {"device": record.device})


def _altered(record: ProofRecord, known: Known) -> Iterator[Flag]:
    if not record.intact:
        yield Flag("altered", "the record's hash is not over what it says: it was altered")


def _amount(record: ProofRecord, known: Known) -> Iterator[Flag]:
    said, owed = Money(record.amount, record.currency), Money(known.amount, known.currency)
    expected = owed if record.paid else Money(0, known.currency)
    if said != expected:
        what = f"{said} handed out" if record.paid else f"{said} handed out, and not collected"
        yield Flag("amount", f"{what}; the list says {owed}", {"said": record.amount, "owed": known.amount})
    if known.invoice and record.invoice != known.invoice:
        yield Flag("invoice", f"names invoice {record.invoice}; the line is of {known.invoice}")


def _area(record: ProofRecord, known: Known) -> Iterator[Flag]:
    if known.area is None:
        return
    if record.position is None:
        if record.paid:
            yield Flag("no_position", "has no position")
        return
    doubt = record.position.accuracy
    out = known.area.outside_by(record.position) - min(doubt, known.tolerance.accuracy)
    if out > 0:
        yield Flag("outside_area", f"{out:,} m outside the point's area", {"metres": out})
    elif doubt > known.tolerance.accuracy:
        yield Flag("vague_position", f"the position is known to {doubt:,} m only", {"metres": doubt})


def _days(record: ProofRecord, known: Known) -> Iterator[Flag]:
    day = local(record.at, known.zone).date().isoformat()
    if known.days and day not in known.days:
        when = known.days[0] if len(known.days) == 1 else f"{known.days[0]} to {known.days[-1]}"
        yield Flag("outside_days", f"says {day}; the list is for {when}", {"day": day})


def _photo(record: ProofRecord, known: Known) -> Iterator[Flag]:
    if not record.paid:
        return
    if record.photo is None:
        yield Flag("no_photo", "has no photo")
    elif known.photo == "missing":
        yield Flag("photo_missing", "its photo did not come")
    elif known.photo:
        yield Flag("photo_refused", f"its photo was refused: {known.photo}", {"code": known.photo})
    if known.same_photo:
        yield Flag("same_photo", f"the same photo as {known.same_photo}", {"record": known.same_photo})


def _pace(record: ProofRecord, known: Known) -> Iterator[Flag]:
    near = 1 + sum(abs(at - record.at) <= AROUND * SECOND for at in known.around)
    if record.paid and near > known.tolerance.pace:
        yield Flag("pace", f"one of {near} pay-outs within 10 minutes", {"count": near})


def _officer(record: ProofRecord, known: Known) -> Iterator[Flag]:
    if known.officers and not _named(record.officer, known.officers):
        yield Flag("officer", f"{record.officer} is no officer of this point", {"officer": record.officer})
    if known.holder and not _named(record.officer, (known.holder,)):
        yield Flag("holder", f"{record.officer} wrote it, on {known.holder}'s phone", {"holder": known.holder})


def _recipient(record: ProofRecord, known: Known) -> Iterator[Flag]:
    if record.recipient is not None and record.paid and not _named(record.recipient.name, known.alternates):
        who = f"{record.recipient.name} ({record.recipient.relation})"
        yield Flag("recipient", f"taken by {who}, whom the list does not name", {"name": record.recipient.name})


def _named(name: str, known: tuple[str, ...]) -> bool:
    return _folded(name) in set(map(_folded, known))


def _folded(name: str) -> str:
    """One spelling for each person; what can be nobody's name is taken as it is."""
    try:
        return normal(name)
    except ValueError:
        return name


def _clock(record: ProofRecord, known: Known) -> Iterator[Flag]:
    """A record comes after it is made. One that was carried for days came late: only a live phone can be behind."""
    if known.arrived_at is None:
        return
    packed = record.at if known.made_at is None else known.made_at
    off = packed - known.arrived_at if known.live else max(0, packed - known.arrived_at, record.at - known.arrived_at)
    yield from _off("clock", "the phone's clock is", off, known.tolerance.clock)
    if known.made_at is not None and record.at - known.made_at > known.tolerance.clock * SECOND:
        yield Flag("later_than_sent", "says a time after that at which the phone packed it")


def _camera(record: ProofRecord, known: Known) -> Iterator[Flag]:
    taken, exif = known.exif.at, known.exif
    if taken is None and exif.local is not None:
        offset = datetime.fromtimestamp(record.at / SECOND, known.zone).utcoffset() or timedelta()
        taken = exif.local - round(offset.total_seconds()) * SECOND
    if taken is not None:
        yield from _off("camera_time", "the photo was taken", taken - record.at, known.tolerance.camera)
    if exif.position is not None and record.position is not None:
        apart = metres(exif.position, record.position)
        if apart > known.tolerance.camera_distance:
            yield Flag("camera_position", f"the photo was taken {apart:,} m from there", {"metres": apart})


def _off(code: str, what: str, off: int, tolerance: int) -> Iterator[Flag]:
    if abs(off) > tolerance * SECOND:
        seconds = abs(off) // SECOND
        amount = f"{seconds // 86_400:,} days" if seconds > 172_800 else f"{seconds // 60:,} minutes"
        yield Flag(code, f"{what} {amount} {'ahead' if off > 0 else 'behind'}", {"seconds": off // SECOND})


def _beneficiary(record: ProofRecord, known: Known) -> Iterator[Flag]:
    if record.paid:
        for reason in known.beneficiary:
            yield Flag("beneficiary", f"the beneficiary is flagged: {reason}", {"reason": reason})


CHECKS: tuple[Callable[[ProofRecord, Known], Iterator[Flag]], ...] = (
    _unsigned, _altered, _amount, _area, _days, _photo, _pace, _officer, _recipient, _clock, _camera, _beneficiary,
)  # fmt: skip
# Every code, with what people do about it.
CODES: Mapping[str, str] = {
    "unsigned": "ask where the archive came from; have the phone send it again",
    "altered": "compare with the paper; ask why the application wrote it",
    "amount": "compare with the signed list and the cash that was returned",
    "invoice": "find the line that was meant",
    "no_position": "ask where it was; the phone's positioning may have been off",
    "outside_area": "ask where it was; correct the point's area where it is wrong",
    "vague_position": "look at the photo and at records around it",
    "outside_days": "ask why another day; look at the phone's clock",
    "no_photo": "take the signed list as proof, or do not accept",
    "photo_missing": "have the phone send it again",
    "photo_refused": "have it taken or sent again as a plain JPEG",
    "same_photo": "look at both: one of them is no proof",
    "pace": "look at the photos around it: records may have been made at a desk",
    "officer": "ask who paid; add the officer to the point where that is right",
    "holder": "ask who had the phone; correct whose it is where that is wrong",
    "recipient": "ask for the relation's proof",
    "clock": "set the phone's clock; times of its records are off alike",
    "later_than_sent": "the phone's clock was moved: look at the device's other records",
    "camera_time": "ask whether the photo is of this pay-out",
    "camera_position": "ask whether the photo is of this pay-out",
    "beneficiary": "find out who took the money",
}
