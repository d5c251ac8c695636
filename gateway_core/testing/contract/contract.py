"""`GatewayContract` and `BatchContract`: what the author of a plugin subclasses."""

from __future__ import annotations

from typing import Any, ClassVar

from ...contract.batch import BatchGateway
from .judging import Judged
from .kit import declared
from .law_batch import BatchLaws
from .law_crash import MishapLaws
from .law_flows import FlowLaws
from .law_matching import MatchingLaws
from .law_paying import PayingLaws
from .law_pure import PureLaws
from .law_replies import ReplyLaws
from .law_shape import ShapeLaws
from .law_statement import StatementLaws
from .laws import laws_of


class _Contract(Judged):
    """Nobody redefines a law, and each class has its own evidence."""

    _left_out: ClassVar[frozenset[str]] = frozenset()
    _batch: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._evidence, cls._verdicts, cls._left_out = {}, {}, frozenset()
        if cls.__module__ == __name__:
            return
        _refuse_other_laws(cls)
        if getattr(cls, "gateway", None) is None:
            return
        if issubclass(cls.gateway, BatchGateway) != cls._batch:
            right = "GatewayContract" if cls._batch else "BatchContract"
            raise TypeError(f"{cls.gateway.__name__} is tried with {right}")
        mine = declared(cls.gateway, cls.settings)
        cls._left_out = frozenset(name for name, about in laws_of(cls).items() if not about.applies(mine))
        for name in cls._left_out:
            # pytest collects what can be called: what does not apply to this rail is no test here.
            setattr(cls, name, None)


def _refuse_other_laws(cls: type[_Contract]) -> None:
    ours = [base for base in cls.__mro__ if base.__module__.startswith(__package__)]
    for base in cls.__mro__[: cls.__mro__.index(ours[0])]:
        for name in laws_of(ours[0]):
            if name in vars(base) and name not in getattr(base, "_left_out", ()):
                raise TypeError(
                    f"{cls.__name__} redefines the law {name}: a gateway that breaks it is not safe to pay with. "
                    "Mend the gateway, or declare less; a test of your own takes a name of its own"
                )


class GatewayContract(MishapLaws, PayingLaws, MatchingLaws, ReplyLaws, FlowLaws, PureLaws, ShapeLaws, _Contract):
    """The laws of a gateway that takes payments one by one, as tests. A subclass gives its simulator:

        class TestAcme(GatewayContract):
            gateway = AcmeGateway
            settings = {"api_key": "a-key-for-tests", "callback_url": "{callbacks}"}

            def simulator(self, ledger):
                return create_app(ledger, api_key="a-key-for-tests")

    gateway     the class
    settings    its own settings, secrets as plain text of at least 8 characters; base_url is the kit's, and
                "{callbacks}" in a text is the address where callbacks arrive
    simulator   an ASGI application, or the address of a server that runs; `ledger` is a file that it may use
    currency    of the amounts; `smallest`: the smallest amount that the rail pays, in minor units
    account(n)  the n-th account, of this rail's type
    samples     what the simulator is asked to do, by an amount or an account: "refused", "pending-then-paid",
                "pending-then-refused", "pending-for-ever". Leave out what this rail cannot do. A simulator that is
                built on `gateway_core.testing.provider` knows all of them by the amount
    decides_in  seconds in which the simulator decides what it called pending
    books       what it did with the money; the ledger of `gateway_core.testing.ledger` is read when it is left out

    The laws that apply follow from what the gateway declares. They cannot be redefined.
    """


class BatchContract(StatementLaws, BatchLaws, PureLaws, ShapeLaws, _Contract):
    """The laws of a gateway whose instruction is a whole file, as tests. A subclass gives its bank:

        class TestAcmeBank(BatchContract):
            gateway = AcmeBank
            settings = {"outbox": "{folder}/out", "inbox": "{folder}/in"}

            def bank(self, folder):
                return Bank(folder)

    gateway     the class; `currency`, `smallest`, `account(n)` as in GatewayContract
    settings    its own settings; "{folder}" in a text is a folder of this try's own
    bank        an object for a new folder. `work()`: take what was handed over, pay it, answer. `books()`: every
                `Movement`, with the key of the line
    payments    how many are paid in one go: more than fit into one file
    """

    _batch = True
