"""Checking: every objection at once, from the rail, the host's policies, and the balance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import partial
from typing import Any

import attrs
import sqlalchemy as sa

from ..contract.channel import Channel
from ..contract.policies import Policies
from ..engine.batch.balances import Stated
from ..engine.evidence import plain
from ..engine.runtime import Lane, Runtime
from ..model.errors import ConfigurationError
from ..model.moments import HOUR
from ..model.money import Money
from ..model.payment import Objection, Payment
from ..model.states import UNSENT
from ..store import Store, payments, payrolls
from ..store import tables as t
from .asking import Ear, account_objections
from .cycles import dates
from .funding import ANY, CODES, Funds, Known, judged, known

PAGE = 256
LISTED = 1000
# All that is said of a balance.
OF_BALANCE = (*CODES, "balance_of", "statement_missing", "statement_broken")
_o = t.objections.c


@attrs.frozen
class Found:
    """An objection or warning about a payment (line 0: about the payroll)."""

    line: int
    payment: str
    invoice: str
    objection: Objection
    released_by: str = ""


@attrs.frozen
class CheckReport:
    """What speaks against a payroll. `digest` is what a checker approves and signs.

    The first thousand `objections` and `warnings` are listed, in the order of lines; `more_…` is how many are counted
    only.
    """

    payroll: str
    name: str
    state: str
    lines: int
    total: Money
    objections: Sequence[Found]
    warnings: Sequence[Found]
    balances: Mapping[str, Money | None]
    digest: str
    more_objections: int = 0
    more_warnings: int = 0

    @property
    def good(self) -> bool:
        """Nothing blocks."""
        return not self.objections


async def check(
    runtime: Runtime, store: Store, payroll: str, channel_of: Callable[[str], Channel], policies: Policies,
    lane: Callable[[Channel], Lane], progress: Callable[[int], None], funds: Funds = ANY, zone: tzinfo = UTC,
) -> dict[str, Money | None]:  # fmt: skip
    """Ask everybody and store what they object to, in place of an earlier check's. Returns the balances."""
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    # Until everybody was asked anew, what was found before stands: an approval may come meanwhile, or a crash.
    before = await runtime.write(partial(_newest, store))
    found = await runtime.offload(partial(_dates, store, row.id, runtime.now(), zone))
    balances: dict[str, Money | None] = {}
    for name in payrolls.channels_of(row):
        balances[name], said = await _balance(runtime, store, row.id, channel_of(name), lane, funds)
        found += said
        await runtime.offload(partial(_fitting, store, row.id, channel_of(name), before))
        await _accounts(runtime, store, row.id, channel_of(name), lane, before, progress)
    await runtime.offload(partial(_policies, store, row.id, policies, before))
    await runtime.write(partial(_keep, store, found, before))
    await runtime.write(partial(_forget, store, row.id, before))
    return balances


def _dates(store: Store, payroll: str, now: int, zone: tzinfo) -> list[dict[str, Any]]:
    with store.read() as connection:
        said = dates.judged(connection, payrolls.get(connection, payroll), now, zone)
    return [_row(payroll, 0, "", one) for one in said]


async def _balance(
    runtime: Runtime, store: Store, payroll: str, channel: Channel, lane: Callable[[Channel], Lane], funds: Funds
) -> tuple[Money | None, list[dict[str, Any]]]:
    """What is known of a channel's balance, and what that says against the payroll."""
    have, stated = await known(runtime, store, channel, lane)
    said = await runtime.offload(partial(_money, store, payroll, channel, have, stated, funds, runtime.now()))
    return have.money if have is not None else None, [_row(payroll, 0, "", objection) for objection in said]


