"""Small stores, built through the store's own functions and without the engine, and hands that tamper with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.lifecycle import approval
from gateway_core.model.accounts import Account
from gateway_core.model.facts import Fact
from gateway_core.model.identity import Root, derived_uuid
from gateway_core.model.life import add, fold
from gateway_core.model.money import Money
from gateway_core.model.payment import Payment
from gateway_core.reconcile import closing as closing_payrolls
from gateway_core.reconcile.audit import Agreement
from gateway_core.store import Result, Store, Write, journal, payments, payrolls, senders, writes
from gateway_core.store import tables as t
from gateway_core.store.database import now_us, recognise
from gateway_core.store.findings import Verification
from gateway_core.store.opening import close_store, open_store, store_at
from gateway_core.store.verifying import verify
from tests import stores

DEPLOYMENT = "example"
PRINTS = {"dummy": "fingerprint-1"}


def new_store(path: Path) -> Store:
    return open_store(stores.address(path), DEPLOYMENT, "test", create=True)


def open_again(path: Path) -> Store:
    return open_store(stores.address(path), DEPLOYMENT, "test")


def a_payment(entitlement: str, number: int = 1, amount: int = 500) -> Payment:
    return Payment(
        id=derived_uuid(DEPLOYMENT, entitlement, number), number=number, invoice=f"inv-{entitlement}-{number}",
        entitlement=entitlement, beneficiary=f"person {entitlement}", name=f"Name {entitlement}",
        account=Account("wallet", f"w-{entitlement}"), amount=Money(amount, "UGX"), programme="grant", cycle="2026-11",
        instalment="", reference="grant", channel="dummy", extra={"village": "Kira"},
    )  # fmt: skip


def propose(store: Store, name: str, lines: Sequence[Payment], by: str = "amina") -> str:
    root = Root()
    for line in lines:
        root.add(line.leaf())
    total = sum(line.amount.minor for line in lines)
    with store.write() as connection:
        connection.execute(
            sa.insert(t.payrolls).values(
                id=name, name=name, state="draft", channel="dummy", content=b"content", proposed_by=by,
                proposed_at=now_us(), currency="UGX",
            )
        )  # fmt: skip
        rows = [payments.columns_of(line, name, number) for number, line in enumerate(lines, start=1)]
        connection.execute(sa.insert(t.payments), rows)
        row = connection.execute(sa.select(t.payrolls).where(t.payrolls.c.id == name)).one()
        body = {
            "root": root.value().hex(), "lines": len(lines), "total": total, "channels": PRINTS, "note": "",
            "name": name, "currency": "UGX", "content": b"content".hex(),
        }  # fmt: skip
        payrolls.record(
            connection, store, row, "proposed", by, body, state="awaiting_approval", complete=True, root=root.value(),
            lines=len(lines), total=total, channels=json.dumps(PRINTS),
        )  # fmt: skip
    return name


def approve(store: Store, payroll: str, by: str = "joseph") -> None:
    approval.approve(store, payroll, by, PRINTS, valid_hours=1)


def claim(store: Store, payroll: str, size: int = 100) -> int:
    """Be a sender who has claimed the payroll's payments and taken their entitlements. Returns the token."""
    with store.write() as connection:
        token = senders.start(connection, 60_000_000, alone=True)
        senders.take_over(connection)
        _, refused = senders.claim(connection, token, payroll, "dummy", now_us(), size)
        assert refused == {}
        payrolls.begun(connection, store, payroll)
    return token


Said = tuple[str, str, dict[str, Any]]


def intent(key: str, *, money: bool = True) -> Said:
    body = {"moves_money": money, "request": {"path": "/payments"}, "find_out": {"path": f"/payments/{key}"}}
    return "intent", "sent", {"step": "pay" if money else "lookup", "key": key, "body": body}


def answer(value: str, key: str, **rest: Any) -> Said:
    return "answer", value, {"step": "pay", "key": key, "source": "ask", "body": {"moves_money": True}, **rest}


PAID: Said = ("outcome", "paid", {"source": "flow", "body": {"reference": "rail-1"}})
REFUSED: Said = ("outcome", "refused", {"source": "flow", "body": {"reason": "no such account"}})
WAITING: Said = ("word", "waiting", {"step": "pay", "source": "ask"})
HELD: Said = ("hold", "asked often enough", {})
RETRY: Said = ("retry", "", {"source": "officer amina", "body": {"reason": "account was mended"}})


def written(line: payments.Line, facts: Sequence[Said], **changes: Any) -> Write:
    """The write that an engine would make of these facts."""
    life, new, ended, began = fold(line.facts), list[Fact](), 0, False
    known = len(life.cases)
    for kind, value, rest in facts:
        money = life.money is not None
        fact = Fact(life.facts + 1, now_us(), kind, value, **{"attempt": life.attempt, **rest})
        ended = life.attempt if kind in ("ended", "retry") and money else ended
        began = began or (kind == "intent" and bool(fact.body["moves_money"]))
        add(life, fact)
        new.append(fact)
    how: dict[str, Any] = {"money_intent": began, "ended_attempt": ended, "cases": tuple(life.cases[known:])}
    return attrs.evolve(Write.of(line.payment.id, line.payroll, life, len(line.facts), new, **how), **changes)


