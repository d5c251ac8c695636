"""Proposing: lines are staged in pages, each a short transaction, and switched on by one row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ..model.errors import InvalidPayroll, Mistake, WrongState
from ..model.identity import Root, digest, payment_id, root_of
from ..model.payment import Invoice, Objection, Payment
from ..model.states import WITHDRAWN
from ..store import Store, cycles, payments, payrolls, suspension
from ..store import cycle_tables as c
from ..store import tables as t
from ..store.database import now_us
from .cycles import caps, staging
from .intake import Taken
from .intake.findings import refuse
from .intake.text import text_problem

T = TypeVar("T")
# Small enough that a sender's write never waits long behind a page (design section 7).
PAGE = 500
# A payroll may have lines of so many cycles.
MOST_CYCLES = 1000
BESIDE = (
    "another process proposes this payroll or the same invoices, or replaces one of them, just now; "
    "try again to see what became of it"
)


def payroll_id(deployment: str, name: str) -> str:
    """A readable id, derived from the name: the name's letters and digits, and eight digits of its hash."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48]
    return f"{slug or 'payroll'}-{digest([deployment, name]).hex()[:8]}"


def propose(
    store: Store, name: str, taken: Taken, channel: str, fingerprint: Callable[[str], str], by: str, *,
    note: str = "", progress: Callable[[int], None] = lambda count: None, seen: Mapping[str, int] | None = None,
) -> str:  # fmt: skip
    """Plan the payments of a checked input. The same name and content again: the same payroll.

    `seen`: of invoices from the pool, the newest generation of each cycle (by its id) when they were chosen. One that
    was replaced since is refused: it would be paid as it stood before.
    """
    if not name.strip() or len(name) > 200:
        raise WrongState("a payroll needs a name of 1 to 200 characters")
    if (wrong := text_problem("reference", name)) is not None and wrong.code != "formula":
        # It stands in lists beside others: no name may look like two of them, or like another.
        raise WrongState(f"the payroll's name {wrong.reason}; {wrong.mend}")
    payroll = payroll_id(store.deployment, name)
    if _already(store, payroll, name, taken, channel):
        return payroll
    refuse(_in_use(store, payroll, taken))
    try:
        plan = _stage(store, payroll, name, taken, channel, by, progress, seen or {})
        _stage_objections(store, payroll, taken, plan.at, by, note)
        caps.hold(store, payroll)
        _switch_on(store, payroll, taken, plan, {used: fingerprint(used) for used in sorted(plan.channels)}, by, note)
    except InvalidPayroll:
        discard(store, payroll)
        raise
    except Lies as error:
        discard(store, payroll)
        raise WrongState(str(error)) from error
    return payroll


class Lies(Exception):
    """The payroll may not be proposed now: what was staged of it goes."""


class Plan:
    """What was staged: digests over the invoices and over the payments planned from them, and the channels used.

    `at` is when it began; the payroll's row bears it for as long as the proposal is ours.
    """

    def __init__(self) -> None:
        self.at = now_us()
        self.content, self.root, self.channels = Root(), Root(), set[str]()
        self.cycles = set[tuple[str, str]]()


def _given(i: Invoice) -> bytes:
    """Digest of an invoice as given: what makes a second proposal the same one."""
    return digest(
        [i.id, i.beneficiary, i.name, i.account.type, i.account.value, i.amount.minor, i.amount.currency,
         i.programme, i.cycle, i.instalment, i.reference, i.channel, dict(i.extra)]
    )  # fmt: skip


def _already(store: Store, payroll: str, name: str, taken: Taken, channel: str) -> bool:
    with store.read() as connection:
        row = connection.execute(sa.select(t.payrolls).where(t.payrolls.c.id == payroll)).first()
    if row is None:
        return False
    if not row.complete and not row.facts:
        discard(store, payroll)
    if not row.complete or row.state == "draft":
        return False
    content = root_of(_given(invoice) for page in taken.pages(PAGE) for _, invoice in page)
    if row.content != content or row.channel != channel:
        other = "with other content" if row.content != content else f"on channel {row.channel}"
        raise WrongState(f"payroll {name!r} exists {other}; give the new one another name")
    if row.state in WITHDRAWN:
        # Whoever believes it proposed waits for money that never comes.
        raise WrongState(f"payroll {name!r} was {row.state}; give the new one another name")
    return True


def discard(store: Store, payroll: str) -> None:
    """Remove what was staged of a proposal that was interrupted. Who still stages it is not its owner now.

    A draft that was sent back for correction has a history: it is a draft again, without lines, until it is proposed
    anew or withdrawn.
    """
    r, at = t.payrolls.c, now_us()
    with store.write() as connection:
        taken = sa.update(t.payrolls).where(r.id == payroll, sa.not_(r.complete)).values(proposed_at=at)
        if connection.execute(taken).rowcount != 1:
            raise WrongState(BESIDE)
    _empty(store, payroll, at)
    with store.write() as connection:
        _still_ours(connection, payroll, at)
        connection.execute(sa.delete(t.payrolls).where(t.payrolls.c.id == payroll, t.payrolls.c.facts == 0))
        row = connection.execute(sa.select(t.payrolls).where(t.payrolls.c.id == payroll)).first()
        if row is not None:
            payrolls.record(connection, store, row, "not_corrected", "driver", {}, complete=True, root=Root().value())


