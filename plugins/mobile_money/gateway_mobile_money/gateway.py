"""The gateway: what all operators have in common. What differs is said by the channel's profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import attrs
import httpx

from gateway_core.contract import (
    Account,
    Arrival,
    Ask,
    Balance,
    Balances,
    Callback,
    Checks,
    Ctx,
    Done,
    Gateway,
    Objection,
    Paid,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Tokens,
    Unfit,
    Verdict,
)

from . import names, numbers
from .addresses import called
from .amounts import money_of
from .profile import USUAL, Profile
from .profiles import PROFILES
from .settings import MobileMoneySettings
from .tokens import AtSending

if TYPE_CHECKING:
    from starlette.applications import Starlette


class MobileMoneyGateway(Gateway[MobileMoneySettings]):
    """Pays to wallets by telephone number. `profile` names the operator's kind: see `profiles`."""

    name = "mobile_money"
    contract = 1
    capabilities = USUAL
    profiles: ClassVar[Mapping[str, type[Profile]]] = PROFILES

    def __init__(self, settings: MobileMoneySettings) -> None:
        super().__init__(settings)
        kind = self.profiles.get(settings.profile)
        if kind is None:
            raise Unfit(f"profile {settings.profile!r} is none of {', '.join(sorted(self.profiles))}")
        self.profile = kind(settings)
        self.capabilities = attrs.evolve(kind.capabilities, dedupes=settings.dedupe_proven)
        self._tokens = Tokens(ends_others=self.profile.token_ends_others)

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """One request moves the money; its key finds out what became of it."""
        refused = self.profile.unfit(payment)
        if refused is not None:
            return refused
        # By its digits alone: what the number plan says was said when it was checked, and may be renewed meanwhile.
        try:
            number = numbers.rendered("+" + payment.account.value, self.profile.number)
        except numbers.Wrong as wrong:
            return Refused(wrong.code, wrong.reason)
        done = yield self.profile.pay(payment, number, ctx.new_id("pay", self.profile.key_form))
        return Paid(str(done.body["reference"])) if isinstance(done, Done) else done

    def check_payment(self, payment: Payment) -> Sequence[Objection]:
        """Its currency, and whatever else the operator's kind cannot carry. What account it is, is asked elsewhere."""
        refused = self.profile.unfit(payment) if payment.account.type == "msisdn" else None
        return [Objection(refused.code, refused.reason)] if refused is not None else []

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """By the number plan first; then, where the operator tells: is there an account, is it active, whose is it?"""
        try:
            e164 = self._number(account, check=self.settings.check_numbers)
        except numbers.Wrong as wrong:
            return [Objection(wrong.code, wrong.reason)]
        said = list(self._allocation(e164))
        number = numbers.rendered(e164, self.profile.number)
        if (ask := self.profile.status(number)) is not None:
            found = yield ask
            if isinstance(found, Refused):
                return [*said, Objection(found.code, found.reason)]
            if not found.body["active"]:
                return [*said, Objection("not_active", "the account exists and cannot receive now")]
        wanted = ctx.name and self.settings.name_threshold > 0
        if wanted and (ask := self.profile.name(number)) is not None:
            found = yield ask
            if isinstance(found, Done):
                said += self._name(ctx.name, str(found.body["name"]))
        return said

    def _number(self, account: Account, *, check: bool) -> str:
        if account.type != "msisdn":
            raise numbers.Wrong("not_a_number", f"a {account.type} account; mobile money pays to telephone numbers")
        # The core keeps a number as country code and digits.
        return numbers.read(
            "+" + account.value, self.settings.country, cross_border=self.settings.cross_border, check=check
        )

    def _allocation(self, e164: str) -> Iterator[Objection]:
        ours, theirs = self.settings.operator or self.profile.operator, numbers.allocated_to(e164)
        if self.settings.check_numbers and ours and theirs and ours.casefold() not in theirs.casefold():
            text = (
                f"the number's prefix was given to {theirs}, this channel pays over {ours}; the person may have moved"
            )
            yield Objection("another_operator", text, blocks=False)

    def _name(self, ours: str, theirs: str) -> Iterator[Objection]:
        score, wanted = names.score(ours, theirs), self.settings.name_threshold
        if theirs.strip() and score < wanted:
            text = f"the operator knows this number as {theirs!r}: {score:.2f} alike, {wanted} wanted"
            yield Objection("name_differs", text)

    def check_balance(self, ctx: Ctx) -> Balances:
        """What the institution can pay out; None where the operator does not say so at once."""
        ask = self.profile.balance()
        if ask is None:
            return None
        found = yield ask
        return Balance(money_of(found.body)) if isinstance(found, Done) else None

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """As the profile's manual has it."""
        return self.profile.read_payment(ask, reply) if ask.moves_money else self.profile.read_question(ask, reply)

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """Our addresses name the key; whether the call counts by itself, the profile knows."""
        found = called(arrival.path, self.settings.callback_secret)
        if found is None:
            return None
        return Callback(found.key, self.profile.authentic(found, arrival.received_at.timestamp()))

    def auth(self) -> httpx.Auth | None:
        """Brings tokens and addresses when something is sent; all lanes share one token."""
        return AtSending(self.profile, self._tokens)

    @classmethod
    def simulator(cls) -> Callable[..., Starlette]:
        """Makes a simulator: `simulator()("mtn", ledger, ...)`. Loaded only when somebody asks for it."""
        from .simulators import create_app

        return create_app
