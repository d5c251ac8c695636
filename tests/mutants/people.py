"""Bugs about what people do: cancel, carry over, release, and who may do it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from gateway_core import deciding
from gateway_core.lifecycle import approval, levels, officers, proposing
from gateway_core.model import life, states
from gateway_core.model.payment import Invoice
from gateway_core.reconcile import closing, report
from gateway_core.reconcile.audit import Agreement
from gateway_core.store import Store, cycles, opening, payments, senders, writes

from .hunting import law, mutant
from .office import AGAIN, ALONE, CANCELLED, CARRIED, CLOSED, RELEASED


def any_state_layer(m: pytest.MonkeyPatch) -> None:
    """Officers may cancel in every open state, and the table of states lets every state follow every other."""
    m.setattr(officers, "UNSENT", frozenset({"planned", "ready", "sending", "unknown", "pending"}))
    m.setattr(writes, "PAYMENT", {state: frozenset(states.STATES) for state in states.STATES})


@mutant(
    breaks="3", hunt=law(CANCELLED), masked_by=(any_state_layer,),
    seen="openIMIS payroll 1.5.0: rejecting an approved payroll resets paid items and deletes their payment records;"
    " 3 of 3 paid twice.",
)  # fmt: skip
def cancel_without_looking(m: pytest.MonkeyPatch) -> None:
    """An officer's cancel does not look whether money may have left.

    Harmless while only unsent payments are looked at and the table of states has no edge from there: three layers say
    the same, because "cancelled" frees the entitlement.
    """
    real = life.fold

    def fold(facts: Any) -> Any:
        its = real(facts)
        its.money = None
        return its

    m.setattr(officers, "fold", fold)


def claimed_whoever_has_it_layer(m: pytest.MonkeyPatch) -> None:
    """Claiming does not look at other payrolls, and the database lets an entitlement be taken twice."""
    m.setattr(senders, "_not_to_be_sent", lambda connection, unsent: {})
    real = opening._make

    def make(store: Store, environment: str) -> None:
        real(store, environment)
        with store.write() as connection:
            connection.execute(sa.text("DROP INDEX one_live_payment_per_entitlement"))

    m.setattr(opening, "_make", make)


def proposed_whoever_has_it_layer(m: pytest.MonkeyPatch) -> None:
    """Proposing does not look at other payrolls, neither before it stages anything nor page by page."""
    m.setattr(proposing, "_in_use", lambda store, payroll, taken: iter(()))
    m.setattr(cycles, "live", lambda connection, entitlements, but="", *, staged=False: {})


@mutant(
    breaks="3, 9", hunt=law(CARRIED), masked_by=(proposed_whoever_has_it_layer, claimed_whoever_has_it_layer),
    seen="openIMIS payroll 1.5.0: \"unpaid\" includes what the provider accepted; 4 of 4 paid twice.",
)  # fmt: skip
def carry_over_an_unknown(m: pytest.MonkeyPatch) -> None:
    """What is not known to be paid is carried over into the next payroll, from one that is not closed.

    Harmless while proposing refuses an entitlement that is live, claiming refuses one that is taken, and the database
    refuses to have it taken twice.
    """

    def unpaid(store: Store, payroll: str, *, elsewhere: bool = False) -> Iterator[Invoice]:
        for page in payments.pages(store.read, payroll, 500, sa.column("state") != "paid"):
            for p in map(payments.as_payment, page):
                yield Invoice(
                    id=p.invoice, beneficiary=p.beneficiary, name=p.name, account=p.account, amount=p.amount,
                    programme=p.programme, cycle=p.cycle, channel=p.channel,
                )  # fmt: skip

    m.setattr(closing, "unpaid", unpaid)


@mutant(
    breaks="9", hunt=law(AGAIN), masked_by=(claimed_whoever_has_it_layer,),
    seen="openIMIS payroll 1.5.0: nothing excludes a person who is in another payroll of the same cycle.",
)  # fmt: skip
def propose_whoever_is_paid_already(m: pytest.MonkeyPatch) -> None:
    """A person whose entitlement is paid in one payroll is proposed in another.

    Harmless while claiming looks again, and the database with it.
    """
    proposed_whoever_has_it_layer(m)


def compared_with_nobody_layer(m: pytest.MonkeyPatch) -> None:
    """A comparison counts although payments were not settled, or the rail said nothing about them."""
    real = closing.reconciled

    def reconciled(store: Store, payroll: str, by: str, agreement: Agreement) -> None:
        real(store, payroll, by, attrs.evolve(agreement, silent=0, unsettled=0))

    m.setattr(closing, "reconciled", reconciled)


def nothing_differs_layer(m: pytest.MonkeyPatch) -> None:
    """The zero-sum report calls everything explained."""
    m.setattr(report.Report, "explained", property(lambda self: True))


@mutant(
    breaks="12", hunt=law(CLOSED), masked_by=(compared_with_nobody_layer, nothing_differs_layer),
    seen="openIMIS payroll 1.5.0: a payroll is called reconciled before the provider is asked; 4 of 4 were not paid.",
)  # fmt: skip
def close_what_is_not_explained(m: pytest.MonkeyPatch) -> None:
    """Closing does not add up: a payroll is closed while a payment is held.

    Harmless while a comparison with the rail does not count before every payment is settled, and while the zero-sum
    report is asked as well.
    """
    m.setattr(closing.Totals, "explained", property(lambda self: True))


@mutant(breaks="6", hunt=law(RELEASED))
def one_person_releases(m: pytest.MonkeyPatch) -> None:
    """A held payment is released by one person who says it twice."""
    m.setattr(officers, "differ", lambda maker, checker, what: None)


def front_door_layer(m: pytest.MonkeyPatch) -> None:
    """The Paymaster itself does not ask who proposed."""
    m.setattr(deciding, "differ", lambda maker, checker, what: None)


def levels_layer(m: pytest.MonkeyPatch) -> None:
    """The levels of approval do not ask who acted on the payroll before."""
    m.setattr(levels, "differ", lambda maker, checker, what: None)


@mutant(
    breaks="6", hunt=law(ALONE), masked_by=(front_door_layer, levels_layer),
    seen="Permission checks restored after the fact in Burundi's fork of openIMIS payroll.",
)  # fmt: skip
def maker_approves(m: pytest.MonkeyPatch) -> None:
    """Who proposed a payroll approves it.

    Harmless while the Paymaster asks the same, before it looks at a signature, and the levels of approval ask it, too.
    """
    m.setattr(approval, "differ", lambda maker, checker, what: None)
