"""Trials of what people do: cancel, carry over, propose again, release, approve; and of what was approved."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway_core.model.errors import GatewayCoreError
from gateway_core.store import payments

from .desk import LOST, PENDING, Desk, Rail, desk, never_twice, states_and_money
from .hunting import Trial, must_hold


def cancelled_after_it_was_sent(account: str) -> Trial:
    """An officer cancels what the rail has taken; it must stay as it is."""

    def trial(folder: Path) -> None:
        with desk(folder, ask_after=60.0, ask_at_most=60.0, patience=600.0) as (shop, rail):
            payroll = shop.approved([shop.invoice(0, account)])
            shop.run(payroll, wait=0)
            with suppress(GatewayCoreError):
                shop.paymaster.cancel(payroll, by="amina", reason="moved away")
            states_and_money(shop, rail)
            must_hold("3", shop.state(payroll) != "cancelled", "cancelled, and the rail may still pay")

    return trial


CANCELLED = (cancelled_after_it_was_sent(LOST), cancelled_after_it_was_sent(PENDING))


def _run_another(shop: Desk, propose: Callable[[], str]) -> None:
    """Propose, approve and run one more payroll, as far as that is allowed."""
    with suppress(GatewayCoreError):
        payroll = propose()
        shop.paymaster.approve(payroll, by="joseph")
        shop.run(payroll)


def carried_over_while_unknown(folder: Path) -> None:
    """The rail paid, its answer is lost, and what is not known to be paid goes into the next payroll."""
    with desk(folder) as (shop, rail):
        first = shop.paid([shop.invoice(0, LOST)], "first")
        _run_another(shop, lambda: shop.paymaster.carry_over(first, "second", by="amina"))
        never_twice(rail)


CARRIED = (carried_over_while_unknown,)


def proposed_once_more(folder: Path) -> None:
    """Another payroll names a person of whom the first one has paid what she is owed."""
    with desk(folder) as (shop, rail):
        shop.paid([shop.invoice(0, "w-0")], "first")
        _run_another(shop, lambda: shop.proposed([shop.invoice(0, "w-0", id="inv-again")], "second"))
        never_twice(rail)


AGAIN = (proposed_once_more,)


def closed_while_held(folder: Path) -> None:
    """Nobody knows whether one person was paid, and the payroll is reconciled and closed."""
    with desk(folder) as (shop, _):
        payroll = shop.paid([shop.invoice(0, LOST), shop.invoice(1, "w-1")])
        with suppress(GatewayCoreError):
            shop.paymaster.reconcile(payroll, by="amina")
            shop.paymaster.close(payroll, by="joseph")
        closed = shop.paymaster.status(payroll)[0].state == "reconciled"
        must_hold("12", not closed, "a payroll was closed while a payment is held")


CLOSED = (closed_while_held,)


def released_by_one(folder: Path) -> None:
    """Amina says twice what becomes of a held payment."""
    with desk(folder) as (shop, _):
        payment = shop.payment(shop.paid([shop.invoice(0, LOST)]))
        with suppress(GatewayCoreError):
            for name in ("amina", "Amina"):
                shop.paymaster.release(payment, "refused", by=name, reason="she says so")
        must_hold("6", shop.paymaster.payments()[0].state == "held", "one person released a held payment")


RELEASED = (released_by_one,)


def approved_by_its_maker(folder: Path) -> None:
    """Amina proposed it, and approves it under another spelling of her name."""
    with desk(folder) as (shop, _):
        payroll = shop.proposed([shop.invoice(0, "w-0")])
        with suppress(GatewayCoreError):
            shop.paymaster.approve(payroll, by=" AMINA ")
        must_hold("6", shop.paymaster.status(payroll)[0].state == "awaiting_approval", "the maker approved her payroll")


ALONE = (approved_by_its_maker,)


def approved_unsigned(folder: Path) -> None:
    """The configuration lists approvers, and the host says that one of them approved."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    with desk(folder, top={"approvers": {"joseph": base64.b64encode(key).decode()}}) as (shop, _):
        payroll = shop.proposed([shop.invoice(0, "w-0")])
        with suppress(GatewayCoreError):
            shop.paymaster.approve(payroll, by="joseph", signature="A" * 86 + "==")
        must_hold("6", shop.paymaster.status(payroll)[0].state == "awaiting_approval", "approved without a signature")