def give_up_correction(store: Store, payroll: str) -> None:
    """A draft whose correction was left half-way, by id or name, is to be seen again, without lines."""
    r = t.payrolls.c
    half = sa.select(r.id).where(sa.or_(r.id == payroll, r.name == payroll), sa.not_(r.complete), r.facts > 0)
    with store.read() as connection:
        found = connection.execute(half).scalar()
    if found is not None:
        discard(store, found)


def _empty(store: Store, payroll: str, at: int) -> None:
    """Remove the lines and objections of what is staged, or was, and never approved."""
    p, lines = t.payments.c, True
    while lines:
        with store.write() as connection:
            _still_ours(connection, payroll, at)
            ids = list(connection.execute(sa.select(p.id).where(p.payroll == payroll).limit(PAGE)).scalars())
            connection.execute(sa.delete(t.payments).where(p.id.in_(ids)))
            connection.execute(sa.delete(t.objections).where(t.objections.c.payroll == payroll))
            lines = bool(ids)
            if not lines:
                connection.execute(sa.delete(c.payroll_cycles).where(c.payroll_cycles.c.payroll == payroll))
        staging.let_others_write()


def _corrected(store: Store, payroll: str, channel: str, by: str, at: int) -> bool:
    """Begin to correct a draft, or go on where that was interrupted: nobody sees it until it is proposed whole.

    False: there is no such payroll. Its former lines were never approved; their digest stays in the journal.
    """
    with store.write() as connection:
        row = connection.execute(sa.select(t.payrolls).where(t.payrolls.c.id == payroll)).first()
        if row is None:
            return False
        if row.state != "draft" or not row.facts:
            # Proposed meanwhile, or being staged for the first time by somebody else.
            raise WrongState(BESIDE)
        payrolls.record(
            connection, store, row, "correcting", by, {}, complete=False, proposed_at=at, channel=channel, root=b"",
            content=b"", lines=0, total=0,
        )  # fmt: skip
    _empty(store, payroll, at)
    return True


def _still_ours(connection: Connection, payroll: str, at: int) -> None:
    """Raises WrongState when another process took the staged proposal over, or completed it, since `at`."""
    r = t.payrolls.c
    ours = sa.select(r.id).where(r.id == payroll, r.proposed_at == at, sa.not_(r.complete))
    if connection.execute(ours).first() is None:
        raise WrongState(BESIDE)


def _in_use(store: Store, payroll: str, taken: Taken) -> Iterator[Mistake]:
    """Lines whose entitlement lies in another payroll."""
    for page in taken.entitlements(PAGE):
        with store.read() as connection:
            used = payments.entitlements_in_use(connection, [entitlement for _, entitlement, _ in page], payroll)
        for line, entitlement, _ in page:
            if (row := used.get(entitlement)) is not None:
                field = "invoice" if entitlement.startswith("invoice:") else "beneficiary"
                reason = f"{entitlement} is {row.state} already: invoice {row.invoice} of payroll {row.payroll!r}"
                mend = "take the line out; what is owed once is paid once"
                yield Mistake(line, field, reason, mend, "entitlement_in_use")


def _stage(
    store: Store, payroll: str, name: str, taken: Taken, channel: str, by: str, progress: Callable[[int], None],
    seen: Mapping[str, int],
) -> Plan:  # fmt: skip
    plan = Plan()
    if not _corrected(store, payroll, channel, by, plan.at):
        _begin(store, payroll, name, taken, channel, by, plan.at)
    for page in taken.pages(PAGE):
        # Everything slow is done before the transaction; the database refuses a number that was given meanwhile.
        with store.read() as connection:
            numbers = payments.numbers(connection, [invoice.entitlement for _, invoice in page], payroll)
        rows = _rows(store, payroll, page, channel, numbers, plan)
        fresh = _new_cycles(payroll, page, plan)
        try:
            while half := _write(store, payroll, plan, rows, fresh, seen):
                # Somebody died over it, or is a moment behind us; whoever it is finds it gone, and is refused.
                for end in half:
                    end()
        except IntegrityError as error:
            raise Lies(f"payroll {name!r} was proposed beside another with the same people; try again") from error
        progress(len(rows))
        store.tidy()
        staging.let_others_write()
    return plan


def _begin(store: Store, payroll: str, name: str, taken: Taken, channel: str, by: str, at: int) -> None:
    values = {
        "id": payroll, "name": name, "state": "draft", "channel": channel, "proposed_by": by, "proposed_at": at,
        "currency": taken.currency or "",
    }  # fmt: skip
    try:
        with store.write() as connection:
            connection.execute(sa.insert(t.payrolls).values(values))
    except IntegrityError as error:
        raise WrongState(BESIDE) from error


