"""Gateways that break one law each, as their authors might have written them."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, ClassVar

import attrs
import httpx

from gateway_core.contract import (
    Account,
    Arrival,
    Ask,
    Callback,
    Checks,
    Ctx,
    Done,
    NotTaken,
    Objection,
    Paid,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Request,
    Unknown,
    Verdict,
    Waiting,
    path,
)  # fmt: skip
from gateway_core.testing.behaviours import MAGIC_AMOUNTS

from .rail import Key, TinyGateway, TinySettings

# Made anew in each process that imports this.
SALT = uuid.uuid4().hex


class SpeaksAnotherContract(TinyGateway):
    contract = 99


class DedupesForNoTime(TinyGateway):
    capabilities = attrs.evolve(TinyGateway.capabilities, dedupe_window=0.0)


class RandomId(TinyGateway):
    def order(self, payment: Payment) -> dict[str, Any]:
        return {**super().order(payment), "trace": str(uuid.uuid4())}


class ReadsTheClock(TinyGateway):
    def order(self, payment: Payment) -> dict[str, Any]:
        return {**super().order(payment), "at": datetime.now(UTC).isoformat()}


class OpensASocket(TinyGateway):
    def look_up(self, payment: Payment, ctx: Ctx) -> Ask:
        import socket

        with socket.socket() as probe:
            probe.settimeout(0.1)
        return super().look_up(payment, ctx)


class FlowDiffers(TinyGateway):
    """It says hello once per object: a session."""

    greeted = False

    def look_up(self, payment: Payment, ctx: Ctx) -> Ask:
        ask = super().look_up(payment, ctx)
        headers, self.greeted = {"Session": "old" if self.greeted else "new"}, True
        return attrs.evolve(ask, request=attrs.evolve(ask.request, headers=headers))


class TwoMoneyAsks(TinyGateway):
    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        end = yield from super().execute_payment(payment, ctx)
        if isinstance(end, Paid):
            fee = ctx.new_id("fee")
            yield Ask("fee", Request("POST", "/transfers", json=self.order(payment), key=fee), moves_money=True)
        return end


class GoesOnAfterARefusal(TinyGateway):
    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        end = yield from super().execute_payment(payment, ctx)
        if isinstance(end, Refused):
            yield Ask("look again", Request("GET", path("people", payment.account.value)))
        return end


class RawPath(TinyGateway):
    def look_up(self, payment: Payment, ctx: Ctx) -> Ask:
        return Ask("look up", Request("GET", f"/people/{payment.account.value}"))


class CheckingPays(TinyGateway):
    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        yield Ask("penny", Request("POST", "/transfers", json={}, key=ctx.new_id("penny")), moves_money=True)
        return []


class WrongType(TinyGateway):
    def decided(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        verdict = super().decided(ask, reply, said)
        return "unknown" if isinstance(verdict, Unknown) else verdict  # type: ignore[return-value]


class ForgotTheYield(TinyGateway):
    def check_balance(self, ctx: Ctx) -> Any:
        return None


class ObjectsInTexts(TinyGateway):
    def check_payment(self, payment: Payment) -> Any:
        return ["too much"]


class ObjectsAndPays(TinyGateway):
    """An objection that is no wall: whoever is released from it is paid like anybody else."""

    def check_payment(self, payment: Payment) -> list[Objection]:
        return [Objection("amount", "this rail does not pay such an amount")]


class Raises(TinyGateway):
    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        if reply.body and reply.status == 503:
            assert reply.json()["status"]
        return super().parse_response(ask, reply)


class NotFoundIsRefused(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        return Refused("not_found", "it is not there") if reply.status == 404 else super().transfer(ask, reply, said)


class DuplicateIsRefused(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        if said.get("id") == ask.request.key and said.get("status") == "duplicate":
            return Refused("duplicate", "it was sent before")
        return super().transfer(ask, reply, said)


class ErrorIsNotTaken(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        return NotTaken(0.1) if reply.status == 502 else super().transfer(ask, reply, said)


class BadRequestIsRefused(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        bad = reply.status == 400 and reply.to == "ask" and not said.get("id")
        return Refused("invalid", "400") if bad else super().transfer(ask, reply, said)


class TurnedAwayIsRefused(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        if reply.to == "find_out" and reply.status == 403:
            return Refused("forbidden", "not for us")
        return super().transfer(ask, reply, said)


class EmptyIsPaid(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        if reply.status == 200 and not reply.body:
            return Done({"receipt": ask.request.key[:8]})
        return super().transfer(ask, reply, said)


class AcceptedIsPaid(TinyGateway):
    def decided(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        verdict = super().decided(ask, reply, said)
        return Done({"receipt": ask.request.key[:8]}) if isinstance(verdict, Waiting) else verdict


class MatchesAnotherKey(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        about = {**said, "id": ask.request.key} if isinstance(said.get("id"), str) else said
        return super().transfer(ask, reply, about)


class MatchesAnotherAmount(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        about = {**said, "minor": ask.request.json["minor"]} if "minor" in said else said
        return super().transfer(ask, reply, about)


class BelievesCallbacks(TinyGateway):
    def parse_callback(self, arrival: Arrival) -> Callback | None:
        about = super().parse_callback(arrival)
        return attrs.evolve(about, authentic=True) if about else None


class DeafToCallbacks(TinyGateway):
    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        return Unknown("what is this?") if reply.to == "callback" else super().transfer(ask, reply, said)


class Rounds(TinyGateway):
    def order(self, payment: Payment) -> dict[str, Any]:
        return {**super().order(payment), "minor": payment.amount.minor // 100 * 100}


class DecidesLaterIsUnknown(TinyGateway):
    """It knows the word of an answer, and not the one of a decision that comes later."""

    def decided(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        late = reply.to != "ask" and said.get("minor") == MAGIC_AMOUNTS["pending-then-paid"]
        return Unknown("COMPLETED?") if late else super().decided(ask, reply, said)


class LeaksItsSecret(TinyGateway):
    def look_up(self, payment: Payment, ctx: Ctx) -> Ask:
        ask = super().look_up(payment, ctx)
        headers = {"X-Key": self.settings.api_key.reveal()}
        return attrs.evolve(ask, request=attrs.evolve(ask.request, headers=headers))


class CannotFindOut(TinyGateway):
    def pay(self, payment: Payment, ctx: Ctx) -> Ask:
        ask = super().pay(payment, ctx)
        assert ask.find_out is not None
        return attrs.evolve(ask, find_out=attrs.evolve(ask.find_out, path=path("payments", ask.request.key)))


class GivesUp(TinyGateway):
    """After three times "pending" it thinks that enough is enough."""

    def __init__(self, settings: TinySettings) -> None:
        super().__init__(settings)
        self.times: dict[str, int] = {}

    def decided(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        verdict = super().decided(ask, reply, said)
        if isinstance(verdict, Waiting) and said["minor"] == MAGIC_AMOUNTS["pending-for-ever"]:
            self.times[ask.request.key] = self.times.get(ask.request.key, 0) + 1
            if self.times[ask.request.key] > 3:
                return Refused("timed_out", "it took too long")
        return verdict


class NewKeyAfterATimeOut(TinyGateway):
    def auth(self) -> httpx.Auth:
        return _FreshKey(self.settings.api_key, {})


class _FreshKey(Key):
    seen: ClassVar[set[str]] = set()

    def __init__(self, key: Any, _: object) -> None:
        super().__init__(key)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if (key := request.headers.get("tiny-key")) is not None:
            if key in self.seen:
                request.headers["tiny-key"] = uuid.uuid4().hex
            self.seen.add(key)
        yield from super().auth_flow(request)


class RemembersInItsModule(TinyGateway):
    def look_up(self, payment: Payment, ctx: Ctx) -> Ask:
        ask = super().look_up(payment, ctx)
        return attrs.evolve(ask, request=attrs.evolve(ask.request, headers={"Client": SALT}))


class FetchesItsOwnToken(TinyGateway):
    """With a client of its own, which knows no limits."""

    def auth(self) -> httpx.Auth:
        return _OwnClient(self.settings)


class _OwnClient(Key):
    def __init__(self, settings: TinySettings) -> None:
        super().__init__(settings.api_key)
        self.url = f"{settings.base_url}/token"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        headers = {"Authorization": f"Key {self.key.reveal()}"}
        with urllib.request.urlopen(urllib.request.Request(self.url, headers=headers), timeout=5) as answer:  # noqa: S310
            answer.read()
        yield from super().auth_flow(request)


class SendsAgainAfterA401(TinyGateway):
    """Whoever said it: the key could have been renewed meanwhile."""

    def auth(self) -> httpx.Auth:
        return _Stubborn(self.settings.api_key)


class _Stubborn(Key):
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Key {self.key.reveal()}"
        if (yield request).status_code == 401:
            yield request


# Which law catches which gateway. A simulator of its own is given where the plugin's claim is about it.
TABLE: dict[type[TinyGateway], str] = {
    SpeaksAnotherContract: "test_it_can_be_loaded",
    DedupesForNoTime: "test_it_can_be_loaded",
    RandomId: "test_ids_come_from_the_context",
    ReadsTheClock: "test_time_comes_from_the_context",
    OpensASocket: "test_a_hook_reaches_for_nothing",
    FlowDiffers: "test_two_runs_ask_the_same",
    TwoMoneyAsks: "test_one_ask_moves_money",
    GoesOnAfterARefusal: "test_a_refusal_ends_the_flow",
    RawPath: "test_paths_hold_no_raw_input",
    CheckingPays: "test_questions_move_nothing",
    WrongType: "test_hooks_give_what_they_promise",
    ForgotTheYield: "test_hooks_give_what_they_promise",
    ObjectsInTexts: "test_hooks_give_what_they_promise",
    ObjectsAndPays: "test_hooks_give_what_they_promise",
    Raises: "test_reading_never_raises",
    NotFoundIsRefused: "test_not_found_is_not_refused",
    DuplicateIsRefused: "test_a_duplicate_is_not_refused",
    ErrorIsNotTaken: "test_an_error_of_the_server_says_nothing",
    BadRequestIsRefused: "test_a_refusal_has_a_listed_code",
    TurnedAwayIsRefused: "test_a_question_turned_away_says_nothing",
    EmptyIsPaid: "test_garbage_says_nothing",
    AcceptedIsPaid: "test_accepted_is_not_paid",
    MatchesAnotherKey: "test_a_reply_about_another_payment_says_nothing",
    MatchesAnotherAmount: "test_a_reply_about_another_payment_says_nothing",
    BelievesCallbacks: "test_a_forged_callback_is_not_believed",
    DeafToCallbacks: "test_a_callback_settles_its_payment",
    Rounds: "test_it_pays_exactly_what_was_approved",
    DecidesLaterIsUnknown: "test_pending_ends_as_the_rail_decides",
    LeaksItsSecret: "test_no_secret_is_written_down",
    CannotFindOut: "test_it_finds_out",
    GivesUp: "test_silence_is_never_refused",
    NewKeyAfterATimeOut: "test_a_second_copy_has_the_same_key",
    RemembersInItsModule: "test_a_crash_at_any_ask_pays_once",
    FetchesItsOwnToken: "test_every_answer_has_limits",
    SendsAgainAfterA401: "test_only_the_rail_has_its_bytes_sent_again",
}
