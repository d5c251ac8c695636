"""Opening, creating and closing a store; and what a restored one needs."""

from __future__ import annotations

import logging
import time
import uuid
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from ..model.errors import StoreError
from ..model.facts import Fact
from ..model.life import add, fold
from ..model.states import SETTLED, WITHDRAWN
from . import documents, journal, senders
from . import tables as t
from .database import Store, create, now_us, recognise
from .prepared import Prepared

log = logging.getLogger(__name__)
PAGE = 200
# Seconds between two looks at who sends.
LOOK = 0.2
_p, _r, _f = t.payments.c, t.payrolls.c, t.facts.c
_IS_RESTORED = Prepared(sa.select(t.meta.c.value).where(t.meta.c.key == "restored"))
_NEWEST = Prepared(sa.select(_f.session, _f.n, _f.chain).order_by(_f.session.desc(), _f.n.desc()).limit(1))
_UNSETTLED = Prepared(
    sa.select(t.payments)
    .join(t.payrolls, _r.id == _p.payroll)
    .where(
        *(_p.state != state for state in sorted(SETTLED - {"refused"})),
        *(_r.state != state for state in sorted(WITHDRAWN)), _r.complete, _p.id > sa.bindparam("w_after"),
    )
    .order_by(_p.id)
    .limit(PAGE)
)  # fmt: skip
_DUE_AT_ONCE = Prepared(
    sa.update(t.payments)
    .where(_p.id == sa.bindparam("b_id"))
    .values(state=sa.bindparam("b_state"), facts=sa.bindparam("b_facts"), due=0, sender=sa.null())
)


def open_store(url: str, deployment: str, environment: str, *, create: bool = False) -> Store:
    """Open the store at `url`. A missing one is an error unless `create`."""
    _file(url, create)
    store = store_at(url, deployment)
    try:
        if create:
            _make(store, environment)
        recognise(store, environment)
        store.begin = partial(journal.begin_session, store)
        store.begin()
    except BaseException:
        store.close()
        raise
    return store


def store_at(url: str, deployment: str) -> Store:
    """The store at an address, not yet recognised. Raises StoreError where its database's library is missing."""
    if make_url(url).get_backend_name() == "sqlite":
        return Store(url, deployment)
    try:
        from .postgresql import ServerStore
    except ImportError as error:
        raise StoreError(f"PostgreSQL cannot be used ({error}): pip install 'gateway-core[postgresql]'") from error
    return ServerStore(url, deployment)


def _file(url: str, create: bool) -> None:
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database:
        return
    path = Path(parts.database)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise StoreError(f"{path} exists already; nothing was changed")
        path.touch(mode=0o600)
    elif not path.exists():
        raise StoreError(f"there is no store at {path}; `gateway init` makes one")


def _make(store: Store, environment: str) -> None:
    # The store's own identity, so that a copy's mark is not taken for it; nothing inside a flow depends on it.
    create(store, environment, uuid.uuid4().hex)


def close_store(store: Store) -> None:
    """End the writer session: its head is recorded, so that a later cut at its end shows.

    Where it cannot be recorded, that is logged: whoever closes a store that fails has the reason already.
    """
    try:
        if not store.uncertain and store.head not in ((0, b""), store.ended):
            with store.write() as connection:
                journal.record_head(connection, store, "session ended")
                ended = sa.update(t.sessions).where(t.sessions.c.id == store.session).values(ended_at=now_us())
                connection.execute(ended)
            store.ended = store.head
    except StoreError as error:
        log.warning("the end of session %s was not recorded: %s", store.session, error)
    finally:
        store.close()


def newest(store: Store) -> tuple[int, int, bytes]:
    """(session, n, chain) of the newest session's last fact, for the mark; n is 0 in a store without facts."""
    with store.read() as connection:
        rows = _NEWEST.rows(connection)
    return (rows[0].session, rows[0].n, rows[0].chain) if rows else (store.session, 0, b"")


def restored(store: Store, by: str, second: str) -> int:
    """Mark every payment that is not settled: the rail is asked before anything is sent (again). Returns how many."""
    documents.restored(store, by, second)
    count, after = 0, ""
    while True:
        with store.write() as connection:
            rows = _UNSETTLED.rows(connection, w_after=after)
            facts = journal.facts_of_many(connection, [row.id for row in rows])
            told, changed = [], []
            for row in rows:
                life = fold(facts[row.id])
                fact = Fact(
                    life.facts + 1, now_us(), "restored", attempt=life.attempt, body={"by": by, "second": second}
                )
                add(life, fact)
                told.append((row.payroll, row.id, fact))
                changed.append({"b_id": row.id, "b_state": life.state, "b_facts": life.facts})
            if changed:
                _DUE_AT_ONCE.run(connection, changed)
            journal.append(connection, store, told)
        if not rows:
            return count
        count += len(rows)
        after = rows[-1].id


def joins_senders(store: Store) -> bool:
    """Whether another sender renews its lease just now: it has held its own mark against this server.

    Waits for that no longer than leases run.
    """
    if not store.server:
        return False
    with store.read() as connection:
        left = first = senders.leases(connection)
    while left:
        time.sleep(LOOK)
        with store.read() as connection:
            left = {token: until for token, until in senders.leases(connection).items() if token in first}
        if any(until > first[token] for token, until in left.items()):
            return True
    return False


def note_restored(store: Store, said: str) -> None:
    """Keep that the store was restored, and who said so ('' ends it). Until then new payrolls are asked about, too:
    one that was proposed and sent after the backup, and is proposed again now, has the same keys.
    """
    with store.write() as connection:
        connection.execute(sa.delete(t.meta).where(t.meta.c.key == "restored"))
        if said:
            connection.execute(sa.insert(t.meta).values(key="restored", value=said))


def is_restored(store: Store) -> bool:
    """Whether what is sent for the first time is asked about before."""
    with store.read() as connection:
        return bool(_IS_RESTORED.rows(connection))
