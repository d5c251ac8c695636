"""Facts: immutable, dated statements about a payment or a payroll, by a named source (law 7).

The kinds about a payment, in the order in which they usually come:

| kind | value | meaning |
|---|---|---|
| intent | sent, withheld | a step's request is fixed and may go from now on; withheld: a restored store asks first |
| copy | | the same bytes are about to go again |
| unsent | exception's name | that copy provably never left |
| answer | done, refused, not_taken, returned | a definite answer to this key |
| word | waiting, unknown, not_found, asked, heard | an indefinite answer, silence, a question whose answer comes
by callback, or an unauthenticated callback |
| word | waiting, with a proof | a record of a pay-out by hand, which a checker has yet to accept |
| word | wrong_amount | a bank's file names this line with another amount: nothing is settled by it |
| outcome | paid, refused | what the flow made of the answers; with a `step`: that step's answer, done or refused, too |
| ended | reason | the attempt ended before any money intent; the next begins |
| hold | reason | only people can release it |
| release | ready, pending, paid, refused, returned, cancelled | two people decided |
| retry | | an officer asks for attempt n+1 of a refused payment |
| cancelled | | withdrawn before any money intent |
| cancellation | asked, pending, rejected | the bank is asked to cancel it, or answers what settles nothing |
| restored | | the store was restored: ask before the first send |
| late | paid, refused, returned, word, proof | what would have changed a payment of a closed payroll: a case |

A document (a file of many payments) has facts of the same kinds about its one step, the put, and some of its own:

| kind | value | meaning |
|---|---|---|
| planned | | its bytes are on disk, and which payment is which line of it |
| complete | | every line has its intent: the file may go |
| intent ... restored | | as above, of the put; a word or an answer with the source `statement` is the bank's own |
| word | parked | the bank has it under a reference of its own, and waits to be told |
| approve | that reference | the bank is about to be told to carry out what it parks |
| outcome | handed_over, refused | what the gateway made of the answer, or what the bank's own file proves |
| differs | contradiction, wrong_amount | the bank's file says of the whole document what cannot be |
| differs | cancellation_refused | of a request to cancel: the bank does not cancel some of it, or (`whole`) the file |
| altered | | the bytes on disk are not those that were planned: nothing goes, people must look |
| withdrawn | reason | given up before anything of it could leave; its lines are free for another file |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs


@attrs.frozen
class Fact:
    """`no` counts a payment's facts from 1; `at` is UTC in microseconds; `attempt` counts from 1.

    `source` says whose word it is, and so what it weighs (`ranks`); "driver" is the engine itself. `step` is the ask's
    name, `key` its idempotency key, `body` what replay and people need (never a secret).
    """

    no: int
    at: int
    kind: str
    value: str = ""
    source: str = "driver"
    attempt: int = 1
    step: str = ""
    key: str = ""
    body: Mapping[str, Any] = attrs.field(factory=dict)


# The answer that an outcome brings, where it brings one.
BROUGHT = {"paid": "done", "refused": "refused"}


def apart(fact: Fact) -> tuple[Fact, ...]:
    """An outcome that brings its answer, as the two facts that it states; any other fact as it is.

    Most flows end with the answer to their payment: written as one fact, it saves a row of three.
    """
    if fact.kind != "outcome" or not fact.step:
        return (fact,)
    no, at, value, attempt, key, body = fact.no, fact.at, fact.value, fact.attempt, fact.key, fact.body
    answer = Fact(no, at, "answer", BROUGHT[value], fact.source, attempt, fact.step, key, body)
    return answer, Fact(no, at, "outcome", value, "flow", attempt, "", key, body)


def said_apart(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Facts as they were said, for whoever looks for answers: none of them hidden in an outcome."""
    for fact in facts:
        yield from apart(fact)
