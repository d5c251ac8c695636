"""Laws of what a flow asks and returns: types, paths, and questions that move nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any
from urllib.parse import unquote

import attrs

from ...contract.flow import Ask, Paid, Request
from ...contract.replies import VERDICTS, Callback, Done, NotTaken, Refused, Reply, Waiting
from ...engine.wire import journal_form
from ...model.accounts import Account
from ...model.payment import Balance, Objection, Payment
from .corpus import arrivals, replies
from .kit import Kit
from .laws import broken, law
from .needs import SHAPED
from .replay import run_again
from .unasked import misjudged
from .watch import FLOWS, Talk

# A Done's body is kept in the journal for ever.
LARGEST = 64 << 10
# What people write into names, references and accounts, and what others could do with it in a path.
NASTY = ("a/b", "../../admin", "a?b=c", "a#b", "a%2Fb", "a b", "a\\b", "ünï/cödé", "a;b=c", "..", "a\r\nX-Evil: 1")


class AskLaws(Kit):
    """What comes out of the hooks."""

    @law()
    def test_hooks_give_what_they_promise(self) -> None:
        """Each hook gives values of the contract's types, with parts that can be written down.

        Why: a value of another type is Unknown to the core, or stops the flow; the payment then waits for people
        although the rail has said what became of it.

        Mend: yield `Ask(name, Request(...))`, return `Paid` or `Refused`, a list of `Objection`, a `Balance` or None;
        give one of the verdicts in parse_response and a `Callback` or None in parse_callback; object in check_payment
        to nothing that you then send.
        """
        assert self.tour is not None
        for talk in [talk for hook in FLOWS for talk in self.bench.watch.of(hook)]:
            for said in _misfits(talk):
                broken(f"{talk.hook}: {said}")
        channel = self.bench.channel()
        for talk in self.bench.watch.of("execute_payment"):
            if talk.payment and talk.turns and (why := misjudged(channel, talk.payment)):
                broken(why)
        for ask in self.asks():
            for reply in replies(ask, self.replies_to(ask)):
                verdict = _given(channel._hooks.parse_response, ask=ask, reply=reply)
                if why := _no_verdict(verdict):
                    broken(f"parse_response of status {reply.status}, {reply.body[:60]!r}: {why}")
        for arrival in (*arrivals(), *(known for known, _ in self.bench.watch.arrivals)):
            about = _given(channel._hooks.parse_callback, arrival=arrival)
            if not (about is None or isinstance(about, Exception | Callback)) or _odd(about):
                broken(f"parse_callback of {arrival.body[:60]!r} gives {about!r}")

    @law(*SHAPED)
    def test_paths_hold_no_raw_input(self) -> None:
        """Whatever stands in an account, a name or a reference, it stays inside its segment of a path.

        Why: an account "a/../b" in a path asks about another account, and pays it. The core refuses the crudest of
        these, and the payment is held; it cannot know that a slash was not meant.

        Mend: build each path with `path("accounts", account.value)`, which quotes every segment.
        """
        assert self.tour is not None
        channel = self.bench.channel()
        for hook in FLOWS:
            for talk in self.bench.watch.of(hook)[:1]:
                plain = [_shape(turn.ask) for turn in talk.turns]
                for text in NASTY:
                    for number, ask in enumerate(run_again(channel, talk, **_nasty(talk, text)).asks):
                        if number < len(plain) and (why := _strays(ask, plain[number])):
                            broken(f"{hook}: with {text!r} in its data, {why}")

    @law(*SHAPED)
    def test_questions_move_nothing(self) -> None:
        """Checking an account, asking for a balance and finding out move no money.

        Why: questions are asked again and again, at checking, before each run and after silence, and nobody approved
        them.

        Mend: `moves_money=True` stands in execute_payment alone; `find_out` and `ask_next` are requests that only
        read.
        """
        for hook in ("validate_beneficiary", "check_balance"):
            for talk in self.bench.watch.of(hook) if self.tour else []:
                for turn in talk.turns:
                    if turn.ask.moves_money:
                        broken(f"{hook} moves money in {turn.ask.name!r}")
        if self.tour.early:
            broken(f"checking alone moved money: {self.tour.early[:3]}")

    def asks(self) -> list[Ask]:
        """One ask of each name that the tour's flows asked: one that was answered, where there is one."""
        assert self.tour is not None
        found: dict[tuple[str, str], Ask] = {}
        for talk in [talk for hook in FLOWS for talk in self.bench.watch.of(hook)]:
            for turn in talk.turns:
                if isinstance(turn.ask, Ask) and (turn.answer is not None or (talk.hook, turn.ask.name) not in found):
                    found[talk.hook, turn.ask.name] = turn.ask
        return list(found.values())

    def replies_to(self, ask: Ask) -> list[Reply]:
        """The rail's replies to this very ask, and to questions about it."""
        return [one.reply for one in self.bench.watch.heard if one.ask.request == ask.request]