def _write(
    store: Store, payroll: str, plan: Plan, rows: Sequence[Mapping[str, Any]], fresh: Sequence[Mapping[str, str]],
    seen: Mapping[str, int],
) -> Sequence[Callable[[], None]]:  # fmt: skip
    """Write a page, unless some of it lies elsewhere: that is looked at in the same transaction, so that of two
    proposed beside each other one gets what is owed once. Returns what ends proposals and generations that were left
    half-way and have some of it.
    """
    entitlements = [row["entitlement"] for row in rows]
    with store.write() as connection:
        _still_ours(connection, payroll, plan.at)
        lies = cycles.live(connection, entitlements, payroll, staged=True).values()
        for found in lies:
            if found.complete:
                raise Lies(f"{found.entitlement} was put into payroll {found.payroll!r} just now; look again")
        newer = cycles.since(connection, seen, entitlements) if seen else []
        for found in newer:
            if found.generation <= found.generations:
                raise Lies(f"{found.entitlement} was given another invoice since it was chosen; choose again")
        if not lies and not newer:
            payments.INSERT.run(connection, rows)
            if fresh:
                connection.execute(sa.insert(c.payroll_cycles), fresh)
    half = {found.id for found in lies}
    busy = {found.id: found for found in newer}.values()
    return [partial(discard, store, one) for one in half] + [partial(staging.give_up, store, row) for row in busy]


def _new_cycles(payroll: str, page: Sequence[tuple[int, Invoice]], plan: Plan) -> list[dict[str, str]]:
    """Programmes and cycles of these lines that no line before was in."""
    met = {(invoice.programme, invoice.cycle) for _, invoice in page} - plan.cycles - {("", "")}
    plan.cycles |= met
    if len(plan.cycles) > MOST_CYCLES:
        mend = "split the payroll by cycle"
        raise InvalidPayroll(
            [Mistake(0, "cycle", f"the payroll has lines of more than {MOST_CYCLES} cycles", mend, "many_cycles")]
        )
    return [{"payroll": payroll, "programme": programme, "cycle": cycle} for programme, cycle in sorted(met)]


def _rows(
    store: Store,
    payroll: str,
    page: Sequence[tuple[int, Invoice]],
    channel: str,
    numbers: Mapping[str, int],
    plan: Plan,
) -> list[dict[str, Any]]:
    rows = []
    for line, i in page:
        entitlement = i.entitlement
        number = numbers.get(entitlement, 0) + 1
        payment = Payment(
            id=payment_id(store.deployment, payroll, line, entitlement, number), number=number, invoice=i.id,
            entitlement=entitlement, beneficiary=i.beneficiary, name=i.name, account=i.account, amount=i.amount,
            programme=i.programme, cycle=i.cycle, instalment=i.instalment, reference=i.reference,
            channel=i.channel or channel, extra=dict(i.extra),
        )  # fmt: skip
        rows.append(payments.columns_of(payment, payroll, line))
        plan.content.add(_given(i))
        plan.root.add(rows[-1]["leaf"])
        plan.channels.add(payment.channel)
    return rows


def _switch_on(
    store: Store, payroll: str, taken: Taken, plan: Plan, fingerprints: Mapping[str, str], by: str, note: str
) -> None:
    total, root = taken.total.minor if taken.total else 0, plan.root.value()
    with store.write() as connection:
        _still_ours(connection, payroll, plan.at)
        if kept := suspension.why(connection, payroll):
            raise Lies(f"{kept}; `gateway activate` lets it go on")
        row = connection.execute(sa.select(t.payrolls).where(t.payrolls.c.id == payroll)).one()
        content = plan.content.value()
        body = {
            "name": row.name, "currency": taken.currency or "", "content": content.hex(), "root": root.hex(),
            "lines": taken.count, "total": total, "channels": dict(fingerprints), "note": note,
        }  # fmt: skip
        payrolls.record(
            connection, store, row, "proposed", by, body, state="awaiting_approval", complete=True, root=root,
            content=content, proposed_by=by, currency=taken.currency or "",
            lines=taken.count, total=total, channels=json.dumps(dict(fingerprints)),
        )  # fmt: skip


def _stage_objections(store: Store, payroll: str, taken: Taken, at: int, by: str, note: str) -> None:
    for batch in batched(taken.objections, PAGE):
        with store.write() as connection:
            _still_ours(connection, payroll, at)
            connection.execute(sa.insert(t.objections), [_objection(payroll, line, o, by, note) for line, o in batch])
        staging.let_others_write()


def _objection(payroll: str, line: int, objection: Objection, by: str, note: str) -> dict[str, Any]:
    return {
        "payroll": payroll, "line": line, "code": objection.code, "message": objection.message,
        "source": objection.source or "intake", "blocks": objection.blocks, "released_by": by if note else "",
        "why": note,
    }  # fmt: skip


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` (Python 3.12 has this in itertools)."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
