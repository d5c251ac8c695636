"""The hooks of a rail. One gateway per channel answers them; nobody else is registered there.

Nobody marks their methods: `Gateway.__init_subclass__` does it, so that a decorator can never be forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ..model.accounts import Account
    from ..model.payment import Objection, Payment
    from .flow import Ask, Balances, Checks, Ctx, PayFlow
    from .replies import Arrival, Callback, Reply, Verdict

PROJECT = "gateway_core"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class GatewaySpecs:
    """The four hooks of the product, one that only rails with callbacks need, and one of what needs no question."""

    @hookspec(firstresult=True)
    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:  # type: ignore[empty-body]
        """Is there an account to pay to? A flow that returns objections; an empty list when all is well."""

    @hookspec(firstresult=True)
    def check_payment(self, payment: Payment) -> Sequence[Objection]:  # type: ignore[empty-body]
        """What would `execute_payment` or `prepare_batch` refuse of it without asking anybody? Pure and quick."""

    @hookspec(firstresult=True)
    def check_balance(self, ctx: Ctx) -> Balances:  # type: ignore[empty-body]
        """What can the institution pay out now? A flow that returns a Balance, or None where the rail cannot say."""

    @hookspec(firstresult=True)
    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:  # type: ignore[empty-body]
        """Move the money. A flow that returns Paid or Refused."""

    @hookspec(firstresult=True)
    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:  # type: ignore[empty-body]
        """What does this reply say about this ask? Pure. About another key, amount or account: Unknown."""

    @hookspec(firstresult=True)
    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """Which ask is this callback about, and is it authentic? None: about none of ours. Pure and quick."""


HOOKS = tuple(name for name in vars(GatewaySpecs) if not name.startswith("_"))
