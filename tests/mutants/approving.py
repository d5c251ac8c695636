"""Bugs in approving: something is paid that is not what a checker saw (law 5), or saw without a signature (law 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from gateway_core import filing
from gateway_core.contract.channel import Channel
from gateway_core.lifecycle import approval, running
from gateway_core.model.payment import Payment
from gateway_core.store import payments as stored
from gateway_core.store import payrolls, writes

from .hunting import Swarm, law, mutant
from .office import EDITED, EDITED_BEFORE, EDITED_WITH_LEAF, MOVED, UNAPPROVED, UNSIGNED
from .people import any_state_layer
from .worlds import PEOPLE


def no_leaf_check_layer(m: pytest.MonkeyPatch) -> None:
    """Every line is taken for what was approved."""
    real = stored.as_line

    def as_line(row: Any, facts: Any) -> stored.Line:
        line = real(row, facts)
        return attrs.evolve(line, leaf=line.payment.leaf())

    m.setattr(stored, "as_line", as_line)


@mutant(breaks="5", hunt=Swarm(PEOPLE, 120))
def no_leaf_check(m: pytest.MonkeyPatch) -> None:
    """Lines are not compared with what was approved when they are sent: somebody edits an account in the file."""
    no_leaf_check_layer(m)


@mutant(breaks="5", hunt=law(EDITED))
def leaf_without_the_account(m: pytest.MonkeyPatch) -> None:
    """The digest that is approved leaves out where the money goes."""
    real = Payment.leaf
    m.setattr(Payment, "leaf", lambda self: real(attrs.evolve(self, account=attrs.evolve(self.account, value="x"))))


@mutant(breaks="5", hunt=law(EDITED))
def leaf_without_the_name(m: pytest.MonkeyPatch) -> None:
    """The digest that is approved leaves out what "only people read"; the rail reads it, too."""
    real = Payment.leaf
    m.setattr(Payment, "leaf", lambda self: real(attrs.evolve(self, name="")))


def not_compared_at_the_start_layer(m: pytest.MonkeyPatch) -> None:
    """Every payroll is fit to be sent."""
    m.setattr(running, "fit_to_send", lambda store, row, fingerprints, approvers: "")


@mutant(
    breaks="5", hunt=law(EDITED_WITH_LEAF),
    seen="None of the systems that were looked at binds an approval to what was approved.",
)  # fmt: skip
def skip_the_approval_digest(m: pytest.MonkeyPatch) -> None:
    """A start does not compare the payroll with the digest that was approved: a line is edited with its leaf."""
    not_compared_at_the_start_layer(m)


@mutant(breaks="5", hunt=law(EDITED_BEFORE), masked_by=(no_leaf_check_layer,))
def approve_without_reading(m: pytest.MonkeyPatch) -> None:
    """An approval does not read the lines again: what was edited since the proposal is approved unseen.

    Harmless while each line is compared with its leaf before it is sent.
    """
    m.setattr(approval, "_verify_content", lambda store, row: None)


@mutant(
    breaks="5", hunt=law(MOVED),
    seen="openIMIS payroll 1.5.0: one connector for all payrolls; those of provider A went to provider B, 5 of 5.",
)  # fmt: skip
def fingerprint_without_the_address(m: pytest.MonkeyPatch) -> None:
    """What is approved of a channel leaves out where it goes."""
    m.setattr(Channel, "fingerprint", property(lambda self: self.gateway.name))


def _approved_or_not_layer(m: pytest.MonkeyPatch) -> None:
    """Neither claim nor intent looks at the payroll's state."""
    m.setattr(payrolls, "sends", lambda connection, payroll: True)
    m.setattr(writes, "_may_go", lambda row: True)


@mutant(
    breaks="5", hunt=law(UNAPPROVED),
    masked_by=(not_compared_at_the_start_layer, _approved_or_not_layer, any_state_layer),
    seen="openIMIS payroll 1.5.0: payrolls awaiting approval, rejected and reconciled were all paid.",
)  # fmt: skip
def send_what_nobody_approved(m: pytest.MonkeyPatch) -> None:
    """A run takes every payroll, whatever its state.

    Harmless while the start asks for an approval's digest, claim and intent ask for the payroll's state again, and the
    table of states has no edge from planned to sending.
    """
    m.setattr(payrolls, "sending", payrolls.listed)


@mutant(breaks="6", hunt=law(UNSIGNED))
def any_signature_will_do(m: pytest.MonkeyPatch) -> None:
    """Where approvers sign, something is there, and nobody verifies it."""

    def verify(approvers: Mapping[str, str], by: str, message: bytes, signature: str) -> None:
        """Nothing is checked."""

    m.setattr(filing, "verify", verify)
