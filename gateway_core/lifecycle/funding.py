"""Funding: has the institution the money for what is to be sent now?

What is known of the account comes from the rail, just now; else from its last statement, or from two people who looked,
whichever is later. What payrolls approved earlier still need from the same account is reserved for them. A balance that
is short, or older than the configuration allows, keeps a payroll from being sent unless two people release it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs

from ..contract.channel import Channel
from ..engine.batch.balances import Stated, last
from ..engine.driver import Driver, Job
from ..engine.runtime import Lane, Runtime
from ..model.moments import HOUR
from ..model.money import Money
from ..model.payment import Objection
from ..model.states import UNSENT
from ..store import Store, books, needs, payments, payrolls
from .asking import balance

MICROSECOND = timedelta(microseconds=1)
CODES = ("insufficient_balance", "balance_stale", "balance_unknown")


@attrs.frozen
class Funds:
    """`ttl`: how old a balance may be; None: any, and none at all will do. `together(channel)`: the channels that pay
    from the same institution account.
    """

    ttl: timedelta | None = None
    together: Callable[[str], tuple[str, ...]] = lambda channel: (channel,)


# Any balance will do, and each channel has an account of its own.
ANY = Funds()


@attrs.frozen
class Known:
    """A balance: what there was, at which moment (UTC microseconds), and who says so. `live`: the rail, just now."""

    money: Money
    at: int
    source: str
    live: bool = False


async def known(
    runtime: Runtime, store: Store, channel: Channel, lane: Callable[[Channel], Lane]
) -> tuple[Known | None, Stated | None]:
    """What is known of the balance behind a channel, and what its last statement said, for rails that work by files."""
    if channel.batch is None and (have := await balance(runtime, channel, lane, store.deployment)) is not None:
        return Known(have, runtime.now(), "the rail", live=True), None
    return await runtime.offload(partial(_on_record, store, channel))


def _on_record(store: Store, channel: Channel) -> tuple[Known | None, Stated | None]:
    stated = last(store, channel.name) if channel.batch is not None else None
    found = [one for one in (_entered(store, channel.name), _stated(stated)) if one is not None]
    return max(found, key=lambda one: one.at, default=None), stated


def _stated(said: Stated | None) -> Known | None:
    """From the beginning of its day: what was sent on that day may be missing from it."""
    try:
        day = datetime.fromisoformat(said.day[:10]).replace(tzinfo=UTC) if said else None
    except ValueError:
        day = datetime.fromtimestamp(0, UTC)
    return Known(said.closing, int(day.timestamp()) * 1_000_000, f"statement of {said.day}") if said and day else None


def _entered(store: Store, channel: str) -> Known | None:
    for fact in reversed(books.facts_of(store, books.balance_of(channel))):
        if fact.kind == "balance_agreed":
            people = f"entered by {fact.body['first']} and {fact.source}"
            return Known(Money(*fact.body["amount"]), fact.body["at"], people)
    return None


def judged(store: Store, payroll: str, channel: str, have: Known | None, funds: Funds, now: int) -> list[Objection]:
    """What speaks against sending the payroll's unsent lines over this channel, as far as money goes."""
    with store.read() as connection:
        need = payments.sum_of(connection, payroll, channel, UNSENT)
        if need is None:
            return []
        if have is None or have.money.currency != need.currency:
            text = f"channel {channel}: no balance in {need.currency} is known; two people can enter one"
            return [Objection("balance_unknown", text, channel)] if funds.ttl is not None else []
        row = payrolls.get(connection, payroll)
        together = funds.together(channel)
        reserved = needs.before(connection, row, channel, together, need.currency)
        spent = 0 if have.live else needs.sent_since(connection, together, need.currency, have.at)
    found = []
    if funds.ttl is not None and now - have.at > funds.ttl // MICROSECOND:
        text = f"channel {channel}: the balance ({have.source}) is {(now - have.at) // HOUR} hours old"
        found.append(Objection("balance_stale", text, channel))
    if have.money.minor - reserved - spent < need.minor:
        text = f"channel {channel} has {have.money}, the payroll needs {need}"
        text += f"; {Money(spent, need.currency)} were sent since ({have.source})" if spent else ""
        text += f"; {Money(reserved, need.currency)} are reserved for payrolls approved earlier" if reserved else ""
        found.append(Objection("insufficient_balance", text, channel))
    return found


async def funded(
    runtime: Runtime, driver: Driver, jobs: list[Job], skipped: dict[str, str], names: Mapping[str, str],
    funds: Funds = ANY,
) -> list[Job]:  # fmt: skip
    """A payroll that no balance covers waits; what was sent is still asked about."""
    asked: dict[str, Known | None] = {}
    fit: list[Job] = []
    for job in jobs:
        with driver.store.read() as connection:
            need = payments.sum_of(connection, job.payroll, job.channel, UNSENT)
            released = needs.released(connection, job.payroll, CODES)
        if job.sent_only or need is None or released:
            fit.append(job)
            continue
        if job.channel not in asked:
            asked[job.channel], _ = await known(runtime, driver.store, driver.channel_of(job.channel), driver.lane)
        have = asked[job.channel]
        if funds.ttl is None and have is not None and not have.live:
            # Money may have come since: where no known balance is asked for, only the rail's own word counts.
            have = None
        said = judged(driver.store, job.payroll, job.channel, have, funds, runtime.now())
        if said:
            skipped[names[job.payroll]] = said[0].message
        fit.append(attrs.evolve(job, sent_only=True) if said else job)
    return fit