def _money(
    store: Store, payroll: str, channel: Channel, have: Known | None, stated: Stated | None, funds: Funds, now: int
) -> list[Objection]:
    """Is there enough? A balance that is not of this moment is told with its age, and what is odd about statements."""
    name, said = channel.name, judged(store, payroll, channel.name, have, funds, now)
    if have is not None and not have.live:
        text = f"{name}: {have.money} is the balance ({have.source}), {max(0, now - have.at) // HOUR} hours old"
        said.append(Objection("balance_of", text, name, blocks=False))
    if stated is not None and stated.missing:
        numbers = ", ".join(map(str, stated.missing[:10]))
        said.append(Objection("statement_missing", f"{name}: no statement {numbers} came", name, blocks=False))
    if stated is not None and stated.broken:
        numbers = ", ".join(map(str, stated.broken[:10]))
        text = f"{name}: statement {numbers} does not begin where the one before ended"
        said.append(Objection("statement_broken", text, name, blocks=False))
    return said


def _newest(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.max(_o.id))).scalar() or 0)


def _forget(store: Store, payroll: str, before: int, codes: Sequence[str] = ()) -> None:
    """What earlier checks found (of these codes), up to the objection `before`, and nobody released."""
    old = sa.and_(_o.payroll == payroll, _o.of_check, _o.released_by == "", _o.id <= before)
    with store.write() as connection:
        connection.execute(sa.delete(t.objections).where(old, _o.code.in_(codes) if codes else sa.true()))


def _row(payroll: str, line: int, payment: str, objection: Objection) -> dict[str, Any]:
    return {
        "payroll": payroll, "payment": payment, "line": line, "code": plain(objection.code),
        "message": plain(objection.message), "source": plain(objection.source), "blocks": bool(objection.blocks),
        "of_check": True,
    }  # fmt: skip


def _keep(store: Store, rows: Sequence[Mapping[str, Any]], before: int) -> None:
    """Store new objections; what people released already is not raised again, and hides nothing else that is said.

    What was there `before` this check and is not released goes when the check ends, and is raised anew.
    """
    if not rows:
        return
    with store.write() as connection:
        stays = sa.or_(_o.released_by != "", _o.id > before)
        these = _o.payment.in_({row["payment"] for row in rows})
        old = sa.select(t.objections).where(_o.payroll == rows[0]["payroll"], _o.of_check, stays, these)
        known = {_words(row._asdict()) for row in connection.execute(old)}
        fresh = [row for row in rows if _words(row) not in known]
        if fresh:
            connection.execute(sa.insert(t.objections), fresh)


