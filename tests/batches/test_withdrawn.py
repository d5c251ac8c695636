"""What is withdrawn before the put makes the file anew; after the put-intent nothing of it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.contract.hookspecs import hookimpl
from gateway_core.engine.runtime import AsyncioRuntime
from gateway_core.model.payment import Objection, Payment
from gateway_core.paymaster import Paymaster

from .shaky import Shaky, ShakyBank

if TYPE_CHECKING:
    from .conftest import Branch


@pytest.fixture
def shaky(open_branch: Callable[..., Branch]) -> Branch:
    return open_branch(gateway=ShakyBank)


def way(branch: Branch) -> Shaky:
    assert isinstance(branch.gateway, ShakyBank)
    return branch.gateway.way


def at(branch: Branch, point: str, do: Callable[[], object]) -> list[str]:
    """Do something, once, when a run comes to a point. The list has the point when it was done."""
    done: list[str] = []

    class Watched(AsyncioRuntime):
        @staticmethod
        def on_point(name: str) -> None:
            if name == point and not done:
                done.append(name)
                do()

    branch.shop.paymaster._runtime = Watched
    return done


class Beside:
    """Another process with the same store: an officer at work while the sender runs."""

    def __init__(self, branch: Branch) -> None:
        self._config = branch.shop.config

    def __call__(self, do: Callable[[Paymaster], object]) -> Callable[[], None]:
        def act() -> None:
            with Paymaster.open(self._config) as paymaster:
                do(paymaster)

        return act


def sent(branch: Branch) -> list[list[str]]:
    """The accounts in each file that was put."""
    return [
        [line.split(",")[2] for line in put.body.decode().splitlines() if line[0] == "L"] for put in way(branch).puts
    ]


STAGED = pytest.mark.parametrize("point", ["batch-planned", "batch-intents", "batch-staged"])


@STAGED
def test_a_line_that_is_cancelled_before_the_put_is_not_in_the_file(shaky: Branch, point: str) -> None:
    payroll = shaky.approved(3)
    beside = Beside(shaky)
    done = at(shaky, point, beside(lambda p: p.cancel(payroll, by="amina", reason="moved away", only=["inv-1"])))
    shaky.run(wait=0.5)
    assert done
    assert sent(shaky) == [["w-0000", "w-0002"]]
    assert shaky.states() == {"inv-0": "pending", "inv-1": "cancelled", "inv-2": "pending"}
    assert shaky.documents() == ["withdrawn", "handed_over"]
    shaky.whole()


@STAGED
def test_a_payroll_that_is_cancelled_before_the_put_sends_nothing(shaky: Branch, point: str) -> None:
    payroll = shaky.approved(3)
    at(shaky, point, Beside(shaky)(lambda p: p.cancel(payroll, by="amina", reason="wrong month")))
    shaky.run(wait=0.5)
    assert sent(shaky) == []
    assert set(shaky.states().values()) == {"cancelled"}
    shaky.whole()


@STAGED
def test_a_payroll_that_is_paused_before_the_put_waits_and_the_same_file_goes_later(shaky: Branch, point: str) -> None:
    payroll = shaky.approved(3)
    at(shaky, point, Beside(shaky)(lambda p: p.pause(payroll, by="amina", reason="a look first")))
    shaky.run(wait=0.3)
    assert sent(shaky) == []
    shaky.run(wait=0.3)
    assert sent(shaky) == []
    shaky.shop.paymaster.resume(payroll, by="amina")
    shaky.run(wait=0.5)
    assert sent(shaky) == [["w-0000", "w-0001", "w-0002"]]
    assert shaky.documents() == ["handed_over"], "no second file was made"
    shaky.whole()


def test_after_the_put_intent_a_cancellation_comes_too_late(shaky: Branch) -> None:
    payroll = shaky.approved(3)
    counts: list[int] = []

    def cancel(paymaster: Paymaster) -> None:
        counts.append(paymaster.cancel(payroll, by="amina", reason="moved away", only=["inv-1"]))

    at(shaky, "batch-put-intent", Beside(shaky)(cancel))
    shaky.run(wait=0.3)
    assert counts == [0]
    assert sent(shaky) == [["w-0000", "w-0001", "w-0002"]]
    shaky.whole()


def test_nobody_whose_entitlement_a_case_has_frozen_is_in_a_file(shaky: Branch) -> None:
    payroll = shaky.approved(3)
    payment = shaky.shop.paymaster.payments(payroll)[1]

    def freeze() -> None:
        shaky.shop.change_store(
            "INSERT INTO cases (payment, payroll, entitlement, kind, attempt, opened_at) VALUES (?, ?, ?, ?, 9, 1)",
            payment.id, "another", payment.entitlement, "possible_double_payment",
        )  # fmt: skip

    at(shaky, "batch-staged", freeze)
    shaky.run(wait=0.5)
    assert sent(shaky) == [["w-0000", "w-0002"]]
    assert shaky.states()["inv-1"] == "held"


class Register:
    """A policy: whom it objects to, and how often it was asked about each."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.asked: list[str] = []

    @hookimpl
    def before_sending(self, payments: Sequence[Payment]) -> list[tuple[str, Objection]]:
        self.asked += [payment.beneficiary for payment in payments]
        return [(p.id, Objection("dead", "is not alive")) for p in payments if p.beneficiary in self.dead]


