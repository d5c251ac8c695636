"""Laws of reading a reply: only what the rail's manual lists is definite. They are tried on replies of all kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...contract.channel import Channel
from ...contract.flow import Ask
from ...contract.replies import Done, NotFound, NotTaken, Refused, Reply, Returned, Verdict
from .corpus import EMPTY, GARBAGE, REPEATED, UNKNOWN_KEY, answers, arrivals, halves, replies, words
from .law_asks import AskLaws
from .laws import Waits, broken, law
from .needs import PAYS

ANSWERED = ("ask", "find_out")


class ReplyLaws(AskLaws):
    """parse_response and parse_callback."""

    def money_asks(self) -> Iterator[tuple[Ask, list[Reply]]]:
        """An ask that moves money, with the rail's real replies about it. Waits where none was ever made."""
        fates = [fate for fate in self.tour.plain() if fate.heard]
        if not fates:
            raise Waits(f"waits for {PAYS}")
        for fate in fates[:1]:
            heard = [one for one in fate.heard if one.ask.moves_money]
            yield heard[-1].ask, [one.reply for one in heard]

    def _none_is(self, wrong: tuple[type, ...], tried: Iterable[tuple[Ask, Reply]], why: str) -> None:
        channel = self.bench.channel()
        for ask, reply in tried:
            verdict = channel.parse_response(ask, reply)
            if isinstance(verdict, wrong) and not _stops(verdict, reply):
                broken(f"{_told(reply)} is read as {verdict!r}: {why}")

    def _cases(self, statuses: Iterable[int], said: tuple[str, ...] | None, *to: str) -> list[tuple[Ask, Reply]]:
        found = []
        for ask, real in self.money_asks():
            bodies = [*EMPTY, *(words(ask, real, said) if said else ())]
            found += [(ask, reply) for reply in answers(statuses, bodies, to, ask)]  # type: ignore[arg-type]
        return found

    @law()
    def test_reading_never_raises(self) -> None:
        """parse_response and parse_callback raise nothing, whatever came over the wire.

        Why: a reply that makes the plugin raise is Unknown. A rail that changes one detail of its answers would then
        leave a whole payroll to people.

        Mend: read with `reply.json()` and `.get(...)`, check types before you use a value, and end in `Unknown(why)`.
        """
        assert self.tour is not None
        channel: Channel = self.bench.channel()
        for ask in self.asks():
            for reply in replies(ask, self.replies_to(ask)):
                try:
                    channel._hooks.parse_response(ask=ask, reply=reply)
                except Exception as error:
                    broken(f"parse_response raised {error!r} on {_told(reply)}")
        for arrival in arrivals():
            try:
                channel._hooks.parse_callback(arrival=arrival)
            except Exception as error:
                broken(f"parse_callback raised {error!r} on {arrival.body[:60]!r}")

    @law()
    def test_not_found_is_not_refused(self) -> None:
        """404 about a payment is not a refusal: the rail may not have it yet.

        Why: a copy that was slow, or a replica that lags, lands after the rail said "not found". Whoever calls that
        refused lets the payment go again under another key, and the person has it twice.

        Mend: read it as `NotFound()` in answers to find_out, as `Unknown(...)` in answers to the ask. Only a code
        that the manual lists as a final refusal of the payment is Refused.
        """
        wrong = (Refused, Done, Returned, NotTaken)
        self._none_is(wrong, self._cases((404, 410), UNKNOWN_KEY, *ANSWERED), "it may not be there yet")

    @law()
    def test_a_duplicate_is_not_refused(self) -> None:
        """A "duplicate" is not a refusal: the rail has that key, so it has the payment.

        Why: the answer to the first copy was lost, and the second is told that it is a duplicate. The first one paid.

        Mend: read it as `Unknown("duplicate")`, so that the core asks; or as what the rail says of the first copy,
        when the body tells it.
        """
        self._none_is((Refused, NotTaken), self._cases((409,), REPEATED, *ANSWERED), "the rail has it")
        for ask, real in self.money_asks():
            said = answers((200, 400, 422), words(ask, real, REPEATED), ("ask",), ask)
            self._none_is((Refused,), ((ask, reply) for reply in said), "the rail has it")

    @law()
    def test_an_error_of_the_server_says_nothing(self) -> None:
        """A 5xx or 3xx without a listed code says nothing about the payment.

        Why: servers fall over after they paid, too. A 500 that is taken for "failed" pays again.

        Mend: end in `Unknown(f"status {reply.status}")`; only a code in the body that the manual lists makes a 5xx
        definite (`NotTaken` for "busy, not taken").
        """
        statuses = (500, 502, 503, 504, 520, 301, 302, 307, 308, 0, 999)
        wrong = (Done, Refused, Returned, NotTaken, NotFound)
        self._none_is(wrong, self._cases(statuses, None, "ask"), "nobody knows what became of the payment")

    @law()
    def test_a_refusal_has_a_listed_code(self) -> None:
        """A 4xx without a code is not a refusal of the payment: proxies and gateways on the way say the same.

        Why: a 400 of a firewall is no word of the rail. What is read as refused is paid again when an officer retries
        it.

        Mend: look the code of the body up in the manual's table of final refusals; without one: `Unknown`. `NotTaken`
        is for 429 and listed codes; `Refused(..., stops_channel=True)` for 401 and 403.
        """
        statuses = (400, 405, 406, 408, 411, 413, 415, 422, 425, 428, 431, 451)
        wrong = (Done, Refused, Returned, NotTaken, NotFound)
        self._none_is(wrong, self._cases(statuses, None, "ask"), "no listed code stands in it")

    @law()
    def test_a_question_turned_away_says_nothing(self) -> None:
        """When the question itself is turned away (401, 403, 429, 5xx), nothing was said about the payment.

        Why: a token that has run out makes every question fail. Whoever reads that as "refused" calls a whole payroll
        refused, which was paid.

        Mend: in answers to find_out (`reply.to == "find_out"`) only what speaks of the payment counts; all else is
        `Unknown`.
        """
        wrong = (Done, Refused, Returned, NotFound)
        tried = self._cases((400, 401, 403, 408, 429, 500, 502, 503, 504), None, "find_out")
        self._none_is(wrong, tried, "the question failed, not the payment")

    @law()
    def test_garbage_says_nothing(self) -> None:
        """A 2xx whose body is not the rail's says nothing, and neither does half of one that is.

        Why: proxies answer 200 with pages of their own, and connections end early. "200" alone is no receipt.

        Mend: Done needs a whole body with our key, amount and account and the rail's own word for "paid".
        """
        wrong = (Done, Refused, Returned, NotTaken, NotFound)
        for ask, real in self.money_asks():
            bodies = (*GARBAGE, *halves(real))
            tried = [(ask, reply) for reply in answers((200, 201, 204), bodies, ANSWERED, ask)]  # type: ignore[arg-type]
            self._none_is(wrong, tried, "that is not what the rail says when it has paid")

    @law()
    def test_accepted_is_not_paid(self) -> None:
        """202, "accepted", "pending": the rail has it and has not decided. That is Waiting.

        Why: a payment that was accepted can still be refused. Who calls it paid reports money that nobody got.

        Mend: read 202 and every status that is not final as `Waiting()`; the core asks, or waits for the callback.
        """
        wrong = (Done, Refused, Returned)
        self._none_is(wrong, self._cases((202,), None, *ANSWERED), "the rail has not decided")
        for fate in self.tour.fates.values():
            done = [one for one in fate.heard if isinstance(one.said, Done) and one.ask.moves_money]
            if done and not fate.times and not self.tour.strange:
                broken(f"{_told(done[0].reply)} is read as {done[0].said!r}, and no money moved: {fate.told()}")


def _stops(verdict: Verdict, reply: Reply) -> bool:
    """Wrong credentials concern the channel: nobody is called refused for them."""
    return isinstance(verdict, Refused) and verdict.stops_channel and not verdict.final and reply.to == "ask"


def _told(reply: Reply) -> str:
    to = {"ask": "an answer", "find_out": "an answer to find_out", "callback": "a callback"}[reply.to]
    return f"{to}, status {reply.status}, body {reply.body[:120]!r}"
