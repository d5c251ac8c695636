"""How a mock provider misbehaves: one table of behaviours, and the choice of one per copy of a payment request.

Pure data and pure functions: no clock, no I/O, no protocol. A behaviour says what the ledger books, what the wire
answers and who is called back; the protocol face of a rail only carries that out.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import attrs

Books: TypeAlias = Literal["paid", "refused", "pending", "nothing"]
Answers: TypeAlias = Literal[
    "truth", "refusal", "error", "silence", "drop", "garbage", "redirect", "too_many_requests", "busy"
]


@attrs.frozen
class Call:
    """One callback. `when`: the copy is taken in, before its answer goes out, or once the payment is decided.

    `says` is the ledger's own word ("truth") or a claim whatever the ledger holds. `after` is in seconds.
    """

    when: Literal["taken", "before_answer", "decided"] = "decided"
    says: Literal["truth", "paid", "refused"] = "truth"
    signed: Literal["right", "wrong", "not"] = "right"
    after: float = 0.0


ONE_CALL = (Call(),)


@attrs.frozen(kw_only=True)
class Behaviour:
    """What happens to one copy of a payment request. Times are in seconds.

    books: what the ledger writes when the copy lands, `lands_after` its arrival (until then nobody has heard of it).
    becomes: what a booked payment turns into `after` seconds later ("": it stays). hidden_for: so long questions are
    answered with "not found" although it is booked. answers: what goes back over the wire, `delay` later.
    every_copy: later copies meet the same; otherwise they meet `later`, or are served honestly.
    weight: its share in chaos (0: never drawn).
    """

    name: str
    does: str
    books: Books = "paid"
    code: str = ""
    lands_after: float = 0.0
    becomes: Literal["", "paid", "refused", "reversed"] = ""
    after: float = 0.0
    hidden_for: float = 0.0
    answers: Answers = "truth"
    delay: float = 0.0
    calls: tuple[Call, ...] = ONE_CALL
    every_copy: bool = False
    later: str = ""
    weight: int = 4


HONEST = Behaviour(name="honest", does="pays at once and says so", weight=0)

# The order is the number of the magic amount: only ever add at the end.
_TABLE = (
    Behaviour(
        name="refused", books="refused", code="refused_by_provider", every_copy=True, does="refuses by a listed code"
    ),
    Behaviour(
        name="no-such-account", books="refused", code="no_such_account", every_copy=True,
        does="refuses: nobody has this account; the account enquiry says so too",
    ),
    Behaviour(
        name="insufficient-funds", books="refused", code="insufficient_funds", every_copy=True,
        does="refuses: the institution's account does not cover it",
    ),
    Behaviour(
        name="pending-then-paid", books="pending", becomes="paid", after=1.0, every_copy=True,
        does="answers pending; pays after 1 s",
    ),
    Behaviour(
        name="pending-then-refused", books="pending", becomes="refused", code="refused_by_provider", after=1.0,
        every_copy=True, does="answers pending; refuses after 1 s",
    ),
    Behaviour(
        name="pending-for-ever", books="pending", every_copy=True, weight=1,
        does="answers pending and never decides (a reversal cancels it)",
    ),
    Behaviour(name="silent", answers="silence", weight=2, does="pays and never answers"),
    Behaviour(
        name="late", lands_after=1.5, delay=1.6, weight=2,
        does="takes the request 1.5 s after its arrival, then answers; asked before: never heard of it",
    ),
    Behaviour(
        name="lands-after-not-found", lands_after=1.5, answers="drop",
        does="drops the connection; says it never heard of it; the copy lands 1.5 s after its arrival",
    ),
    Behaviour(name="paid-then-500", answers="error", does="pays, then answers 500"),
    Behaviour(name="paid-then-drop", answers="drop", does="pays, then the connection drops"),
    Behaviour(
        name="refused-although-paid", hidden_for=1.5, answers="drop", later="refused-as-repeated",
        does="pays, drops the connection, is not found for 1.5 s; the next copy is refused by a listed code",
    ),
    Behaviour(name="duplicate-callback", calls=(Call(), Call(after=0.1)), does="pays and calls back twice"),
    Behaviour(
        name="callback-before-answer", delay=0.3, calls=(Call("before_answer"),),
        does="pays, calls back, and only then answers",
    ),
    Behaviour(
        name="contradicting-callback", calls=(Call(), Call(says="refused", after=0.4)),
        does="pays, calls back paid, then calls back refused (signed); asked: paid",
    ),
    Behaviour(
        name="callback-never", books="pending", becomes="paid", after=1.0, calls=(), every_copy=True,
        does="answers pending, pays after 1 s, never calls back",
    ),
    Behaviour(
        name="forged-callback", books="pending", becomes="refused", code="refused_by_provider", after=1.0,
        every_copy=True, calls=(Call("taken", "paid", "not", after=0.2), Call()),
        does="answers pending; somebody unsigned calls back paid; refuses after 1 s",
    ),
    Behaviour(
        name="429", books="nothing", answers="too_many_requests",
        does="takes nothing: 429 with Retry-After; the next copy is served",
    ),
    Behaviour(
        name="503", books="nothing", answers="busy",
        does="takes nothing: 503 with the listed code busy and Retry-After; the next copy is served",
    ),
    Behaviour(name="slow", delay=0.7, does="pays at once and answers after 0.7 s"),
    Behaviour(name="garbage", answers="garbage", does="pays and answers 200 with bytes that are no JSON"),
    Behaviour(
        name="redirect", books="nothing", answers="redirect",
        does="takes nothing: 307 to another address, which must not be followed",
    ),
    Behaviour(
        name="wrong-signature", books="pending", becomes="paid", after=0.5, every_copy=True,
        calls=(Call(signed="wrong"),), does="answers pending, pays after 0.5 s, calls back signed with a wrong key",
    ),
    Behaviour(
        name="paid-then-returned", becomes="reversed", after=1.0, every_copy=True, weight=0,
        does="pays; the money comes back after 1 s",
    ),
)  # fmt: skip
FAULTS = {behaviour.name: behaviour for behaviour in _TABLE}

# Met only by later copies of `refused-although-paid`.
_REPEATED = Behaviour(
    name="refused-as-repeated", books="nothing", answers="refusal", code="limit_exceeded", calls=(), weight=0,
    every_copy=True, does="refuses this copy by a listed code, although an earlier copy paid",
)  # fmt: skip
BEHAVIOURS = {HONEST.name: HONEST, _REPEATED.name: _REPEATED, **FAULTS}

MAGIC_ACCOUNT = "fault-"
MAGIC_AMOUNT = 9_876_500
_BY_AMOUNT = {MAGIC_AMOUNT + number: behaviour for number, behaviour in enumerate(_TABLE, 1)}
MAGIC_AMOUNTS = {behaviour.name: amount for amount, behaviour in _BY_AMOUNT.items()}


def magic(account: str, amount: int) -> Behaviour | None:
    """The behaviour that an account (`fault-silent`, `fault-silent.17`) or an amount in minor units asks for.

    A misspelt fault is an account that does not exist: it must not be paid as if nothing had been asked for.
    """
    if account.startswith(MAGIC_ACCOUNT):
        name = account[len(MAGIC_ACCOUNT) :].partition(".")[0]
        return FAULTS.get(name, FAULTS["no-such-account"])
    return _BY_AMOUNT.get(amount)


_DRAWN = tuple(behaviour for behaviour in _TABLE for _ in range(behaviour.weight))
# What a question may meet in chaos. It never lies, and from the fourth question on it is always answered.
_ASKED = (
    Behaviour(name="ask-slow", books="nothing", delay=0.5, does="answers a question after 0.5 s"),
    Behaviour(name="ask-busy", books="nothing", answers="busy", does="is too busy for a question"),
    Behaviour(name="ask-500", books="nothing", answers="error", does="answers a question with 500"),
    Behaviour(name="ask-drop", books="nothing", answers="drop", does="drops the connection of a question"),
    Behaviour(name="ask-garbage", books="nothing", answers="garbage", does="answers a question with garbage"),
)
LAST_FAULTY_COPY = 4
LAST_FAULTY_ASK = 3


@attrs.frozen
class Chaos:
    """All faults at random, and yet the same after a restart: seed, key and number of the copy decide."""

    seed: int
    rate: float = 0.3

    def for_copy(self, key: str, copy: int) -> Behaviour:
        """The behaviour of the `copy`-th copy (from 1) of a key; from the fifth on honest, so that all ends."""
        return self._draw(_DRAWN, f"copy:{key}:{copy}") if copy <= LAST_FAULTY_COPY else HONEST

    def for_ask(self, key: str, number: int) -> Behaviour:
        """The behaviour of the `number`-th question (from 1) about a key."""
        return self._draw(_ASKED, f"ask:{key}:{number}") if number <= LAST_FAULTY_ASK else HONEST

    def _draw(self, among: tuple[Behaviour, ...], about: str) -> Behaviour:
        drawn = hashlib.sha256(f"{self.seed}:{about}".encode()).digest()
        if int.from_bytes(drawn[:8], "big") >= self.rate * 2**64:
            return HONEST
        return among[int.from_bytes(drawn[8:16], "big") % len(among)]


def behaviour_of(*, account: str, amount: int, key: str, copy: int, booked_by: str, chaos: Chaos | None) -> Behaviour:
    """What the `copy`-th copy of a payment request meets; `booked_by` is what the copy met that was booked."""
    asked_for = magic(account, amount)
    if booked_by and BEHAVIOURS[booked_by].later:
        return BEHAVIOURS[BEHAVIOURS[booked_by].later]
    if asked_for is not None:
        return asked_for if copy == 1 or asked_for.every_copy else HONEST
    return chaos.for_copy(key, copy) if chaos else HONEST
