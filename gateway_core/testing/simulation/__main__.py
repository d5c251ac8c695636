"""The simulation from the command line: `python -m gateway_core.testing.simulation --help`.

    --schedules N --seed S        N random worlds; the same seed gives the same worlds
    --exhaust K                   also every schedule with at most K deviations in four small worlds
    --processes P                 share the work among P processes (default: one)
    --again SEED:NUMBER           one schedule of a swarm again
    --replay FILE                 a tape again
    --save FILE                   where the tape of a failure is put (default: failed.tape)

Ends with 0 when every law held in every schedule, and with 1 when one was broken: then its story is printed, and how to
replay it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from . import tapes
from .chance import Tape
from .explore import Found, Outcome, exhaust, run, shortest, swarm
from .shape import SMALL, Shape

SHARD = 500


def main() -> int:
    """See the module."""
    options = _options()
    if options.replay:
        return _replayed(options.replay)
    if options.again:
        outcome = run(Tape(options.again))
        print(outcome.failure or "every law held", dict(outcome.states))
        return _told(outcome, None, options.save) if outcome.failure else 0
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}, {options.schedules} schedules, {options.processes} processes", flush=True)
    found = _swarmed(seed, options.schedules, options.processes)
    _figures(found)
    if found.failed:
        print(f"schedule {found.seed}")
        return _told(found.failed, None, options.save)
    return _exhausted(options.exhaust, options.processes, options.save) if options.exhaust else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m gateway_core.testing.simulation", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--schedules", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--exhaust", type=int, default=0, metavar="K")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--again", default="", metavar="SEED:NUMBER")
    parser.add_argument("--replay", type=Path, default=None, metavar="FILE")
    parser.add_argument("--save", type=Path, default=Path("failed.tape"), metavar="FILE")
    return parser.parse_args()


# -- random worlds ----------------------------------------------------------------------------------------------------


def _swarmed(seed: int, schedules: int, processes: int) -> Found:
    shards = [(first, min(SHARD, schedules - first)) for first in range(0, schedules, SHARD)]
    found, began = Found(), time.monotonic()
    for part in _together(processes, [partial(swarm, seed, count, first=first) for first, count in shards]):
        found.join(part)
        done = found.schedules / max(time.monotonic() - began, 1e-9)
        print(f"  {found.schedules} schedules, {done:.0f}/s", file=sys.stderr, flush=True)
        if found.failed:
            break
    return found


def _together(processes: int, jobs: list[partial[Found]]) -> Iterator[Found]:
    """The results as they come; whoever stops listening stops the work."""
    if processes <= 1:
        yield from (job() for job in jobs)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting: set[Future[Found]] = set()
        try:
            while jobs or waiting:
                while jobs and len(waiting) < processes * 2:
                    waiting.add(pool.submit(jobs.pop(0)))
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)


def _figures(found: Found) -> None:
    speed = found.schedules / max(found.seconds, 1e-9)
    print(f"{found.schedules} schedules, {speed:.0f} per second and core; held {found.share_held():.1%} of payments")
    by_odds = [f"{odds:.0%}: {found.share_held(odds):.1%}" for odds in sorted(found.held)]
    print("held by fault rate: " + ", ".join(by_odds))


# -- every small deviation --------------------------------------------------------------------------------------------


def _exhausted(deviations: int, processes: int, save: Path) -> int:
    for shape in SMALL:
        found = Found()
        parts = [partial(exhausted, deviations, shape, share, processes) for share in range(processes)]
        for part in _together(processes, parts):
            found.join(part)
        if found.failed:
            return _told(found.failed, shape, save)
        print(f"{found.schedules} schedules with at most {deviations} deviations hold in {shape}", flush=True)
    return 0


def exhausted(deviations: int, shape: Shape, share: int = 0, of: int = 1) -> Found:
    """All of one world's schedules, or a share of them, until the first failure."""
    found, began = Found(), time.process_time()
    for outcome in exhaust(deviations, shape, share, of):
        found.add(outcome)
        if outcome.failure:
            found.failed = outcome
            break
    found.seconds = time.process_time() - began
    return found


# -- failures ---------------------------------------------------------------------------------------------------------


def _replayed(path: Path) -> int:
    saved = tapes.read(path)
    tape = saved.tape()
    outcome = run(tape, saved.shape)
    print(saved.story)
    for deviation in tapes.stale(tape):
        print(f"the world no longer asks this: {deviation}")
    print("\n".join(tape.story()))
    print(f"FAILED {outcome.failure}" if outcome.failure else f"every law held: {dict(outcome.states)}")
    return 1 if outcome.failure else 0


def _told(failed: Outcome, shape: Shape | None, save: Path) -> int:
    short = shortest(failed, shape)
    assert short.failure is not None
    print(f"FAILED {short.failure}")
    print("\n".join(["what went otherwise than quietly:", *short.story, "what the store holds:", *short.journal]))
    tapes.write(save, tapes.Saved(str(short.failure), shape, short.failure.law, short.deviations))
    print(f"replay it: python -m gateway_core.testing.simulation --replay {save}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
