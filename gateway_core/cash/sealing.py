"""Sealing a list: nothing more can be paid by it, and its cash is counted; one person says so, another one agrees.

Only then is a line without a proof refused: not collected. Not found, silence and a last day alone refuse nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy.engine import Connection

from ..engine.batch.matching import evident
from ..model.errors import WrongState
from ..model.facts import Fact
from ..model.life import fold
from ..model.money import Money
from ..model.people import differ, differ_shown
from ..model.states import SENDS
from ..store import Store, answers, cash, document_lines, documents, journal, parcels, payrolls, proofs
from ..store.database import Record, now_us
from . import stating
from .accounts import Account, account
from .chain import Link, breaks
from .deciding import OPEN
from .stations import point

DEVICES, PAPER, LOST = "devices", "paper", "lost"
HOW = (DEVICES, PAPER, LOST)
REASON = {DEVICES: "not_collected", PAPER: "not_collected", LOST: "not_collected: the list was lost"}
PAGE = 200


def count(
    store: Store, name: str, by: str, *, how: str, handed_out: int, returned: int, devices: Mapping[str, int],
    reason: str,
) -> Account:  # fmt: skip
    """The first person: what the point was given, what came back, and why nothing more can be paid by this list.

    `devices`: {device: the number of its last record}, as its screen shows it. Raises WrongState; MakerIsChecker for an
    officer of this list.
    """
    if how not in HOW:
        raise WrongState(f"{how!r} is no way to end a list; say one of {', '.join(HOW)}")
    if handed_out < 0 or returned < 0:
        raise WrongState("cash is counted from 0 on")
    if how == LOST and not reason.strip():
        raise WrongState("declaring a list lost needs a reason: what is known of it")
    with store.write() as connection:
        document = cash.find(connection, name)
        _none_of_its_officers(connection, document, by, devices)
        _open(connection, document)
        _ended(connection, document, how, devices)
        body = {"how": how, "handed_out": handed_out, "returned": returned, "devices": dict(devices), "reason": reason}
        cash.record(
            connection, store, document.id, "counted", by, body, state="counted", how=how, handed_out=handed_out,
            returned=returned, counted_by=by, sealed_by="", reason=reason,
        )  # fmt: skip
        # A comparison that was made before does not count.
        payroll = payrolls.get(connection, document.payroll)
        payrolls.record(connection, store, payroll, "cash_counted", by, {"list": document.id}, reconciled_by="")
        return account(connection, document)


def _none_of_its_officers(connection: Connection, document: Record, by: str, phones: Collection[str]) -> None:
    """Nobody counts the cash that went through his own hands, or agrees to that: who paid out by this list, whose
    phone recorded it, and who is to pay out at its point.
    """
    known, where = cash.places(connection, cash.DEVICE), point(connection, cash.point_of(connection, document.id))
    holders = [known.get(one, {}).get("officer", "") for one in {*proofs.devices(connection, document.id), *phones}]
    for one in (*proofs.officers(connection, document.id), *holders, *(where.officers if where else ())):
        differ_shown(one, by, "is an officer of this list: paid out by it, has a phone with it, or is of its point")


def _open(connection: Connection, document: Record) -> None:
    if payrolls.get(connection, document.payroll).state not in SENDS:
        raise WrongState("its payroll is closed: nothing of it changes any more")


def _ended(connection: Connection, document: Record, how: str, devices: Mapping[str, int]) -> None:
    """Every phone that has records of it has sent all of them; or the paper is here; or two people call it lost."""
    if how != DEVICES:
        return
    seen = proofs.devices(connection, document.id)
    if silent := [device for device in seen if device not in devices]:
        raise WrongState(f"records of the device {silent[0]} came: say the number of its last one")
    if not devices:
        raise WrongState("say which devices had this list, each with the number of its last record")
    for device, last in sorted(devices.items()):
        if why := gap(connection, device, last):
            raise WrongState(f"the records of {device} are not complete: {why}")


def gap(connection: Connection, device: str, last: int) -> str:
    """What is wrong with a device's chain up to its last record; '' when it is whole."""
    said, head = parcels.newest(connection, device)
    if said > last:
        return f"it said itself that it has {said:,} records, not {last:,}"
    broken = next(breaks(_links(connection, device), last, head if said == last else ""), None)
    return "" if broken is None else broken.message


def _links(connection: Connection, device: str) -> Iterator[Link]:
    after = (0, "")
    while page := proofs.chain(connection, device, after):
        yield from (Link(row.number, row.previous, row.id) for row in page)
        after = page[-1].number, page[-1].id


def seal(store: Store, name: str, by: str) -> Account:
    """The second person agrees. What nobody proved is refused then, page by page; again after a crash it goes on."""
    with store.write() as connection:
        document = cash.find(connection, name)
        row = cash.row_of(connection, document.id)
        if row is None or row.state == "open":
            raise WrongState(f"the cash of list {cash.code_of(document)} was not counted: `gateway lists count`")
        if row.state != "sealed":
            _may(connection, document, row, by)
            body = {"counted_by": row.counted_by, "handed_out": row.handed_out, "returned": row.returned}
            cash.record(connection, store, document.id, "sealed", by, body, state="sealed", sealed_by=by)
            row = cash.row_of(connection, document.id)
    assert row is not None
    after = 0
    while True:
        with store.write() as connection:
            page = document_lines.page(connection, document.id, after, PAGE)
            if not page:
                # Whatever was known of its put: people had it, and it is back.
                evident(connection, store, document.id, "", now_us())
                documents.close_finished(connection, [document.id])
                return account(connection, document)
            _refuse(connection, store, document, row, page)
            after = page[-1].n


def _may(connection: Connection, document: Record, row: Record, by: str) -> None:
    differ(row.counted_by, by, "counted this list's cash")
    facts = journal.facts_of_payroll(connection, row.id)
    phones = next(fact.body["devices"] for fact in reversed(facts) if fact.kind == "counted")
    _none_of_its_officers(connection, document, by, phones)
    for one in proofs.givers(connection, document.id):
        differ(one, by, "gave this list's proofs in")
    _open(connection, document)
    # More may have come since it was counted, or a phone may have said that it has more.
    _ended(connection, document, row.how, phones)
    if answers.new(connection, document.channel):
        raise WrongState("records that came were not read to their end yet: `gateway run` does it")
    found = account(connection, document)
    if found.undecided:
        raise WrongState(f"{found.undecided} of its proofs await the checker: `gateway proofs accept`")
    if found.held:
        raise WrongState(f"{found.held} of its lines are held: people must release them first")
    if found.missing and row.how != LOST:
        shown = Money(abs(found.missing), document.currency)
        said = f"{shown} is missing" if found.missing > 0 else f"there is {shown} too much"
        raise WrongState(f"handed out is not paid + returned: {said}; count again, or look for the proofs")


def _refuse(connection: Connection, store: Store, document: Record, row: Record, page: list[Record]) -> None:
    facts = journal.facts_of_many(connection, [line.id for line in page])
    for line in page:
        life = fold(facts[line.id])
        if life.state not in OPEN or life.money is None or life.money.key != line.key or life.money.proofs:
            continue
        body = {
            "reason": REASON[row.how], "code": "not_collected", "list": cash.code_of(document), "how": row.how,
            "first": row.counted_by, "second": row.sealed_by, "moves_money": True,
        }  # fmt: skip
        fact = Fact(0, now_us(), "answer", "refused", stating.SOURCE, life.attempt, life.money.name, "", body)
        stating.state(connection, store, line, life, [fact])
    payrolls.paid_out(connection, store, document.payroll)