def _misfits(talk: Talk) -> Iterator[str]:
    for turn in talk.turns:
        if not isinstance(turn.ask, Ask):
            yield f"it yielded {turn.ask!r}, not an Ask"
        elif why := _odd_ask(turn.ask):
            yield f"its ask {turn.ask.name!r} {why}"
    if talk.began is None:
        yield f"it gave {type(talk.end).__name__}, not a generator: is a `yield` missing?"
    elif talk.ended and not _ends(talk.hook, talk.end):
        yield f"it returned {talk.end!r}"


def _odd_ask(ask: Ask) -> str:
    if not isinstance(ask.name, str) or not ask.name or not isinstance(ask.callback, str):
        return "has a name or callback that is no text"
    if not isinstance(ask.request, Request) or not (ask.find_out is None or isinstance(ask.find_out, Request)):
        return "holds something else than a Request"
    if ask.moves_money and not (ask.callback or ask.request.key):
        return "moves money without a key"
    return ""


def _ends(hook: str, end: Any) -> bool:
    if hook == "execute_payment":
        return (isinstance(end, Paid) and isinstance(end.reference, str)) or (
            isinstance(end, Refused) and not _odd(end)
        )
    if hook == "check_balance":
        return end is None or isinstance(end, Balance)
    return isinstance(end, list) and all(isinstance(one, Objection) for one in end)


def _given(hook: Any, **given: Any) -> Any:
    try:
        return hook(**given)
    except Exception as error:
        return error


def _no_verdict(said: Any) -> str:
    """What is wrong with a verdict. One that was raised is another law's."""
    if isinstance(said, Exception):
        return ""
    if not isinstance(said, VERDICTS):
        return f"it gives {said!r}, which is no verdict"
    return f"it gives {said!r}, whose parts have other types" if _odd(said) else ""


def _odd(said: Any) -> bool:
    """Whether the parts of a value are not what they should be."""
    match said:
        case Done(body):
            return not isinstance(body, Mapping) or not _small(dict(body))
        case Refused(code, reason):
            return not (isinstance(code, str) and code and isinstance(reason, str))
        case NotTaken(after):
            return not isinstance(after, Real) or not 0 <= float(after) < float("inf")
        case Waiting(link, after):
            return not (link is None or isinstance(link, Request)) or not isinstance(after, Real)
        case Callback(key, sure):
            return not (isinstance(key, str) and key and isinstance(sure, bool))
    return False


def _small(body: dict[str, Any]) -> bool:
    try:
        return len(json.dumps(body)) <= LARGEST
    except Exception:
        return False


def _nasty(talk: Talk, text: str) -> dict[str, Any]:
    """What the flow was given, with such a text in it wherever a person or a file can put one."""
    if isinstance(payment := talk.given.get("payment"), Payment):
        account = Account(payment.account.type, text)
        changed = attrs.evolve(payment, account=account, name=text, reference=text, invoice=text, extra={"x": text})
        return {"payment": changed}
    return {"account": Account(talk.given["account"].type, text)} if "account" in talk.given else {}


def _shape(ask: Ask) -> list[int]:
    """How many segments the paths of an ask have."""
    return [request.path.count("/") for request in (ask.request, ask.find_out) if request is not None]


def _strays(ask: Any, plain: list[int]) -> str:
    if not isinstance(ask, Ask):
        return ""
    for request in (ask.request, ask.find_out):
        if request is None:
            continue
        try:
            journal_form(request)
        except ValueError as error:
            return f"{ask.name!r} asks for what may not leave: {error}"
        if any(unquote(part) in (".", "..") for part in request.path.split("/")):
            return f"{ask.name!r} climbs: {request.path!r}"
    return "" if _shape(ask) == plain else f"{ask.name!r} asks for another path: {ask.request.path!r}"
