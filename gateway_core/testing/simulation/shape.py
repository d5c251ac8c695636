"""The shape of a world: what kind of rail, payroll, senders, people and misfortunes it has."""

from __future__ import annotations

import attrs

from .chance import Tape


@attrs.frozen(kw_only=True)
class Shape:
    """Times are in seconds, odds between 0 and 1.

    payments: how many lines; `missing`: the last one's account does not exist; `again`: a second payroll for the same
    people. three_asks: look-up, quote and payment instead of one request. dedupes .. longest_request, window: what the
    rail promises (see Capabilities). concurrency: lanes. senders, lease: how many, and how long each may be silent.
    wait: so long a run waits for what is due later (None: until the end). poll: it looks for callbacks so often, and
    for what others left to do. whole_run: with the look at approval, stops and balance. odds: of each fault of wire and
    rail. crash_odds, freeze_odds: of dying or being stopped at a step. busy_officer: of acts of people. commit_odds: of
    a COMMIT that raises, and of a locked database. jumps: of the clock being set. restored: of an old backup being put
    in place. outages: of a rail that is down for a while. closes: the payroll is reconciled and closed in the end.
    """

    payments: int = 1
    missing: bool = False
    again: bool = False
    three_asks: bool = False
    dedupes: bool = True
    finds_out: bool = True
    callbacks: bool = True
    longest_request: float = 0.0
    window: float = 86_400.0
    concurrency: int = 3
    senders: int = 1
    lease: int = 60
    wait: float | None = 60.0
    poll: float = 20.0
    whole_run: bool = False
    odds: float = 0.1
    crash_odds: float = 0.004
    freeze_odds: float = 0.0
    busy_officer: float = 0.3
    commit_odds: float = 0.0
    jumps: float = 0.0
    restored: float = 0.0
    outages: float = 0.0
    closes: bool = False

    @classmethod
    def drawn(cls, tape: Tape) -> Shape:
        """A world from the tape; all zeros is one payment over a good rail, with a few faults."""
        pick = tape.pick
        senders = pick((1, 2), "senders", 0.15)
        payments = pick((1, 2, 3, 5), "payments", 0.3)
        return cls(
            payments=payments, missing=pick((False, True), "an account is missing", 0.15),
            again=pick((False, True), "a second payroll for the same people", 0.06),
            three_asks=pick((False, True), "asks per payment: three", 0.2),
            dedupes=pick((True, False), "does not dedupe", 0.3), finds_out=pick((True, False), "cannot be asked", 0.08),
            callbacks=pick((True, False), "no callbacks", 0.3),
            longest_request=pick((0.0, 40.0, 200.0), "requests expire after", 0.3),
            window=pick((86_400.0, 60.0), "dedupes for seconds", 0.15),
            # More lanes than payments only open and close.
            concurrency=min(pick((2, 1, 3), "lanes", 0.3), payments),
            senders=senders, lease=pick((60, 30), "lease in seconds", 0.3) if senders == 2 else 3_600,
            wait=pick((None, 60.0, 0.0), "a run waits for", 0.4),
            poll=pick((60.0, 20.0, 3.0), "looks every seconds", 0.35),
            whole_run=pick((False, True), "with approval, stops and balance", 0.1),
            odds=pick((0.1, 0.03, 0.2, 0.4), "faults", 0.7),
            crash_odds=pick((0.002, 0.0, 0.01), "crashes", 0.6),
            freeze_odds=pick((0.0, 0.004), "freezes", 0.6 if senders == 2 else 0.1),
            busy_officer=pick((0.0, 0.5), "a busy officer", 0.3),
            commit_odds=pick((0.0, 0.02, 0.1), "commits raise", 0.12),
            jumps=pick((0.0, 0.7), "the clock is set", 0.12),
            restored=pick((0.0, 0.9), "an old backup is put in place", 0.08),
            closes=pick((False, True), "reconciled and closed", 0.12),
            outages=pick((0.0, 0.7), "a rail that goes down", 0.06),
        )  # fmt: skip


# Where every schedule with a few deviations is tried: over a good rail, one that does not dedupe, with two payments
# side by side, and with two senders of which one may be stopped.
SMALL = (
    Shape(concurrency=1, crash_odds=0.01),
    Shape(concurrency=1, crash_odds=0.01, dedupes=False),
    Shape(payments=2, concurrency=2, crash_odds=0.0, busy_officer=0.0),
    Shape(senders=2, concurrency=1, crash_odds=0.0, freeze_odds=0.01, busy_officer=0.0, callbacks=False),
)
