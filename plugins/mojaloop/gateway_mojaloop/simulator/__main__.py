"""The command `python -m gateway_mojaloop.simulator`; see the package."""

from __future__ import annotations

import argparse

from gateway_core.testing.serving import run

from . import create_app
from .voices import CALLBACKS

parser = argparse.ArgumentParser(prog="python -m gateway_mojaloop.simulator", description=__doc__)
parser.add_argument("--port", type=int, default=8092, help="on 127.0.0.1; 0 takes a free one")
parser.add_argument("--ledger", default=":memory:", metavar="FILE", help="its own SQLite file")
parser.add_argument("--callbacks", default=CALLBACKS, metavar="URL", help="where the payer is called back")
parser.add_argument("--keys", default="", metavar="DIR", help="public keys; without it nothing is signed")
parser.add_argument("--version", default="1.1", choices=["1.0", "1.1", "2.0"], help="of its callbacks")
parser.add_argument("--ilp", type=int, default=4, choices=[1, 4], help="version of its packets")
parser.add_argument("--fee", type=int, default=0, help="of the payee's FSP, in smallest units")
parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="of each callback")
parser.add_argument("--chaos", type=int, metavar="SEED", help="every fault at random, by this seed")
parser.add_argument("--chaos-rate", type=float, default=0.3)
parser.add_argument("--no-dedupe", action="store_true", help="a repeated id moves money again")

given = vars(parser.parse_args())
port, dedupe = given.pop("port"), not given.pop("no_dedupe")
run(create_app(dedupe=dedupe, **given), port)
