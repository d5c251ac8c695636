"""Asking the bank to cancel what was handed over: one person asks, another one agrees; then a request is planned.

Nothing is cancelled by asking. The request goes at the next run, and what the bank says of each payment decides it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..contract.batch_channel import Faulty
from ..contract.cancelling import Cancelling
from ..contract.channel import Channel
from ..engine.batch.cancelling import asked, stands, undecided
from ..engine.decide import Rules
from ..model.document import note
from ..model.errors import NotFoundError, WrongState
from ..model.identity import derived_uuid, digest
from ..model.life import fold
from ..model.moments import as_time
from ..model.people import differ
from ..model.short import short_id
from ..model.states import SENDS
from ..store import Store, document_lines, documents, files, journal, payrolls
from ..store import document_tables as d
from ..store import tables as t
from ..store.database import Record, now_us

# More payments of one file than that are not named one by one: then it is the whole file, or several requests.
MOST = 1000
PAGE = 500
_x = t.releases.c


def ask(
    store: Store, channel: Channel, file: str, by: str, code: str, reason: str, only: Sequence[str] = ()
) -> bool:  # fmt: skip
    """Ask for it (False), or agree and plan the request (True). `only`: payments or invoices; none: the whole file."""
    _can(channel, code, reason)
    with store.write() as connection:
        row, keys, number = _chosen(connection, file, only)
        request = derived_uuid("document", store.deployment, row.payroll, row.channel, number)
        value = f"cancel {code} {digest([row.id, *keys]).hex()[:24]}"
        first = connection.execute(sa.select(t.releases).where(_x.payment == request)).first()
        if first is None or first.value != value:
            connection.execute(sa.delete(t.releases).where(_x.payment == request))
            new = {"value": value, "by": by, "why": reason, "reference": "", "signature": "", "facts": row.facts}
            connection.execute(sa.insert(t.releases).values(payment=request, at=now_us(), **new))
            return False
        differ(first.by, by, "asked for this cancellation")
    said = {"keys": list(keys), "code": code, "reason": first.why, "first": first.by, "second": by,
            "second_reason": reason}  # fmt: skip
    _plan(store, channel, row, number, request, said)
    finish(store, request, Rules.of(channel.capabilities))
    return True


def finish(store: Store, request: str, rules: Rules) -> None:
    """What the plan says is told to its payments. After a crash the next run does the same."""
    while asked(store, request, rules, now_us()):
        pass


def _can(channel: Channel, code: str, reason: str) -> None:
    if channel.batch is None:
        raise WrongState(
            f"channel {channel.name!r} sends payments one by one, and its rail takes no request to cancel one; "
            "`gateway cancel` withdraws what was not sent"
        )
    codes = channel.batch.cancel_codes
    if not codes:
        raise WrongState(
            f"channel {channel.name!r} cannot ask its bank to cancel: its gateway, or the bank's profile, knows no "
            "such request. Ask the bank's people; what they say is told with `gateway release`"
        )
    if code not in codes:
        known = ", ".join(f"{one} ({what})" for one, what in codes.items())
        raise WrongState(f"{code!r} is no reason for which this bank cancels; say one of {known}")
    if not reason.strip():
        raise WrongState("say why it is to be cancelled; it is kept with the request")


def _chosen(connection: Connection, file: str, only: Sequence[str]) -> tuple[Record, list[str], int]:
    """The file, the keys of the chosen lines (none: all of it), and the number of the request, below 0."""
    row = documents.find(connection, file)
    payroll = payrolls.get(connection, row.payroll)
    if row.cancels:
        raise WrongState(f"{row.name} is a request to cancel itself")
    if row.state != "handed_over":
        raise WrongState(
            f"file {row.name} is {str(row.state).replace('_', ' ')}; the bank can cancel only what was handed over"
        )
    if payroll.state not in SENDS:
        raise WrongState(f"payroll {payroll.name!r} is {payroll.state.replace('_', ' ')}; its payments are frozen")
    requests = documents.cancelling(connection, row.id)
    keys = _keys(connection, row, only) if only else _whole(connection, row, requests)
    of_payroll = sa.select(sa.func.min(d.documents.c.number)).where(
        d.documents.c.payroll == row.payroll, d.documents.c.channel == row.channel
    )
    return row, keys, min(int(connection.execute(of_payroll).scalar() or 0), 0) - 1


def _whole(connection: Connection, row: Record, requests: Sequence[Record]) -> list[str]:
    for request in requests:
        life = documents.look(connection, request.id)[1]
        (plan,) = (fact for fact in journal.facts_of_payroll(connection, request.id) if fact.kind == "planned")
        if not plan.body["keys"] and not life.not_cancelled and request.state not in ("refused", "withdrawn"):
            raise WrongState(
                f"the bank was asked already to cancel {row.name} ({request.name}), and has not refused it"
            )
    states = document_lines.states(connection, row.id)
    if not {"pending", "unknown", "held"} & set(states):
        raise WrongState(f"every payment of {row.name} is decided: there is nothing to cancel any more")
    return []


def _keys(connection: Connection, row: Record, only: Sequence[str]) -> list[str]:
    left, keys, after = set(only), [], 0
    if len(left) > MOST:
        raise WrongState(f"{len(left)} payments are named, and at most {MOST} can be; ask for the whole file")
    while page := document_lines.page(connection, row.id, after, PAGE):
        after = page[-1].n
        named = [line for line in page if {line.id, line.invoice} & left]
        facts = journal.facts_of_many(connection, [line.id for line in named])
        for line in named:
            left -= {line.id, line.invoice}
            keys.append(_key(connection, row, line, facts[line.id]))
    if left:
        raise NotFoundError(f"{', '.join(sorted(left)[:5])}: no payment of the file {row.name}")
    return keys


def _key(connection: Connection, row: Record, line: Record, facts: Any) -> str:
    case = fold(facts)
    if not stands(line, case):
        raise WrongState(f"payment {line.id} is {case.state}, and not with the bank in {row.name} any more")
    if undecided(connection, case):
        raise WrongState(f"the bank was asked already to cancel payment {line.id}, and has not decided")
    return str(line.key)


def _plan(store: Store, channel: Channel, row: Record, number: int, request: str, said: dict[str, Any]) -> None:
    """Its bytes first; then the row and its fact, if nothing has changed meanwhile."""
    assert channel.batch is not None
    at = now_us()
    ident = short_id("cancel", store.deployment, row.payroll, row.channel, number)
    about = Cancelling(
        row.name, tuple(said["keys"]), said["code"], ident, as_time(at), lambda: files.open_file(store, row.sha256)
    )
    try:
        made = channel.batch.cancel(about)
    except Faulty:
        raise
    except Exception as error:
        raise WrongState(f"the request cannot be written: {type(error).__name__}: {error}") from error
    kept = files.keep(store, [made.content], files.LARGEST)
    new = {
        "id": request, "payroll": row.payroll, "channel": row.channel, "number": number, "name": made.name,
        "cancels": row.id, "sha256": kept.sha256, "size": kept.size, "lines": 0, "total": 0, "currency": row.currency,
        "allocation": documents.allocation([]), "fingerprint": channel.fingerprint, "planned_at": at,
    }  # fmt: skip
    with store.write() as connection:
        agreed = connection.execute(sa.delete(t.releases).where(_x.payment == request)).rowcount
        if not agreed or documents.exists(connection, request):
            raise WrongState(f"a cancellation of {row.name} was asked for by somebody else just now; look again")
        connection.execute(sa.insert(d.documents).values(**new))
        fresh, life = documents.look(connection, request)
        body = documents.fixed(fresh) | said
        fact = note(life, at, "planned", "", f"officer {said['second']}", **body)
        documents.tell(connection, store, fresh, life, [fact])
