"""Payment points and the managers who run them: said by named people, and held against a payroll before it goes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..contract.hookspecs import hookimpl
from ..model.accounts import AccountError, parse_account
from ..model.errors import InvalidPayroll, Mistake
from ..model.money import Money, decimals
from ..model.payment import Objection, Payment
from ..model.states import SENDS, UNSENT
from ..store import Store, cash
from ..store import tables as t

KINDS = ("person", "organisation", "provider")
DEGREE = 1_000_000
# What a point is still to pay. Unknown: the last day of its list is over.
TO_PAY = UNSENT | {"sending", "pending"}
_p = t.payments.c


@attrs.frozen(kw_only=True)
class Manager:
    """Who runs payment points: a person, an organisation, or a provider such as a mobile operator."""

    code: str
    name: str
    kind: str = "person"
    contact: str = ""


@attrs.frozen(kw_only=True)
class Device:
    """A phone. `key`: the Ed25519 public key (base64) that signs what it sends; '': nothing of it need be signed."""

    code: str
    officer: str = ""
    key: str = ""


@attrs.frozen(kw_only=True)
class Point:
    """A payment point. `officers` may pay out there (none: everybody). `groups`, `locations`: the host's names.

    `latitude` and `longitude` in millionths of a degree, `radius` in metres (0: the area is not known). `day_lines` and
    `day_amount` (minor units of `currency`) are what it can pay on one day; 0: no limit.
    """

    code: str
    name: str = ""
    manager: str = ""
    groups: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    officers: tuple[str, ...] = ()
    latitude: int = 0
    longitude: int = 0
    radius: int = 0
    day_lines: int = 0
    day_amount: int = 0
    currency: str = ""
    suspended: bool = False


def keep_point(store: Store, point: Point, by: str) -> None:
    """Say what a point is from now on. Raises InvalidPayroll with every mistake; then nothing was written."""
    with store.write() as connection:
        _refuse(list(_wrong_point(connection, point)))
        said = attrs.asdict(point)
        body: dict[str, Any] = {name: list(one) if isinstance(one, tuple) else one for name, one in said.items()}
        cash.say(connection, store, cash.POINT, body.pop("code"), by, body)


def keep_manager(store: Store, manager: Manager, by: str) -> None:
    """Say who a manager is from now on. Raises InvalidPayroll with every mistake."""
    _refuse(list(_wrong_manager(manager)))
    with store.write() as connection:
        body = attrs.asdict(manager)
        cash.say(connection, store, cash.MANAGER, body.pop("code"), by, body)


def keep_device(store: Store, device: Device, by: str) -> None:
    """Say whose a phone is from now on. Raises InvalidPayroll."""
    mistakes = list(_code("code", device.code))
    if device.key and not _is_key(device.key):
        mistakes.append(Mistake(0, "key", "is no Ed25519 public key", "write its 32 bytes in base64"))
    _refuse(mistakes)
    with store.write() as connection:
        body = attrs.asdict(device)
        cash.say(connection, store, cash.DEVICE, body.pop("code"), by, body)


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except ValueError:
        return False


def _refuse(mistakes: Sequence[Mistake]) -> None:
    if mistakes:
        raise InvalidPayroll(mistakes)


def _code(field: str, code: str) -> Iterator[Mistake]:
    try:
        parse_account("payment_point", code)
    except AccountError as error:
        yield Mistake(0, field, error.reason, "write letters, digits, dots, hyphens, underscores; at most 64")


def _wrong_manager(manager: Manager) -> Iterator[Mistake]:
    yield from _code("code", manager.code)
    if manager.kind not in KINDS:
        yield Mistake(0, "kind", f"{manager.kind!r} is no kind of manager", f"write one of {', '.join(KINDS)}")
    if not manager.name.strip():
        yield Mistake(0, "name", "is empty", "write who it is")


def _wrong_point(connection: Connection, point: Point) -> Iterator[Mistake]:
    yield from _code("code", point.code)
    if point.manager and cash.place(connection, cash.MANAGER, point.manager) is None:
        yield Mistake(0, "manager", f"there is no manager {point.manager!r}", "add the manager first")
    for field, value, most in (("latitude", point.latitude, 90), ("longitude", point.longitude, 180)):
        if abs(value) > most * DEGREE:
            yield Mistake(0, field, f"{value / DEGREE:g} is no place on earth", f"write degrees from -{most} to {most}")
    for field, value in (("radius", point.radius), ("day_lines", point.day_lines), ("day_amount", point.day_amount)):
        if value < 0:
            yield Mistake(0, field, f"{value} is below zero", "write 0 for none")
    if point.day_amount and decimals(point.currency) is None:
        yield Mistake(0, "currency", f"{point.currency!r} is no currency", "write the currency of the limit, as UGX")


def points(store: Store) -> list[Point]:
    """Every payment point, by code."""
    with store.read() as connection:
        return [_point(code, body) for code, body in cash.places(connection, cash.POINT).items()]


def managers(store: Store) -> list[Manager]:
    """Every manager, by code."""
    with store.read() as connection:
        return [Manager(code=code, **body) for code, body in cash.places(connection, cash.MANAGER).items()]


def devices(store: Store) -> list[Device]:
    """Every phone that is known, by code."""
    with store.read() as connection:
        return [Device(code=code, **body) for code, body in cash.places(connection, cash.DEVICE).items()]


def point(connection: Connection, code: str) -> Point | None:
    """One by its code; None: nobody said anything of it."""
    body = cash.place(connection, cash.POINT, code)
    return None if body is None else _point(code, body)


def _point(code: str, body: dict[str, Any]) -> Point:
    said: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    return Point(code=code, **said)


def serving(store: Store, group: str, location: str) -> list[Point]:
    """The points that are assigned to a group or a location and are not suspended."""
    return [
        one for one in points(store)
        if not one.suspended and ((group and group in one.groups) or (location and location in one.locations))
    ]  # fmt: skip


class PointPolicy:
    """Asked with the host's policies: is the point known, open, and able to pay so much on the days of its list?"""

    def __init__(self, store: Store, days: dict[str, int]) -> None:
        # {cash channel: on how many days its lists are paid}
        self._store, self._days = store, days
        self._needs: dict[tuple[str, str], dict[tuple[str, str], tuple[int, int]]] = {}

    @hookimpl
    def check_payments(self, payments: Sequence[Payment]) -> Iterator[tuple[str, Objection]]:
        """At checking: every objection; of a limit, to each line of the point."""
        for payment, point in self._cash(payments):
            yield from ((payment.id, objection) for objection in _closed(payment, point))
            if point is not None:
                yield from ((payment.id, objection) for objection in self._limits(payment, point))

    @hookimpl
    def before_sending(self, payments: Sequence[Payment]) -> Iterator[tuple[str, Objection]]:
        """At issuing: a point that was suspended meanwhile gets no list."""
        for payment, point in self._cash(payments):
            if point is not None:
                yield from ((payment.id, objection) for objection in _closed(payment, point))

    def _cash(self, payments: Sequence[Payment]) -> Iterator[tuple[Payment, Point | None]]:
        mine = [one for one in payments if one.channel in self._days and one.account.type == "payment_point"]
        with self._store.read() as connection:
            known = {code: point(connection, code) for code in {one.account.value for one in mine}}
        for one in mine:
            yield one, known[one.account.value]

    def _limits(self, payment: Payment, point: Point) -> list[Objection]:
        with self._store.read() as connection:
            payroll = str(connection.execute(sa.select(_p.payroll).where(_p.id == payment.id)).scalar() or "")
            where = (payroll, payment.channel)
            if where not in self._needs:
                self._needs[where] = _needs(connection, *where)
        lines, amount = self._needs[where].get((point.code, payment.amount.currency), (0, 0))
        need = Money(amount, payment.amount.currency)
        return list(_over(point, lines, need, self._days[payment.channel]))


