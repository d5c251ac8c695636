"""Telling the host's observers what was recorded: after the commit, at least once, each with a durable cursor.

Sessions write side by side, so that an observer has one place per session; facts of one payment come in order within
a session, and an observer that raises hears the same page again at the next turn.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa

from ..contract.policies import Policies
from ..store import Store, journal
from ..store import tables as t

PAGE = 500
log = logging.getLogger(__name__)
_f, _c = t.facts.c, t.cursors.c


def tell(store: Store, policies: Policies) -> int:
    """Give every observer its next facts. Returns how many were told."""
    told = 0
    for observer in policies.observers():
        try:
            told += _tell(store, policies, observer)
        except Exception:
            log.exception("observer %s raised; it hears the same facts again", observer)
    return told


def _tell(store: Store, policies: Policies, observer: str) -> int:
    with store.read() as connection:
        heard = {row.session: row.n for row in connection.execute(sa.select(t.cursors).where(_c.observer == observer))}
        sessions = list(connection.execute(sa.select(_f.session).distinct().order_by(_f.session)).scalars())
    told = 0
    for session in sessions:
        while True:
            after = heard.get(session, 0)
            query = sa.select(t.facts).where(_f.session == session, _f.n > after).order_by(_f.n).limit(PAGE)
            with store.read() as connection:
                rows = list(connection.execute(query))
            if not rows:
                break
            policies.tell(observer, [(row.payment, journal.as_fact(row)) for row in rows if row.payment])
            heard[session] = rows[-1].n
            _note(store, observer, session, rows[-1].n)
            told += len(rows)
    return told


def _note(store: Store, observer: str, session: int, n: int) -> None:
    with store.write() as connection:
        here = sa.and_(_c.observer == observer, _c.session == session)
        if not connection.execute(sa.update(t.cursors).where(here).values(n=n)).rowcount:
            connection.execute(sa.insert(t.cursors).values(observer=observer, session=session, n=n))
