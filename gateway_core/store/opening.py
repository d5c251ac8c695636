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
_IS_RESTORED = Prepared(sa.select(t.meta.c.value).where(t.meta.c.key == "restored"))


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
    f = t.facts.c
    last = sa.select(f.session, f.n, f.chain).order_by(f.session.desc(), f.n.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(last).first()
    return (row.session, row.n, row.chain) if row else (store.session, 0, b"")


def restored(store: Store, by: str, second: str) -> int:
    """Mark every payment that is not settled: the rail is asked before anything is sent (again). Returns how many."""
    p, r = t.payments.c, t.payrolls.c
    query = (
        sa.select(t.payments)
        .join(t.payrolls, r.id == p.payroll)
        .where(p.state.not_in(SETTLED - {"refused"}), r.state.not_in(WITHDRAWN), r.complete)
        .order_by(p.id)
        .limit(PAGE)
    )
    documents.restored(store, by, second)
    count, after = 0, ""
    while True:
        with store.write() as connection:
            rows = list(connection.execute(query.where(p.id > after)))
            facts = journal.facts_of_many(connection, [row.id for row in rows])
            told = []
            for row in rows:
                life = fold(facts[row.id])
                fact = Fact(
                    life.facts + 1, now_us(), "restored", attempt=life.attempt, body={"by": by, "second": second}
                )
                add(life, fact)
                told.append((row.payroll, row.id, fact))
                changed = sa.update(t.payments).where(p.id == row.id)
                connection.execute(changed.values(state=life.state, facts=life.facts, due=0, sender=None))
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