UNSIGNED = (approved_unsigned,)


# -- what was approved ------------------------------------------------------------------------------------------------


def only_as_approved(rail: Rail, approved: dict[str, tuple[object, ...]]) -> None:
    """Law 5, from the ledger: what left is what the checker saw."""
    for order in rail.orders.values():
        sent = (order["account"]["value"], order["amount"], order["currency"], order["name"], order["entitlement"])
        must_hold("5", approved.get(order["reference"]) == sent, "money left otherwise than it was approved")


def _lines(shop: Desk) -> dict[str, tuple[object, ...]]:
    query = "SELECT id, account, amount, currency, name, entitlement FROM payments"
    return {payment: tuple(rest) for payment, *rest in shop.select(query)}


def edited(change: str, *, leaf: bool = False, before_approval: bool = False) -> Trial:
    """Somebody with access to the file changes a line, with its `leaf` if he knows how; then it is run."""

    def trial(folder: Path) -> None:
        with desk(folder) as (shop, rail):
            payroll = shop.proposed([shop.invoice(0, "w-0"), shop.invoice(1, "w-1")])
            approved = _lines(shop)
            if not before_approval:
                shop.paymaster.approve(payroll, by="joseph")
            shop.altered(lambda db: _line_1(db, change))
            if leaf:
                _leaf_again(shop)
            if before_approval:
                with suppress(GatewayCoreError):
                    shop.paymaster.approve(payroll, by="joseph")
            shop.run(payroll, wait=0)
            only_as_approved(rail, approved)

    return trial


def _leaf_again(shop: Desk) -> None:
    with shop.paymaster._store.read() as connection:
        (row,) = payments.page(connection, shop.paymaster.status()[0].id, 0, 1)
    leaf = payments.as_payment(row).leaf()
    shop.altered(lambda db: _line_1(db, "leaf = ?", leaf))


def _line_1(db: sqlite3.Connection, change: str, *values: object) -> None:
    assert db.execute(f"UPDATE payments SET {change} WHERE line = 1", values).rowcount == 1


THIEF = "account = 'w-thief'"
EDITED = tuple(edited(change) for change in (THIEF, "amount = 999999", "name = 'A thief'", "entitlement = 'x'"))
EDITED_WITH_LEAF = (edited(THIEF, leaf=True),)
EDITED_BEFORE = (edited(THIEF, before_approval=True),)


def another_address(folder: Path) -> None:
    """The channel is configured to go elsewhere after the approval."""
    with desk(folder) as (shop, rail):
        payroll = shop.approved([shop.invoice(0, "w-0")])
        channels = shop.config["channels"]
        shop.reopen(channels={"dummy": {**channels["dummy"], "base_url": "http://127.0.0.1:10"}})
        shop.paymaster._lane = lambda channel: rail
        shop.run(payroll, wait=0)
        must_hold("5", not rail.paid, "money left over another address than was approved")


MOVED = (another_address,)


def never_approved(folder: Path) -> None:
    """A payroll that awaits its approval, while everything is run."""
    with desk(folder) as (shop, rail):
        shop.proposed([shop.invoice(0, "w-0")])
        shop.run(wait=0)
        must_hold("5", not rail.paid, "money left of a payroll that nobody approved")


UNAPPROVED = (never_approved,)


def older_than_what_was_sent(folder: Path) -> None:
    """An old backup is put back, over a rail that books every copy; nobody says that it was restored."""
    with desk(folder) as (shop, rail):
        rail.dedupes = False
        shop.approved([shop.invoice(0, "w-0")])
        shop.paymaster.backup(folder / "backup.db")
        shop.run()
        shop.paymaster.close_store()
        for name in ("store.db-wal", "store.db-shm"):
            (folder / name).unlink(missing_ok=True)
        (folder / "backup.db").replace(shop.store)
        shop.reopen()
        shop.paymaster._lane = lambda channel: rail
        with suppress(GatewayCoreError):
            shop.run()
        never_twice(rail)


BACKUP = (older_than_what_was_sent,)
