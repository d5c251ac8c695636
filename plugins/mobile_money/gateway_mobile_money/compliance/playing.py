"""A case, played: its rules, our requests, our reading of its answers, its callbacks at our door."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from gateway_core.contract import Arrival, Ask, Done, Request, Returned, Verdict, Waiting
from gateway_core.testing.hearing import hearing

from ..amounts import same_amount
from ..profile import get
from . import ours
from .cases import Case, Malformed, Step, read
from .rules import faults
from .twig import Untold, at, render


@attrs.frozen
class Played:
    """What came of a case. `asked`: how many of its requests were ours; `steps`: how many it has."""

    name: str
    faults: tuple[str, ...]
    asked: int = 0
    steps: int = 0

    def line(self, file: Path) -> str:
        """For people: `PASS file (2 steps, 1 by our own request)`."""
        if self.faults:
            return f"FAIL {file}: {'; '.join(self.faults)}"
        return f"PASS {file} ({self.steps} steps, {self.asked} by our own request)"


def play(file: Path) -> Played:
    """Never raises for what a file holds."""
    try:
        case = read(file)
    except Malformed as error:
        return Played(file.stem, (str(error),))
    stage = _Stage(case)
    found = tuple(" ".join(fault.split()) for fault in stage.play())
    return Played(case.name, found, stage.asked, len(case.steps))


class _Stage:
    """One case's run."""

    def __init__(self, case: Case) -> None:
        self.case, self.asked = case, 0
        self._steps: dict[str, Any] = {}
        self._pay: Ask | None = None
        self._next: Request | None = None
        self._key = ""
        self._known = {
            "steps": self._steps, "env": {}, "mapped_urls": _Addresses(),
            "uuidv4": lambda: str(uuid.uuid4()), "new_date_iso8601": _now,
        }  # fmt: skip

    def play(self) -> Iterator[str]:
        """What is wrong with it, step by step."""
        for step in self.case.steps:
            try:
                for fault in self._called(step) if step.calls_back else self._provided(step):
                    yield f"step {step.number}: {fault}"
            except Untold as error:
                yield f"step {step.number}: {error}"
                return

    # Requests to the provider.

    def _provided(self, step: Step) -> Iterator[str]:
        wanted = self._message(step.request)
        place = "/" + str(wanted["uri"]).strip().lstrip("/")
        if not step.fits(place):
            yield f"its uri {place!r} is not its path {step.path!r}"
        here = ours.gateway(wanted)
        ask, asked = self._ours(step, here, wanted, place)
        mine = ours.message(here, asked) if asked is not None else wanted
        self.asked += asked is not None
        for fault in self._broken(step.of_request, mine):
            yield f"{'our' if asked is not None else 'its'} request: {fault}"
        self._steps[str(step.number)] = {"request": mine, "response": {}}
        for again in range(min(int(step.again.get("count") or 0), 20)):
            early = self._message(step.again.get("response") or {})
            self._steps[str(step.number)]["response"] = early
            for fault in self._answer(here, ask, asked, early, step.again.get("test_response_scripts") or []):
                yield f"answer {again + 1}: {fault}"
        answer = self._message(step.response)
        self._steps[str(step.number)]["response"] = answer
        yield from self._answer(here, ask, asked, answer, step.of_response)

    def _ours(self, step: Step, here: Any, wanted: Mapping[str, Any], place: str) -> tuple[Ask | None, Request | None]:
        """The ask that the step is about, and our request; None where it is none of ours."""
        plain, after = place.partition("?")[0], self._next
        self._next = None
        if step.method == "POST" and plain in ours.PAY:
            self._pay = ours.payment(here, wanted["body"])
            if self._pay is None:
                return None, None
            self._key = self._pay.request.key
            return self._pay, self._pay.request
        about = self._pay or ours.stand_in(here)
        if step.method == "GET" and plain.split("/")[1] in ("transactions", "requeststates", "responses"):
            if plain.startswith("/responses/"):
                return about, about.find_out
            return about, after if after is not None else get(plain, here.profile.headers())
        asked = ours.question(here, step.method, plain)
        return asked, asked.request if asked is not None else None

    def _answer(
        self, here: Any, ask: Ask | None, asked: Request | None, answer: Mapping[str, Any], rules: list[Any]
    ) -> Iterator[str]:
        for fault in self._broken(rules, answer):
            yield f"its answer: {fault}"
        if ask is None or asked is None:
            return
        if not str(answer.get("status", "")).isdigit():
            yield "its answer has no status"
            return
        verdict = ours.read(here, ask, asked, answer)
        self._next = verdict.ask_next if isinstance(verdict, Waiting) else None
        wrong = _misread(ask, answer, verdict)
        if wrong:
            yield f"we read {type(verdict).__name__}, but {wrong}"

    # Callbacks to us.

    def _called(self, step: Step) -> Iterator[str]:
        wanted = self._message(step.request)
        for fault in self._broken(step.of_request, wanted):
            yield f"its callback: {fault}"
        url, before = str(wanted["uri"]), self._steps.get("1", {}).get("request", {})
        self._steps[str(step.number)] = {"request": wanted, "response": {}}
        if not url.startswith(ours.CALLBACKS):
            yield f"it calls {url!r}, which is no address of ours"
            return
        here = ours.gateway(before)
        body = b"" if wanted["body"] is None else json.dumps(wanted["body"]).encode()
        headers = {name: ours._first(value) for name, value in wanted["headers"].items()}
        with hearing(here) as call:
            status = call(step.method, url, headers, body)
        answer = {"status": status, "headers": {}, "body": None}
        self._steps[str(step.number)]["response"] = answer
        for fault in self._broken(step.of_response, answer):
            yield f"our answer: {fault}"
        if step.response.get("status") not in (None, status):
            yield f"our answer: status is {status}, the case has {step.response['status']}"
        about = here.parse_callback(Arrival(step.method, url.removeprefix(ours.CALLBACKS), {}, body, datetime.now(UTC)))
        if self._key and self._key in url and (about is None or about.key != self._key or about.authentic):
            yield "our payment is not asked about after it, or it is believed"

    # Words.

    def _message(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Filled; headers as lists; a body that is a text of JSON as what it says."""
        filled = render(dict(said), self._known)
        headers = {name: [value] for name, value in (filled.get("headers") or {}).items()}
        body = filled.get("body")
        if isinstance(body, str):
            try:
                body = json.loads(body)
            except ValueError:
                raise Untold("a body is no JSON") from None
        return {**filled, "headers": headers, "body": body}

    def _broken(self, scripts: list[Any], message: Mapping[str, Any]) -> Iterator[str]:
        for script in scripts:
            for fault in faults(render(script["rules"], self._known), message):
                yield f"{script.get('name', '')!s}: {fault}"


class _Addresses(dict[str, Any]):
    """mapped_urls[who asks][whom]: we are the service provider, everybody else is played by the case."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> Any:
        return {"sp": ours.CALLBACKS} | dict.fromkeys(("mmap", "mmo1", "mmo2", "mojaloop"), ours.PROVIDER)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _misread(ask: Ask, answer: Mapping[str, Any], verdict: Verdict) -> str:
    """Why our reading is not what the answer says of the money; "" where it is."""
    body, status = answer.get("body"), int(answer["status"])
    settled = isinstance(verdict, Done | Returned)
    if not ask.moves_money:
        return "the question was refused" if settled and status >= 400 else ""
    if status < 300 and str(at(body, "transactionStatus")).casefold() == "completed":
        mine = at(body, "type") in (None, "disbursement") and _same(ask, body)
        return "" if isinstance(verdict, Done) == mine else f"it is {'' if mine else 'not '}our payment, completed"
    if settled:
        return "nothing in it proves a payment"
    if status < 300 and at(body, "status") == "pending" and not isinstance(verdict, Waiting):
        return "it is pending"
    leads = at(body, "link") if status < 300 else None
    if leads and not (isinstance(verdict, Waiting) and verdict.ask_next and verdict.ask_next.path == leads):
        return f"it leads to {leads!r}"
    return ""


def _same(ask: Ask, body: Any) -> bool:
    order = ask.request.json
    parties = [str(at(party, "value")).lstrip("+") for party in at(body, "creditParty") or []]
    amount = same_amount(at(body, "amount"), order["amount"]) and at(body, "currency") == order["currency"]
    return bool(amount) and order["creditParty"][0]["value"].lstrip("+") in parties
