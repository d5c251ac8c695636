"""M-Pesa B2C v3 and its status query: acknowledged at once, answered later by posts, each sent once and unsigned."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway_core.contract import Money
from gateway_core.testing.behaviours import Behaviour, Call
from gateway_core.testing.ledger import Entry, Order
from gateway_core.testing.serving import wire_fault

from .common import Answer, Answered, Route_, Simulator, account_of, body_of, digits_of, minor, reply

RESULTS = {"no_such_account": "2040", "insufficient_funds": "1", "limit_exceeded": "4", "cancelled": "17"}
STATUS = {"paid": "Completed", "pending": "Pending", "refused": "Failed", "reversed": "Completed"}
NEVER_HEARD_OF = "SFC_IC0003"
QUERY_TAKES = 0.05


class MpesaSimulator(Simulator):
    """Where a payment's behaviour is never to call back, the queue times out: its request comes back unread.

    `decrypt`: reads SecurityCredential; what it returns must be `password`.
    """

    def __init__(self, *args: Any, decrypt: Any = None, password: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.doors.only_newest = True
        self._decrypt, self._password = decrypt, password
        self._requests: dict[str, dict[str, Any]] = {}
        self._queries = 0

    def routes(self) -> list[Route_]:
        return [
            ("GET", "/oauth/v1/generate", self.token),
            ("POST", "/mpesa/b2c/v3/paymentrequest", self.pay),
            ("POST", "/mpesa/transactionstatus/v1/query", self.query),
        ]

    def stranger(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if request.url.path == "/oauth/v1/generate":
            return None if given.startswith("Basic ") else reply(_error("400.008.01", "Invalid Authentication"), 400)
        return None if self.doors.open(given) else reply(_error("404.001.03", "Invalid Access Token"), 404)

    async def token(self, request: Request) -> Response:
        return reply({"access_token": self.doors.give(), "expires_in": str(int(self.doors.life))})

    # Paying.

    async def pay(self, request: Request) -> Response:
        said = await body_of(request)
        try:
            order = self._order(said)
        except (ValueError, KeyError, TypeError):
            raise Answer(400, _error("400.002.02", "Bad Request - Invalid field")) from None
        self._requests[order.key] = said
        return await self.take(request, order)

    def _order(self, said: dict[str, Any]) -> Order:
        key, number, amount = said["OriginatorConversationID"], said["PartyB"], said["Amount"]
        self._credential(said["SecurityCredential"])
        if not isinstance(amount, int) or not 10 <= amount <= 250_000 or not 2 <= len(said["Remarks"]) <= 100:
            raise ValueError(amount)
        if not (number.startswith("254") and len(number) == 12 and said["InitiatorName"] and said["PartyA"]):
            raise ValueError(number)
        reference = said["Occassion"]
        return Order(
            key, reference, reference, "msisdn", account_of(number), minor(amount, "KES"), "KES",
            callback_url=said["ResultURL"],
        )  # fmt: skip

    def _credential(self, said: str) -> None:
        raw = base64.b64decode(said, validate=True)
        if not raw or (self._decrypt is not None and self._decrypt(raw) != self._password):
            raise ValueError("SecurityCredential")

    def refuses_at_once(self, entry: Entry) -> bool:
        return False

    def sent(self, entry: Entry) -> Response:
        return reply(_acknowledged(entry.order.key))

    def duplicate(self, entry: Entry) -> Response:
        return reply(_error("500.002.1001", "Duplicate OriginatorConversationID"), 500)

    def refusal(self, entry: Entry, code: str) -> Response:
        return reply(_error("400.002.02", "Bad Request"), 400)

    def told(self, entry: Entry, says: str) -> tuple[str, Any]:
        status = says or entry.status
        code = RESULTS.get(entry.code, "17") if status == "refused" else "0"
        pairs = [] if code != "0" else _pairs(
            TransactionAmount=_shillings(entry), TransactionReceipt=entry.receipt,
            ReceiverPartyPublicName=f"{digits_of(entry.order.account)} - Amina Nakato",
        )  # fmt: skip
        return "POST", _result(entry.order.key, code, pairs, entry.receipt)

    def fire(self, when: str, entry: Entry) -> list[asyncio.Task[None]]:
        if when == "decided" and entry.fault == "callback-never" and entry.order.key in self._requests:
            asked = self._requests[entry.order.key]
            return [self.spawn(self.post("POST", asked["QueueTimeOutURL"], asked))]
        return super().fire(when, entry)

    # Asking.

    async def query(self, request: Request) -> Response:
        said = await body_of(request)
        try:
            key, url = said["OriginalConversationID"], said["ResultURL"]
            self._credential(said["SecurityCredential"])
        except (ValueError, KeyError, TypeError):
            raise Answer(400, _error("400.002.02", "Bad Request - Invalid field")) from None
        entry, spoils = await self.ledger.run(self.provider.find, key)
        if spoils.answers in ("error", "drop", "busy"):
            raise Answered(await wire_fault(request, spoils.answers))
        self._queries += 1
        conversation = f"AG_{self._queries:08d}"
        if spoils.answers == "truth":
            self.spawn(self._answer(entry, url, conversation, spoils))
        return reply(_acknowledged(conversation))

    async def _answer(self, entry: Entry | None, url: str, conversation: str, spoils: Behaviour) -> None:
        await asyncio.sleep(QUERY_TAKES + spoils.delay)
        if entry is None:
            await self.post("POST", url, _result(conversation, NEVER_HEARD_OF, [], "-"))
            return
        number = digits_of(entry.order.account)
        pairs = _pairs(
            ReceiptNo=entry.receipt, TransactionStatus=STATUS[entry.status], Amount=_shillings(entry), ReasonType="B2C",
            DebitPartyName=f"{600000} - Institution", ConversationID="AG_1",
        )  # fmt: skip
        pairs += _pairs(DebitPartyName=f"{number} - Amina Nakato")
        if entry.status == "refused":
            pairs += _pairs(TransactionResultCode=RESULTS.get(entry.code, "17"))
        await self.post("POST", url, _result(conversation, "0", pairs, entry.receipt))

    async def _call(self, entry: Entry, call: Call, url: str) -> None:
        await asyncio.sleep(0.01)
        await super()._call(entry, call, url)


def _shillings(entry: Entry) -> float:
    return float(Money(entry.order.amount, "KES").text)


def _error(code: str, text: str) -> dict[str, Any]:
    return {"requestId": "4711-1", "errorCode": code, "errorMessage": text}


def _acknowledged(key: str) -> dict[str, Any]:
    return {
        "ConversationID": "AG_1", "OriginatorConversationID": key, "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }  # fmt: skip


def _pairs(**values: Any) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _result(key: str, code: str, pairs: list[dict[str, Any]], receipt: str) -> dict[str, Any]:
    """Failures carry no parameters."""
    said: dict[str, Any] = {
        "ResultType": 0, "ResultCode": int(code) if code.isdigit() else code, "ResultDesc": f"result {code}",
        "OriginatorConversationID": key, "ConversationID": "AG_1", "TransactionID": receipt,
    }  # fmt: skip
    if code == "0":
        said["ResultParameters"] = {"ResultParameter": pairs}
    return json.loads(json.dumps({"Result": said}))  # type: ignore[no-any-return]
