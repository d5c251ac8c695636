"""A contract suite for HTTP transports that carry money: a raw server, a table of faults, and the laws.

Whoever brings a transport of their own tries it so:

    def mine(context: ssl.SSLContext | None, limits: Limits) -> httpx.AsyncBaseTransport:
        return MyTransport(context, max_head=limits.head, max_body=limits.body, seconds=limits.total)

    @pytest.mark.parametrize("over", ["plain", "tls"])
    @pytest.mark.parametrize("reused", [0, 1])
    @pytest.mark.parametrize("name", FAULTS)
    def test_the_laws(name, reused, over):
        if over in FAULTS[name].over:
            asyncio.run(check(FAULTS[name], mine, good=reused, tls=over == "tls"))

    def test_connecting():
        for row in connecting():
            asyncio.run(check_connecting(row, mine))

    def test_random_faults():
        tally = stress(mine, 20_000, seed=7)
        assert not tally.falsely_unsent and not tally.resent and not tally.wrong

`check_cancelled` and, on Linux, `race.raced` (a close that crosses a request on a slow link) complete it.
"""

from .connecting import connecting
from .faults import FAULTS, Fault
from .laws import LawBroken, Make, check, check_cancelled, check_connecting
from .stress import Tally, stress

__all__ = [
    "FAULTS", "Fault", "LawBroken", "Make", "Tally", "check", "check_cancelled", "check_connecting", "connecting",
    "stress",
]  # fmt: skip