def with_policy(branch: Branch, register: Register, **pace: Any) -> None:
    paymaster = branch.shop.paymaster
    policies = (("register", register),)
    paymaster.configuration = attrs.evolve(paymaster.configuration, policies=policies)
    paymaster.configuration._opened.clear()
    branch.speak()
    channel = paymaster.configuration.channel("dummy")
    channel.pace = attrs.evolve(channel.pace, **pace)


def test_whom_a_policy_objects_to_is_in_no_file(shaky: Branch) -> None:
    register = Register()
    register.dead = {"ben-1"}
    with_policy(shaky, register)
    shaky.approved(3)
    shaky.run()
    assert sent(shaky) == [["w-0000", "w-0002"]]
    assert shaky.states()["inv-1"] == "held"


def test_what_a_policy_said_is_no_older_than_its_time_at_the_put(shaky: Branch) -> None:
    """She dies between planning and the put, which comes an hour later: after a pause, say."""
    register = Register()
    with_policy(shaky, register, recheck_ttl=0.2)
    payroll = shaky.approved(3)
    at(shaky, "batch-staged", Beside(shaky)(lambda p: p.pause(payroll, by="amina", reason="a look first")))
    shaky.run(wait=0.2)
    assert len(register.asked) == 3
    register.dead = {"ben-1"}
    shaky.shop.paymaster.resume(payroll, by="amina")
    shaky.run(wait=0.5)
    assert sent(shaky) == [["w-0000", "w-0002"]]
    assert shaky.documents() == ["withdrawn", "handed_over"]
    assert shaky.states()["inv-1"] == "held"
    shaky.whole()


def test_a_file_that_was_planned_for_another_address_is_made_anew(shaky: Branch) -> None:
    payroll = shaky.approved(3)
    at(shaky, "batch-staged", Beside(shaky)(lambda p: p.pause(payroll, by="amina", reason="the bank moves")))
    shaky.run(wait=0.2)
    shaky.speak(institution_account="NEW-ACCOUNT")
    shaky.shop.paymaster.resume(payroll, by="amina")
    assert "configured otherwise" in str(shaky.run().skipped)
    assert sent(shaky) == []
    shaky.shop.paymaster.approve(payroll, by="joseph")
    shaky.run(wait=0.5)
    assert len(sent(shaky)) == 1
    assert shaky.documents() == ["withdrawn", "handed_over"]
    shaky.whole()


def test_a_file_that_never_left_can_be_withdrawn_by_two_people(shaky: Branch) -> None:
    """The bank's endpoint is gone for good: every put provably failed."""
    way(shaky).script = ["unsent"] * 9
    payroll = shaky.approved(3)
    shaky.run()
    (document,) = shaky.shop.paymaster.documents()
    assert document.state == "ready"
    assert shaky.shop.paymaster.cancel(payroll, by="amina", reason="gone") == 0, "its put-intent exists"
    shaky.shop.release(document.id, "withdrawn")
    assert set(shaky.states().values()) == {"ready"}
    assert shaky.shop.paymaster.cancel(payroll, by="amina", reason="gone") == 3
    shaky.whole()
