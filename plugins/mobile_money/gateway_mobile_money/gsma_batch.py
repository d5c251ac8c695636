"""GSMA batches in two steps: `POST /batchtransactions` loads one, `PATCH` approves it, its items tell who was paid.

A gateway of its own (`gsma_batch`) over the profile `gsma`: its account, headers, numbers, codes and credentials. What
a batch's status says moves no payment: only the items among its completions and rejections do. What is among neither
stays pending, and is unknown after the channel's patience.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import httpx

from gateway_core.contract import (
    Account,
    Ask,
    BatchCtx,
    BatchGateway,
    Checks,
    Ctx,
    Document,
    Done,
    Incoming,
    LeftOut,
    Limits,
    LineFacts,
    Objection,
    Payment,
    Refused,
    Reply,
    Unfit,
    Unknown,
    Verdict,
    Waiting,
)
from gateway_core.contract.transports import Transport

from . import gsma_batch_items as items
from .gateway import MobileMoneyGateway
from .gsma_batch_way import BatchWay
from .profile import DAY, HOUR
from .profiles.gsma import Gsma
from .settings import MobileMoneySettings

if TYPE_CHECKING:
    from starlette.applications import Starlette

# The API takes 999,999; a batch of which something is wrong is looked through by people.
LINES = 10_000
# Answers that concern the channel, never the payees: credentials, the sender's address, its account or path.
OF_THE_CHANNEL = frozenset({401, 403, 404})


@attrs.frozen(kw_only=True)
class GsmaBatchSettings(MobileMoneySettings):
    """Those of the profile `gsma`. `batches_are_held`: a loaded batch pays nobody until it is approved, tried out."""

    batches_are_held: bool = False


class GsmaBatchGateway(BatchGateway[GsmaBatchSettings]):
    """Pays to wallets in batches, where the provider holds a `created` batch until it is approved."""

    name = "gsma_batch"
    contract = 1
    capabilities = attrs.evolve(
        BatchGateway.capabilities, ask_after=5.0, ask_at_most=600.0, ask_limit=200, settle=HOUR / 4, patience=7 * DAY,
        dedupe_window=DAY, keeps_pending=True,
    )  # fmt: skip

    def __init__(self, settings: GsmaBatchSettings) -> None:
        super().__init__(settings)
        if not settings.batches_are_held:
            raise Unfit(
                "gsma_batch pays in two steps, and is only safe where the provider keeps a batch `created` until it is "
                "approved: try it at onboarding, then set batches_are_held = true; or use gateway = 'mobile_money'"
            )
        if settings.profile not in ("", "gsma"):
            raise Unfit(f"profile {settings.profile!r} has no batches; gsma_batch speaks the GSMA API alone")
        if settings.callback_url:
            raise Unfit("gsma_batch asks for what became of its batches; remove callback_url")
        self.profile = Gsma(attrs.evolve(settings, profile="gsma"))
        self.capabilities = attrs.evolve(type(self).capabilities, dedupes=settings.dedupe_proven)
        # Whose account a number is, is asked as for a payment that goes alone.
        self._alone = MobileMoneyGateway(self.profile.settings)

    def limits(self) -> Limits:
        """Well below the API's."""
        return Limits(LINES)

    def transport(self) -> Transport:
        """The API under `base_url`."""
        return BatchWay(self.profile)

    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        """One batch over all that the operator can pay."""
        keys, written = dict[str, str](), list[items.Item]()
        for payment in payments:
            key = ctx.key(payment, "short")
            item = items.item(self.profile, payment, key)
            if isinstance(item, Refused):
                yield LeftOut(payment.id, item)
            else:
                keys[payment.id] = item["requestingOrganisationTransactionReference"]
                written.append(item)
        if written:
            yield items.document(ctx.new_id("batch", "short"), keys, written)

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """What was said of a batch as a whole; or of an account, as the profile has it."""
        if ask.name == "put":
            return self._loaded(ask, reply)
        if ask.name == "approve":
            return self._approved(reply)
        return self._alone.parse_response(ask, reply)

    def _loaded(self, ask: Ask, reply: Reply) -> Verdict:
        said = reply.json()
        if reply.headers.get("x-correlationid", ask.request.key).lower() != ask.request.key:
            return Unknown("the answer is about another request")
        if reply.to == "find_out":
            return self.profile.error(said, reply, of_key=True)
        if reply.status == 202:
            # Taken in, and not read yet: whether it is parked is asked.
            known = str(said.get("status")).casefold() in ("pending", "completed", "failed")
            return Waiting() if known else Unknown("202 without a request state")
        verdict = self.profile.refusal(reply)
        if isinstance(verdict, Refused) and reply.status in OF_THE_CHANNEL:
            return attrs.evolve(verdict, stops_channel=True)
        return verdict

    def _approved(self, reply: Reply) -> Verdict:
        """An update may be repeated; what it came to is asked for unless it was done at once."""
        if reply.status == 204:
            return Done()
        return Waiting() if reply.status == 202 else self.profile.refusal(reply)

    def read_statement(self, incoming: Incoming) -> LineFacts:
        """Completions and rejections, item by item; then how many there were."""
        return items.outcomes(incoming)

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """As for a payment that goes alone."""
        return (yield from self._alone.validate_beneficiary(account, ctx))

    def check_payment(self, payment: Payment) -> Sequence[Objection]:
        """As for a payment that goes alone."""
        return self._alone.check_payment(payment)

    def auth(self) -> httpx.Auth | None:
        """Of the questions about accounts."""
        return self._alone.auth()

    @classmethod
    def simulator(cls) -> Callable[..., Starlette]:
        """That of the profile `gsma`."""
        return MobileMoneyGateway.simulator()
