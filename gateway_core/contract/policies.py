"""Policies of the host: any number of plain objects, named in the configuration, asked one by one with pages.

They run in a worker thread without an event loop (Django's ORM refuses one) and return plain values. One that raises
is an objection to every payment of its page: silence is never consent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from ..model.beneficiary import Beneficiary, Item
from ..model.errors import NotFoundError, WrongState
from ..model.payment import Objection, Payment
from .hookspecs import PROJECT, hookspec

if TYPE_CHECKING:
    from ..model.facts import Fact


_here = threading.local()


@contextmanager
def _asking(policy: str) -> Iterator[None]:
    before, _here.asked = getattr(_here, "asked", ""), policy
    try:
        yield
    finally:
        _here.asked = before


def refuse_within() -> None:
    """Raises WrongState in a policy that is being asked: what asks policies would ask it again, without end."""
    if policy := getattr(_here, "asked", ""):
        raise WrongState(
            f"policy {policy!r}, while it was being asked, called what checks, approves, generates or sends; "
            "let it return what it finds, and act afterwards"
        )


class PolicySpecs:
    """What a host may add."""

    @hookspec
    def check_payments(self, payments: Sequence[Payment]) -> Iterable[tuple[str, Objection]]:  # type: ignore[empty-body]
        """At checking: (payment id, objection) for each that should not be paid."""

    @hookspec
    def before_sending(self, payments: Sequence[Payment]) -> Iterable[tuple[str, Objection]]:  # type: ignore[empty-body]
        """At the instant of sending: is she alive, suspended, screened? A blocking objection holds the payment."""

    @hookspec
    def calculate(  # type: ignore[empty-body]
        self, programme: str, cycle: str, beneficiaries: Sequence[Beneficiary]
    ) -> Iterable[Sequence[Item] | str]:
        """When invoices are generated in a cycle that names this policy as its `calculation`: the base of each, in the
        order of the beneficiaries, as items; or as a text why she is owed nothing. The cycle's rules and caps follow.
        """

    @hookspec
    def fact_recorded(self, facts: Sequence[tuple[str, Fact]]) -> None:
        """After the commit, at least once: (payment id, fact), in order per payment."""


class Policies:
    """The only caller of the host's policies."""

    def __init__(self, plugins: Iterable[tuple[str, object]] = ()) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(PolicySpecs)
        for name, plugin in plugins:
            self._manager.register(plugin, name)
        self._manager.check_pending()

    def check_payments(self, payments: Sequence[Payment]) -> list[tuple[str, Objection]]:
        """All objections of all policies at checking."""
        return self._ask("check_payments", payments)

    def before_sending(self, payments: Sequence[Payment]) -> list[tuple[str, Objection]]:
        """All objections of all policies before sending."""
        return self._ask("before_sending", payments)

    def calculate(
        self, name: str, programme: str, cycle: str, beneficiaries: Sequence[Beneficiary]
    ) -> Iterable[Sequence[Item] | str]:
        """What one policy, named in the configuration, calculates. What it raises passes through."""
        for impl in self._manager.hook.calculate.get_hookimpls():
            if impl.plugin_name == name:
                function: Any = impl.function
                with _asking(name):
                    return list(function(programme, cycle, beneficiaries))
        raise NotFoundError(f"no policy {name!r} calculates; name it in `policies`, with a method `calculate`")

    def observers(self) -> list[str]:
        """Names of the policies that want to hear of facts."""
        return [impl.plugin_name for impl in self._manager.hook.fact_recorded.get_hookimpls()]

    def tell(self, observer: str, facts: Sequence[tuple[str, Fact]]) -> None:
        """Give one observer the next facts; what it raises is the caller's to log, and the facts come again."""
        for impl in self._manager.hook.fact_recorded.get_hookimpls():
            if impl.plugin_name == observer:
                impl.function(facts)

    def asks_before_sending(self) -> bool:
        """Whether any policy looks at payments before they are sent."""
        return bool(self._manager.hook.before_sending.get_hookimpls())

    def _ask(self, hook: str, payments: Sequence[Payment]) -> list[tuple[str, Objection]]:
        said: list[tuple[str, Objection]] = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                with _asking(impl.plugin_name):
                    answer = list(impl.function(payments) or ())
                for payment, objection in answer:
                    if not isinstance(objection, Objection):
                        raise TypeError(f"{hook} must give (payment id, Objection), got {objection!r}")
                    said.append((str(payment), attrs.evolve(objection, source=impl.plugin_name)))
            except Exception as error:
                broken = Objection("policy_failed", f"{type(error).__name__}: {error}", impl.plugin_name)
                said += [(payment.id, broken) for payment in payments]
        return said
