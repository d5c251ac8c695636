"""Laws of belonging: a reply counts only for the payment that it is about, a callback only when it is signed."""

from __future__ import annotations

import attrs

from ...contract.flow import Ask
from ...contract.replies import Arrival, Done, Refused, Reply, Returned
from ...model.payment import Payment
from .corpus import replaced
from .kit import Kit
from .laws import Waits, broken, law
from .needs import PAYS, READING, SHAPED, UNFORGED
from .rows import BY_CALLBACK, calls_back
from .watch import Heard, authentic

DEFINITE = (Done, Refused, Returned)


class MatchingLaws(Kit):
    """Whose reply is it, and who says so?"""

    @law(*SHAPED, "test_reading_never_raises", *READING)
    def test_a_reply_about_another_payment_says_nothing(self) -> None:
        """A reply about another key, amount or account says nothing about this payment.

        Why: connections are kept alive and answers come late: the answer of one request can arrive as the answer of
        the next. Then one person's receipt pays another person's invoice on paper.

        Mend: compare the key, the amount, the currency and the account of the body with those of `ask.request`, and
        end in `Unknown("about another payment")` when one differs.
        """
        heard = self.tour.definite()
        if not any(isinstance(one.said, Done) for one in heard):
            raise Waits(f"waits for {PAYS}")
        channel = self.bench.channel()
        for one in heard:
            for other in heard:
                if other.ask.request.key != one.ask.request.key:
                    said = channel.parse_response(one.ask, other.reply)
                    if isinstance(said, DEFINITE):
                        broken(f"a reply about {_about(other)} is read as {said!r} about {_about(one)}")
            for what, changed in _altered(one):
                said = channel.parse_response(one.ask, changed)
                if isinstance(said, Done):
                    broken(f"a reply with another {what} ({changed.body[:200]!r}) is read as {said!r}")

    @law(applies=calls_back)
    def test_a_forged_callback_is_not_believed(self) -> None:
        """A callback is authentic only with the rail's proof: not without it, and not with a body that was changed.

        Why: the address of callbacks is open to the world. Whoever can say "paid" there decides which invoices count
        as settled. An arrival that is not authentic does no harm: it only makes the core ask.

        Mend: compute the signature over the raw body (and its time stamp) with the channel's secret, compare it with
        `hmac.compare_digest`, and give `Callback(key, authentic=False)` for everything else.
        """
        channel = self.bench.channel()
        for arrival in [arrival for arrival, said in self._arrivals() if said is not None][:8]:
            bare = attrs.evolve(arrival, headers=_plain_headers(arrival))
            if authentic(channel.parse_callback(attrs.evolve(bare, path="/"))):
                broken(f"a callback without any proof is called authentic: {arrival.body[:120]!r}")
            by_address = authentic(channel.parse_callback(bare))
            # Not a space: what is signed may be the value, in whatever spelling it comes.
            changed = attrs.evolve(arrival, body=arrival.body + b".")
            if not by_address and authentic(channel.parse_callback(changed)):
                broken(f"a callback whose body was changed is called authentic: {changed.body[:120]!r}")

    @law(PAYS, UNFORGED, applies=calls_back)
    def test_a_callback_settles_its_payment(self) -> None:
        """A rail that calls back settles a payment by that alone, when neither answer nor question gets through.

        Why: `callbacks` lets the core wait for one, as long as the rail's patience lasts. One that is not recognised
        is stored and does nothing, and the payment ends with people.

        Mend: give the same key in parse_callback that the ask has (`Ask.callback`, or its request's key), and a
        verdict in parse_response for `reply.to == "callback"`; give the kit the secret that its simulator signs with.
        """
        for fate in self.tour.of(BY_CALLBACK):
            if not self._arrivals():
                broken('no callback came: does the simulator learn the address "{callbacks}" from `settings`?')
            if not any(authentic(said) for _, said in self._arrivals()):
                broken(f"{len(self._arrivals())} callbacks came, and none was authentic: is the secret right?")
            if fate.state != "paid" or fate.times != 1:
                broken(fate.told())

    def _arrivals(self) -> list[tuple[Arrival, object]]:
        assert self.tour is not None
        return list(self.bench.watch.arrivals)


def _altered(one: Heard) -> list[tuple[str, Reply]]:
    """The same reply, said of another key, amount or account, where it speaks of them."""
    payment = one.talk.payment if one.talk else None
    assert payment is not None
    found = []
    for what, old, new in (*_amounts(payment), ("key", *_other(one.ask)), ("account", *_others_account(payment))):
        changed = replaced(one.reply, old, new) if old else None
        if changed is not None:
            found.append((what, changed))
    return found


def _amounts(payment: Payment) -> list[tuple[str, str, str]]:
    """As minor units, or as a decimal number; both are longer than what could stand there by chance."""
    minor, text = str(payment.amount.minor), payment.amount.text
    return [("amount", old, old[:-3] + "9" * 3 if "." not in old else "9" + old) for old in {minor, text}]


def _other(ask: Ask) -> tuple[str, str]:
    key = ask.request.key
    return key, key[:-1] + ("0" if key[-1:] != "0" else "1")


def _others_account(payment: Payment) -> tuple[str, str]:
    value = payment.account.value
    return value, value[:-1] + ("0" if value[-1:] != "0" else "1")


def _about(one: Heard) -> str:
    return repr(one.talk.payment.invoice) if one.talk and one.talk.payment else one.ask.name


def _plain_headers(arrival: Arrival) -> dict[str, str]:
    return {name: value for name, value in arrival.headers.items() if name in ("content-type", "content-length")}