def tell(store: Store, payment: Payment, *facts: Said, **changes: Any) -> Result:
    with store.write() as connection:
        line = payments.get(connection, payment.id)
        assert line is not None
        return writes.apply(connection, store, [written(line, facts, **changes)])[0]


def line_of(store: Store, payment: Payment) -> payments.Line:
    with store.read() as connection:
        line = payments.get(connection, payment.id)
    assert line is not None
    return line


LINES = {
    name: a_payment(name, amount=500 + place)
    for place, name in enumerate(("paid", "refused", "pending", "late", "held", "unsent", "closed", "waiting", "gone"))
}


def tell_a_story(path: Path) -> None:
    """Three sessions: a payroll under way with every kind of end, a closed one, a waiting one, a rejected one."""
    store = new_store(path)
    propose(store, "grant", [LINES[name] for name in ("paid", "refused", "pending", "late", "held", "unsent")])
    approve(store, "grant")
    close_store(store)
    store = open_again(path)
    _send(store)
    close_store(store)
    store = open_again(path)
    approve(store, propose(store, "small", [LINES["closed"]]))
    claim(store, "small")
    assert tell(store, LINES["closed"], intent("k-closed"), answer("done", "k-closed"), PAID) is Result.OK
    with store.write() as connection:
        payrolls.paid_out(connection, store, "small")
    closing_payrolls.reconciled(store, "small", "amina", Agreement(asked=1, agreed=1))
    closing_payrolls.close(store, "small", "joseph")
    propose(store, "next", [LINES["waiting"]])
    approval.reject(store, propose(store, "bad", [LINES["gone"]]), "joseph", "wrong month")
    approval.pause(store, "grant", "joseph", "a look first")
    close_store(store)


def _send(store: Store) -> None:
    claim(store, "grant", 5)
    for name in ("paid", "refused", "pending", "late", "held"):
        assert tell(store, LINES[name], intent(f"k-{name}")) is Result.OK
    stories: dict[str, list[tuple[Said, ...]]] = {
        "paid": [(answer("done", "k-paid"), PAID)],
        "refused": [(answer("refused", "k-refused"), REFUSED)],
        "pending": [(answer("refused", "k-pending"), REFUSED), (RETRY,), (intent("k-pending-2"),), (WAITING,)],
        "late": [
            (answer("refused", "k-late"), REFUSED), (RETRY,), (answer("done", "k-late", attempt=1, source="callback"),)
        ],
        "held": [(HELD,)],
    }  # fmt: skip
    for name, story in stories.items():
        for facts in story:
            if facts[0][0] == "intent":
                # It gave its entitlement back when it was refused; the next claim takes it again, for the next attempt.
                claim(store, "grant", 1)
            assert tell(store, LINES[name], *facts) is Result.OK
    closing_payrolls.close_case(store, 1, "joseph", "the rail sent it back")


def look(path: Path, heads: Path | None, key: Ed25519PrivateKey | None = None) -> Verification:
    """Verify without a writer session of one's own: nothing is written."""
    store = store_at(stores.address(path), DEPLOYMENT)
    try:
        recognise(store, "test")
        return verify(store, heads, key.public_key() if key else None)
    finally:
        store.close()


# -- hands that tamper -------------------------------------------------------------------------------------------------


def sql(path: Path, *statements: str | tuple[str, Sequence[object]]) -> int:
    """Run statements behind the store's back. Returns how many rows they changed."""
    told = [statement if isinstance(statement, tuple) else (statement, ()) for statement in statements]
    return sum(max(stores.run(path, text, values), 0) for text, values in told)


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change facts, and compute every digest, chain and recorded head anew, as a thorough hand would."""
    place = (t.facts.c.session == sa.bindparam("at_session"), t.facts.c.n == sa.bindparam("at_n"))
    with stores.connected(path) as connection:
        previous, session = b"", None
        for row in map(
            dict, connection.execute(sa.select(t.facts).order_by(t.facts.c.session, t.facts.c.n)).mappings()
        ):
            previous = previous if row["session"] == session else b""
            session = row["session"]
            change(row)
            row["digest"] = hashlib.sha256(row["salt"] + row["body"].encode()).digest()
            previous = row["chain"] = journal.link(previous, row)
            where = {"at_session": row["session"], "at_n": row["n"]}
            connection.execute(sa.update(t.facts).where(*place).values(row), where)
        connection.exec_driver_sql(
            "UPDATE heads SET chain = (SELECT chain FROM facts f WHERE f.session = heads.session AND f.n = heads.n)"
        )
