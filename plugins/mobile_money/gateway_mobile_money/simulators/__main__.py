"""python -m gateway_mobile_money.simulators PROFILE [--port N] [--ledger FILE] [--chaos SEED] [--option name=value]."""

from __future__ import annotations

import argparse
import sys

from gateway_core.testing.serving import run

from . import SIMULATORS, create_app


def main() -> None:
    """Serve one simulator until interrupted; then say what became of its tokens."""
    parser = argparse.ArgumentParser(prog="gateway_mobile_money.simulators", description=__doc__)
    parser.add_argument("profile", choices=sorted(SIMULATORS))
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one, and says which")
    parser.add_argument("--ledger", default=":memory:", help="a file that outlives the server")
    parser.add_argument("--chaos", type=int, default=None, help="all faults at random; the same seed, the same faults")
    parser.add_argument("--chaos-rate", type=float, default=0.3, help="the share of requests that meet a fault")
    parser.add_argument("--no-dedupe", action="store_true", help="a repeated key moves money again")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the profile's own")
    given = parser.parse_args()
    options = dict(one.split("=", 1) for one in given.option)
    app = create_app(
        given.profile, given.ledger, dedupe=not given.no_dedupe, chaos=given.chaos, chaos_rate=given.chaos_rate,
        **{name: float(value) if name == "token_life" else value for name, value in options.items()},
    )  # fmt: skip
    run(app, given.port)
    doors = app.state.simulator.doors
    sys.stdout.write(f"tokens given {doors.given}, requests turned away {doors.turned_away}\n")


if __name__ == "__main__":
    main()