def _words(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What is released when an objection is: who says what of which payment.

    About a payroll as a whole, and by a policy that broke, the message has figures of the moment: those are no news.
    """
    of_the_moment = not row["payment"] or row["code"] == "policy_failed"
    return row["payment"], row["code"], row["source"], "" if of_the_moment else row["message"]


def _fitting(store: Store, payroll: str, channel: Channel, before: int) -> None:
    """What the gateway knows by itself that its rail would refuse."""
    if not channel.checks_payments:
        return
    where = t.payments.c.channel == channel.name
    for page in payments.pages(store.read, payroll, PAGE, where, t.payments.c.state.in_(UNSENT)):
        said = ((row, channel.check_payment(payments.as_payment(row))) for row in page)
        found = [_row(payroll, row.line, row.id, objection) for row, each in said for objection in each]
        _keep(store, found, before)


async def _accounts(
    runtime: Runtime, store: Store, payroll: str, channel: Channel, make: Callable[[Channel], Lane], before: int,
    progress: Callable[[int], None],
) -> None:  # fmt: skip
    """Ask the rail about every account, a window at a time."""
    if not channel.validates:
        return
    try:
        lanes = [make(channel) for _ in range(channel.pace.max_concurrency)]
    except ConfigurationError as error:
        said = Objection("not_checked", f"no account could be checked: {error}", channel.name, blocks=False)
        await runtime.write(partial(_keep, store, [_row(payroll, 0, "", said)], before))
        return
    try:
        where = t.payments.c.channel == channel.name
        for page in payments.pages(store.read, payroll, PAGE, where, t.payments.c.state.in_(UNSENT)):
            todo = [(row.line, payments.as_payment(row)) for row in reversed(page)]
            found: list[dict[str, Any]] = []
            ends = []
            for lane in lanes:
                end = runtime.event()
                ends.append(end)
                runtime.spawn(_one_lane(runtime, store, payroll, channel, lane, todo, found, end))
            for end in ends:
                await runtime.wait(end, None)
            await runtime.write(partial(_keep, store, found, before))
            progress(len(page))
    finally:
        for lane in lanes:
            await lane.close()


async def _one_lane(
    runtime: Runtime, store: Store, payroll: str, channel: Channel, lane: Lane, todo: list[tuple[int, Payment]],
    found: list[dict[str, Any]], end: Any,
) -> None:  # fmt: skip
    try:
        while todo:
            line, payment = todo.pop()
            said = await account_objections(runtime, channel, lane, payment, store.deployment, Ear(store, runtime))
            found += [_row(payroll, line, payment.id, objection) for objection in said]
    finally:
        end.set()


def _policies(store: Store, payroll: str, policies: Policies, before: int) -> None:
    for page in payments.pages(store.read, payroll, PAGE, t.payments.c.state.in_(UNSENT)):
        lines = {row.id: row.line for row in page}
        said = policies.check_payments([payments.as_payment(row) for row in page])
        rows = [_row(payroll, lines.get(payment, 0), payment, objection) for payment, objection in said]
        _keep(store, rows, before)


async def recheck(
    runtime: Runtime, store: Store, payroll: str, channel_of: Callable[[str], Channel], policies: Policies,
    lane: Callable[[Channel], Lane], funds: Funds = ANY,
) -> None:  # fmt: skip
    """As the approval is given: ask the host's policies again, and for the balance where one must be known.

    What policies find is added to what was found before, which stands until the next `check` asks everybody. What is
    said of the balance takes the place of what was said.
    """
    before = await runtime.write(partial(_newest, store))
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    found: list[dict[str, Any]] = []
    for name in payrolls.channels_of(row) if funds.ttl is not None else ():
        found += (await _balance(runtime, store, row.id, channel_of(name), lane, funds))[1]
    await runtime.offload(partial(_policies, store, row.id, policies, 0))
    await runtime.write(partial(_keep, store, found, before))
    if funds.ttl is not None:
        await runtime.write(partial(_forget, store, row.id, before, OF_BALANCE))


def redate(store: Store, payroll: str, now: int, zone: tzinfo) -> None:
    """As the approval is given: what the dates of its cycles say, in place of what they said before."""
    found, before = _dates(store, payroll, now, zone), _newest(store)
    _keep(store, found, before)
    with store.read() as connection:
        old = sa.select(_o.id).where(_o.payroll == payroll, _o.code.in_(dates.CODES), _o.id <= before)
        if connection.execute(old.limit(1)).first() is None:
            return
    _forget(store, payroll, before, dates.CODES)


def standing(store: Store, payroll: str) -> tuple[list[Found], int]:
    """The objections on record that two people have not released: the first of them, and how many more."""
    return _listed(store, payroll, _o.blocks, _o.second_by == "")


def warnings(store: Store, payroll: str) -> tuple[list[Found], int]:
    """The warnings on record: the first of them, and how many more."""
    return _listed(store, payroll, sa.not_(_o.blocks))


def _listed(store: Store, payroll: str, *which: Any) -> tuple[list[Found], int]:
    p = t.payments.c
    query = (
        sa.select(t.objections, p.invoice)
        .outerjoin(t.payments, sa.and_(p.payroll == _o.payroll, p.line == _o.line))
        .where(_o.payroll == payroll, *which)
        .order_by(_o.line, _o.id)
        .limit(LISTED)
    )
    count = sa.select(sa.func.count()).select_from(t.objections).where(_o.payroll == payroll, *which)
    with store.read() as connection:
        found = [
            Found(row.line, row.payment, row.invoice or "", Objection(row.code, row.message, row.source, row.blocks),
                  row.second_by and f"{row.released_by}, {row.second_by}")
            for row in connection.execute(query)
        ]  # fmt: skip
        return found, int(connection.execute(count).scalar() or 0) - len(found)