def _needs(connection: Connection, payroll: str, channel: str) -> dict[tuple[str, str], tuple[int, int]]:
    """{(point, currency): (lines, minor units)} that are to be paid: of this payroll, and approved ones beside it."""
    mine = sa.and_(_p.payroll == payroll, _p.state.in_(UNSENT))
    others = sa.and_(_p.payroll != payroll, t.payrolls.c.state.in_(SENDS), _p.state.in_(TO_PAY))
    query = (
        sa.select(_p.account, _p.currency, sa.func.count(), sa.func.sum(_p.amount))
        .join(t.payrolls, t.payrolls.c.id == _p.payroll)
        .where(_p.channel == channel, _p.account_type == "payment_point", sa.or_(mine, others))
        .group_by(_p.account, _p.currency)
    )
    return {(point, currency): (lines, int(amount)) for point, currency, lines, amount in connection.execute(query)}


def _closed(payment: Payment, point: Point | None) -> Iterator[Objection]:
    if point is None:
        yield Objection("unknown_point", f"there is no payment point {payment.account.value!r}; see `gateway points`")
    elif point.suspended:
        yield Objection("point_suspended", f"payment point {point.code} is suspended")


def _over(point: Point, lines: int, amount: Money, days: int) -> Iterator[Objection]:
    if point.day_lines and lines > point.day_lines * days:
        text = (
            f"{point.code} pays {point.day_lines} people a day; with the other payrolls it has {lines} for {days} days"
        )
        yield Objection("point_limit", text)
    if point.day_amount and point.currency != amount.currency:
        yield Objection("point_limit", f"the limit of {point.code} is in {point.currency}, not in {amount.currency}")
    elif point.day_amount and amount.minor > point.day_amount * days:
        a_day = Money(point.day_amount, point.currency)
        yield Objection(
            "point_limit", f"{point.code} pays {a_day} a day; with the other payrolls it needs {amount} in {days} days"
        )
