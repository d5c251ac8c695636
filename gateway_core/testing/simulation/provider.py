"""The rail's other end: a ledger with a clock that misbehaves as the tape says.

It is stricter than any real one where it counts: on a rail that does not dedupe every copy that is taken is a transfer
of its own, so that a second copy is always seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from ...engine.wire import Wire
from .rails import SIGNED
from .steps import SECOND, Stage

Reply = tuple[int, dict[str, str], bytes]
MODES = (
    "settles now", "pending, then paid", "pending, then refused", "pending for ever", "busy: 429", "refuses",
    "refuses, but pays at once", "refuses, and pays later after all", "stops the channel: 401",
)  # fmt: skip
REPEATED = ("the same answer", "409 duplicate", "refused: limit exceeded", "busy: 429")
# These take nothing, and say so.
NOTHING = {"busy: 429": 429, "stops the channel: 401": 401}
OVERTAKEN = ("taken", "refused, and no record of it is kept")
DELAYS = (1.0, 25.0, 300.0)
CALLS = ("once", "never", "twice", "500 s late", "contradicted 3 s later", "before the answer", "forged opposite first")
OPPOSITE = {"paid": "refused", "refused": "paid"}


@attrs.define
class Transfer:
    """One key in the ledger. `moved`: how often money left; `lied`: a signed word of ours about it was untrue."""

    order: dict[str, Any]
    status: str
    first_at: int = 0
    moved: int = 0
    hidden_until: int = 0
    calls: str = "never"
    lied: bool = False


@attrs.define
class Provider:
    """`call(body, headers, after_us)` delivers a callback. `odds` are those of misbehaving; `calm()`: no more of it."""

    stage: Stage
    dedupes: bool
    window: int
    callbacks: bool
    odds: float
    epoch: int
    calm: Callable[[], bool]
    call: Callable[[bytes, dict[str, str], int], None]
    ledger: dict[str, Transfer] = attrs.field(factory=dict)

    def receive(self, wire: Wire, repeated: bool, overtaken: bool) -> Reply:
        """One request has arrived. `repeated`: the wire, not the payer, delivered it once more.

        `overtaken`: another copy of it is still under way. That is when a refusal is most dangerous.
        """
        parts = wire.target.split("/")
        match wire.method, parts[1]:
            case "GET", "accounts":
                return _answer(404 if parts[2].endswith("x") else 200, about=wire.target)
            case "POST", "quotes":
                return _answer(200, about=wire.target, fee=1)
            case "GET", "payments":
                return self._find(parts[2])
        return self._take(json.loads(wire.body), repeated, overtaken)

    # -- money --------------------------------------------------------------------------------------------------------

    def _take(self, order: dict[str, Any], repeated: bool, overtaken: bool) -> Reply:
        known = self.ledger.get(order["key"])
        if known is not None and self.dedupes and self.stage.now - known.first_at < self.window:
            return self._again(known)
        if repeated:
            return _answer(409, **order)
        expired = order["expires"] and self.epoch + self.stage.now > order["expires"]
        mode = MODES[0] if expired else self._drawn(MODES, f"pay {order['account']}")
        if expired or mode in NOTHING:
            return _answer(410 if expired else NOTHING[mode], **order)
        if overtaken and self._drawn(OVERTAKEN, f"pay {order['account']}, another copy under way", 0.5) != OVERTAKEN[0]:
            return _answer(422, **order, code="limit_exceeded")
        if order["account"].endswith("x"):
            mode = "refuses"
        transfer = known or Transfer(order, "pending", self.stage.now)
        self.ledger[order["key"]] = transfer
        if self.callbacks and transfer.calls == "never":
            transfer.calls = self._drawn(CALLS, f"calls back {order['account']}")
        return self._begin(transfer, mode)

    def _begin(self, transfer: Transfer, mode: str) -> Reply:
        tape, who = self.stage.tape, transfer.order["account"]
        transfer.hidden_until = self.stage.now + 20 * SECOND * tape.chance(f"hides {who}", self.odds / 4)
        delay = (
            int(tape.pick(DELAYS, f"decides {who} after", 0.5) * SECOND) if mode[:7] in ("pending", "refuses") else 0
        )
        match mode:
            case "settles now":
                self._settle(transfer, "paid")
            case "pending, then paid":
                self.stage.after(delay, partial(self._settle, transfer, "paid"))
            case "pending, then refused":
                self.stage.after(delay, partial(self._settle, transfer, "refused"))
            case "refuses":
                self._settle(transfer, "refused")
            case "refuses, but pays at once":
                self._lie(transfer)
            case "refuses, and pays later after all":
                self._settle(transfer, "refused")
                self.stage.after(delay, partial(self._lie, transfer))
        if mode.startswith("refuses"):
            return _answer(422, **transfer.order, code="not_possible")
        return self._said(transfer)

    def _said(self, transfer: Transfer) -> Reply:
        status = {"paid": 201, "pending": 202, "refused": 422}[transfer.status]
        return _answer(status, **transfer.order, receipt="R" + transfer.order["key"][:8], code="not_possible")

    def _again(self, transfer: Transfer) -> Reply:
        """A key that is known already writes nothing, whatever is said about it."""
        said = self._drawn(REPEATED, f"repeated {transfer.order['account']}")
        status = {"409 duplicate": 409, "refused: limit exceeded": 422, "busy: 429": 429}.get(said)
        return _answer(status, **transfer.order, code="limit_exceeded") if status else self._said(transfer)

    def _lie(self, transfer: Transfer) -> None:
        transfer.lied = True
        self._settle(transfer, "paid")

    def _settle(self, transfer: Transfer, status: str) -> None:
        transfer.moved += status == "paid"
        if status == "paid" or not transfer.moved:
            transfer.status = status
        self._call_back(transfer)

    def _find(self, key: str) -> Reply:
        transfer = self.ledger.get(key)
        if transfer is None or self.stage.now < transfer.hidden_until:
            return _answer(404, key=key)
        return _answer(200, **transfer.order, status=transfer.status, receipt="R" + key[:8], code="not_possible")

    def _drawn(self, options: tuple[str, ...], about: str, odds: float = 0.0) -> str:
        return options[0] if self.calm() else self.stage.tape.pick(options, about, odds or self.odds)

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _call_back(self, transfer: Transfer) -> None:
        says, how = transfer.status, transfer.calls
        if how == "never":
            return
        if how == "forged opposite first":
            self._say(transfer, OPPOSITE[says], "wrong", SECOND // 2)
        self._say(transfer, says, "right", {"500 s late": 500 * SECOND, "before the answer": 1_000}.get(how, SECOND))
        if how == "twice":
            self._say(transfer, says, "right", 2 * SECOND)
        if how == "contradicted 3 s later":
            transfer.lied = True
            self._say(transfer, OPPOSITE[says], "right", 4 * SECOND)

    def _say(self, transfer: Transfer, status: str, signature: str, after: int) -> None:
        body = {**transfer.order, "status": status, "receipt": "R" + transfer.order["key"][:8], "code": "not_possible"}
        self.call(json.dumps(body).encode(), {SIGNED: signature}, after)


def _answer(code: int, /, **body: Any) -> Reply:
    return code, {}, json.dumps(body).encode()
