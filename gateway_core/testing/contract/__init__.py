"""The contract kit: every law that a gateway has to keep, as tests that its author inherits.

    from gateway_core.testing import GatewayContract

    class TestAcme(GatewayContract):
        gateway = AcmeGateway
        settings = {"api_key": "a-key-for-tests"}

        def simulator(self, ledger):
            return create_app(ledger, api_key="a-key-for-tests")

The flow runs in the real engine, over real sockets, against the simulator, with a proxy in between that loses, repeats,
delays and falsifies what passes. Which laws there are follows from what the gateway declares; none can be redefined.

    laws.py, judging.py     what a law is, and judging    watch.py     notes what the hooks were asked and said
    kit.py, bench.py        what an author gives          traps.py     clock, chance and sockets inside a hook
    rows.py, tour.py        payments, and what they meet  proxy.py, faults.py, serving.py     the wire
    ending.py               when all has been heard: counted, not timed
    law_*.py                the laws themselves           setup.py, resume.py     a Paymaster, here and elsewhere
    batch_kit.py            the same for rails that take files: `BatchContract`
"""

from .bench import Movement
from .contract import BatchContract, GatewayContract
from .kit import Kit
from .laws import Law, LawBroken, laws_of

__all__ = ["BatchContract", "GatewayContract", "Kit", "Law", "LawBroken", "Movement", "laws_of"]
