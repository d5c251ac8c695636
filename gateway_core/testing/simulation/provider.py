"""The rail's other end: a ledger with a clock that misbehaves as the tape says.

It is stricter than any real one where it counts: on a rail that does not dedupe every copy that is taken is a transfer
of its own, so that a second copy is always seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from ...engine.wire import Wire
from .faces import Face, Find, Order, Reply, Said, Status
from .steps import SECOND, Stage

MODES = (
    "settles now", "pending, then paid", "pending, then refused", "pending for ever", "busy: 429", "refuses",
    "refuses, but pays at once", "refuses, and pays later after all", "stops the channel: 401",
)  # fmt: skip
REPEATED = ("the same answer", "409 duplicate", "refused: limit exceeded", "busy: 429")
_REPEATED: dict[str, Said] = {
    "409 duplicate": "duplicate", "refused: limit exceeded": "limit exceeded", "busy: 429": "busy",
}  # fmt: skip
# These take nothing, and say so.
NOTHING: dict[str, Said] = {"busy: 429": "busy", "stops the channel: 401": "channel stopped"}
OVERTAKEN = ("taken", "refused, and no record of it is kept")
DELAYS = (1.0, 25.0, 300.0)
CALLS = (
    "once", "never", "twice", "500 s late", "contradicted 3 s later", "before the answer", "forged opposite first",
    "a stranger's beside it",
)  # fmt: skip
OPPOSITE: dict[Status, Status] = {"paid": "refused", "refused": "paid", "pending": "paid"}


@attrs.define
class Transfer:
    """One key in the ledger. `moved`: how often money left; `lied`: a signed word of ours about it was untrue."""

    order: Order
    status: Status
    first_at: int = 0
    moved: int = 0
    hidden_until: int = 0
    calls: str = "never"
    lied: bool = False


# Body, headers, what it says, and after how many microseconds.
Call = Callable[[bytes, dict[str, str], str, int], None]


@attrs.define
class Provider:
    """`call` delivers a callback. `odds` are those of misbehaving; `calm()`: no more of it. Its own clock is right."""

    stage: Stage
    face: Face
    dedupes: bool
    window: int
    callbacks: bool
    odds: float
    calm: Callable[[], bool]
    call: Call
    ledger: dict[str, Transfer] = attrs.field(factory=dict)

    def receive(self, wire: Wire, repeated: bool, overtaken: bool) -> Reply:
        """One request has arrived. `repeated`: the wire, not the payer, delivered it once more.

        `overtaken`: another copy of it is still under way. That is when a refusal is most dangerous.
        """
        read = self.face.read(wire)
        if isinstance(read, Order):
            return self._take(read, repeated, overtaken)
        return self._find(read.key) if isinstance(read, Find) else read

    # -- money --------------------------------------------------------------------------------------------------------

    def _take(self, order: Order, repeated: bool, overtaken: bool) -> Reply:
        known, say = self.ledger.get(order.key), self.face.taken
        if known is not None and self.dedupes and self.stage.now - known.first_at < self.window:
            return self._again(known)
        if repeated:
            return say("duplicate", order)
        if order.expires and self.stage.true_time() > order.expires:
            return say("expired", order)
        mode = self._drawn(MODES, f"pay {order.account}")
        if mode in NOTHING:
            return say(NOTHING[mode], order)
        if overtaken and self._drawn(OVERTAKEN, f"pay {order.account}, another copy under way", 0.5) != OVERTAKEN[0]:
            return say("limit exceeded", order)
        if order.account.endswith("x"):
            mode = "refuses"
        transfer = known or Transfer(order, "pending", self.stage.now)
        self.ledger[order.key] = transfer
        if self.callbacks and transfer.calls == "never":
            transfer.calls = self._drawn(CALLS, f"calls back {order.account}")
        return self._begin(transfer, mode)

    def _begin(self, transfer: Transfer, mode: str) -> Reply:
        tape, who = self.stage.tape, transfer.order.account
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
        return self.face.taken("refused" if mode.startswith("refuses") else transfer.status, transfer.order)

    def _again(self, transfer: Transfer) -> Reply:
        """A key that is known already writes nothing, whatever is said about it."""
        said = self._drawn(REPEATED, f"repeated {transfer.order.account}")
        return self.face.taken(_REPEATED.get(said, transfer.status), transfer.order)

    def _lie(self, transfer: Transfer) -> None:
        transfer.lied = True
        self._settle(transfer, "paid")

    def _settle(self, transfer: Transfer, status: Status) -> None:
        transfer.moved += status == "paid"
        if status == "paid" or not transfer.moved:
            transfer.status = status
        self._call_back(transfer)

    def _find(self, key: str) -> Reply:
        transfer = self.ledger.get(key)
        if transfer is None or self.stage.now < transfer.hidden_until:
            return self.face.not_found(key)
        return self.face.found(transfer.status, transfer.order)

    def _drawn(self, options: tuple[str, ...], about: str, odds: float = 0.0) -> str:
        return options[0] if self.calm() else self.stage.tape.pick(options, about, odds or self.odds)

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _call_back(self, transfer: Transfer) -> None:
        says, how = transfer.status, transfer.calls
        if how == "never":
            return
        if how == "forged opposite first":
            self._say(transfer, OPPOSITE[says], False, SECOND // 2)
        self._say(transfer, says, True, {"500 s late": 500 * SECOND, "before the answer": 1_000}.get(how, SECOND))
        if how == "twice":
            self._say(transfer, says, True, 2 * SECOND)
        if how == "contradicted 3 s later":
            transfer.lied = True
            self._say(transfer, OPPOSITE[says], True, 4 * SECOND)
        if how == "a stranger's beside it":
            body = b'{"key": "00000000-0000-4000-8000-000000000000", "status": "paid"}'
            self.call(body, {}, "paid", 3 * SECOND)

    def _say(self, transfer: Transfer, status: Status, authentic: bool, after: int) -> None:
        body, headers = self.face.calls(status, transfer.order, authentic, self.stage.true_time() + after)
        self.call(body, headers, status, after)
