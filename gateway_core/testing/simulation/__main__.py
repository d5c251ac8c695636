"""python -m gateway_core.testing.simulation --schedules N --seed S [--exhaust K]."""

from __future__ import annotations

import argparse
import random
import sys

from .chance import Tape
from .explore import Found, Outcome, exhaust, run, shortest, swarm
from .world import Shape

SMALL = (
    Shape(), Shape(dedupes=False), Shape(payments=2), Shape(senders=2, freeze_odds=0.01),
)  # fmt: skip


def main() -> int:
    """0: every law held in every schedule. 1: a law was broken; its story is printed."""
    parser = argparse.ArgumentParser(prog="gateway_core.testing.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--exhaust", type=int, default=0, help="also every schedule with so many deviations")
    parser.add_argument("--again", default="", help="run one schedule again, by its name SEED:NUMBER")
    options = parser.parse_args()
    if options.again:
        outcome = run(Tape(options.again))
        print(outcome.failure or "every law held", dict(outcome.states))
        return _told(outcome, None) if outcome.failure else 0
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}, {options.schedules} schedules", flush=True)
    found = swarm(seed, options.schedules, progress=_progress)
    _figures(found)
    if found.failed:
        print(f"schedule {found.seed}")
        return _told(found.failed, None)
    return _exhausted(options.exhaust) if options.exhaust else 0


def _progress(done: int) -> None:
    if done % 500 == 0:
        print(f"  {done}", file=sys.stderr, flush=True)


def _figures(found: Found) -> None:
    speed = found.schedules / max(found.seconds, 1e-9)
    print(f"{found.schedules} schedules, {speed:.0f} per second and core; held {found.share_held():.1%} of payments")
    by_odds = [f"{odds:.0%}: {found.share_held(odds):.1%}" for odds in sorted(found.held)]
    print("held by fault rate: " + ", ".join(by_odds))


def _exhausted(deviations: int) -> int:
    for shape in SMALL:
        count = 0
        for outcome in exhaust(deviations, shape):
            count += 1
            if outcome.failure:
                print(f"{shape}: schedule {count}")
                return _told(outcome, shape)
        print(f"{count} schedules with at most {deviations} deviations hold in {shape}", flush=True)
    return 0


def _told(failed: Outcome, shape: Shape | None) -> int:
    short = shortest(failed, shape)
    print(f"FAILED {short.failure}")
    print("\n".join(["what went otherwise than quietly:", *short.story, "what the store holds:", *short.journal]))
    print(f"choices: {','.join(map(str, short.choices))}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
