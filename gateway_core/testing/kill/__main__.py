"""python -m gateway_core.testing.kill --kills N [--store URL] [--no-dedupe] [--senders N] [--seed S] [--chaos RATE]."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from .campaign import let_live, plan
from .judge import found_some, histogram, judge
from .places import place_of
from .server import Dummy


def main() -> int:
    """0: after all kills nobody was paid twice, nobody is missing, and every journal agrees with the ledger."""
    parser = argparse.ArgumentParser(prog="gateway_core.testing.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="the first 42 are every failpoint, three visits each")
    parser.add_argument("--store", default="", help="sqlite:////FOLDER, or postgresql+psycopg://USER@HOST/NAME")
    parser.add_argument("--no-dedupe", action="store_true", help="a provider that pays a repeated key again")
    parser.add_argument("--senders", type=int, choices=(1, 2, 3), default=1, help="at once on each store, PostgreSQL")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--chaos", type=float, default=0.5, help="the share of requests that meet a fault")
    options = parser.parse_args()
    if options.senders > 1 and not options.store.startswith("postgresql"):
        parser.error("several senders need --store postgresql+psycopg://...: on SQLite one sends at a time")
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        folder = Path(temporary)
        place = place_of(options.store, folder / "stores")
        server = Dummy(folder / "ledger.db", chaos=seed, no_dedupe=options.no_dedupe, rate=options.chaos)
        try:
            kills = plan(options.kills, seed)
            victims = let_live(kills, seed, server, place, folder / "marks", options.senders)
            said = judge(victims, server)
        finally:
            server.stop()
            place.remove()
    done, found = sum(len(victim.killed) for victim in victims), found_some(victims)
    print(f"seed {seed}, {'no ' * options.no_dedupe}dedupe, {options.senders} at once: {done} kills of {len(victims)} "
          f"stores in {time.monotonic() - began:.0f} s; {found} found unanswered money intents")  # fmt: skip
    print(histogram(victims))
    print("at the end: " + ", ".join(f"{count} {state}" for state, count in said.states.most_common()))
    print(f"paid twice {len(said.twice)}, missing {len(said.missing)}, differing {len(said.differing)}")
    print("\n".join([*said.twice, *said.missing, *said.differing][:50]), end="")
    return 0 if said.holds and done == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
