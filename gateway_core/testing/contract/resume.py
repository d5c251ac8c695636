"""What a crash leaves is finished by a new process: `python -m gateway_core.testing.contract.resume`, told on stdin."""

from __future__ import annotations

import sys

from .setup import Setup

WAIT = 120.0


def main() -> None:
    """Open the store and run everything that is approved and unfinished."""
    with Setup.of_json(sys.stdin.read()).open() as paymaster:
        paymaster.run(wait=WAIT)


if __name__ == "__main__":
    main()
