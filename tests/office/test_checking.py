"""Checking: every objection has a code that a host can translate, warnings do not block, approving asks again."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import Objection, hookimpl
from gateway_core.contract.policies import Policies
from gateway_core.lifecycle import checking
from gateway_core.lifecycle.cycles.caps import CHECKS
from gateway_core.lifecycle.intake.compare import REPETITIONS
from gateway_core.model.errors import MakerIsChecker, ObjectionsStand
from tests.meta.imports import ROOT

if TYPE_CHECKING:
    from tests.conftest import Shop

# Where codes are made: the call, and which of its arguments is the code.
MADE = {"Objection": 0, "Problem": 1, "AmountError": 0, "Mistake": 4}
PLACES = (
    "gateway_core/contract", "gateway_core/lifecycle", "gateway_core/cash/stations.py", "gateway_core/cash/gateway.py",
    "gateway_core/model/money.py", "plugins/mobile_money", "plugins/mojaloop", "plugins/bank_transfer",
    "plugins/dummy_server",
)  # fmt: skip


def files() -> Iterator[Path]:
    for place in PLACES:
        path = ROOT / place
        found = [path] if path.is_file() else path.rglob("*.py")
        yield from (one for one in found if "tests" not in one.parts and "simulator" not in str(one))


def codes() -> set[str]:
    found = {repetition.code for repetition in REPETITIONS} | {f"cap_{cap}" for cap in (*CHECKS, "currency")}
    for file in files():
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
            at = MADE.get(name)
            if isinstance(call, ast.Call) and at is not None and len(call.args) > at:
                code = call.args[at]
                found |= {code.value} if isinstance(code, ast.Constant) and isinstance(code.value, str) else set()
    return found


def test_every_code_is_on_the_page() -> None:
    page = (ROOT / "docs" / "objections.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    assert len(codes()) > 40
    assert codes() - documented == set()
    assert all(re.fullmatch("[a-z_]+", code) for code in codes())


class Registry:
    """Says what it is told to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.says: list[Objection] = []
        self.asked = 0

    @hookimpl
    def check_payments(self, payments: Any) -> list[tuple[str, Objection]]:
        self.asked += 1
        return [(payment.id, said) for payment in payments for said in self.says]


@pytest.fixture
def registry(shop: Shop) -> Registry:
    made = Registry()
    object.__setattr__(shop.paymaster.configuration, "_policies", (("registry", made),))
    return made


DEAD, MOVED = Objection("dead", "died in May"), Objection("moved", "lives elsewhere now", blocks=False)


def test_what_was_found_out_since_the_check_stands_in_the_way_of_the_approval(shop: Shop, registry: Registry) -> None:
    payroll = shop.proposed(shop.invoices(2, cycle=str(shop.folder)))
    assert shop.paymaster.check(payroll).good
    registry.says = [DEAD]
    with pytest.raises(ObjectionsStand, match="died in May"):
        shop.paymaster.approve(payroll, by="joseph")
    assert [found.objection.code for found in shop.paymaster.objections(payroll).objections] == ["dead", "dead"]
    # Asked again, they are not raised twice.
    with pytest.raises(ObjectionsStand, match="2 objections"):
        shop.paymaster.approve(payroll, by="joseph")
    shop.paymaster.release_objections(payroll, by="grace", reason="another of the same name")
    shop.paymaster.approve(payroll, by="joseph", despite="another of the same name")
    assert shop.paymaster.status(payroll)[0].state == "approved"


def test_a_warning_does_not_block(shop: Shop, registry: Registry) -> None:
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    registry.says = [MOVED]
    report = shop.paymaster.check(payroll)
    assert report.good and [found.objection.code for found in report.warnings] == ["moved"]
    shop.paymaster.approve(payroll, by="joseph")


def test_a_thousand_are_listed_and_all_are_counted_and_all_must_be_released(
    shop: Shop, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "LISTED", 2)
    payroll = shop.proposed(shop.invoices(5, cycle=str(shop.folder)))
    registry.says = [DEAD, MOVED]
    report = shop.paymaster.check(payroll)
    assert [found.line for found in report.objections] == [1, 2] == [found.line for found in report.warnings]
    assert (report.good, report.more_objections, report.more_warnings) == (False, 3, 3)
    with pytest.raises(ObjectionsStand, match="5 objections"):
        shop.paymaster.approve(payroll, by="joseph", despite="I know her")
    assert shop.paymaster.release_objections(payroll, by="grace", reason="another of the same name") == 5
    with pytest.raises(MakerIsChecker):
        shop.paymaster.approve(payroll, by="grace", despite="I know her")
    shop.paymaster.approve(payroll, by="joseph", despite="I know her")
    assert shop.paymaster.objections(payroll).good


def test_who_may_not_approve_asks_nobody(shop: Shop, registry: Registry) -> None:
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    with pytest.raises(Exception, match="proposed this payroll"):
        shop.paymaster.approve(payroll, by="amina")
    assert registry.asked == 0


class Decides(Registry):
    """Calls what it should not, while it is asked."""

    def __init__(self, decide: Callable[[], object]) -> None:
        super().__init__()
        self.decide = decide

    @hookimpl
    def check_payments(self, payments: Any) -> list[tuple[str, Objection]]:
        self.asked += 1
        self.decide()
        return []


@pytest.mark.parametrize("calls", ["approve", "check", "run"])
def test_a_policy_that_begins_what_asks_it_again_is_refused_and_asked_once(calls: str, shop: Shop) -> None:
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    paymaster = shop.paymaster
    calling: dict[str, Callable[[], object]] = {
        "approve": lambda: paymaster.approve(payroll, by="joseph"),
        "check": lambda: paymaster.check(payroll),
        "run": lambda: paymaster.run(payroll),
    }
    policy = Decides(calling[calls])
    object.__setattr__(paymaster.configuration, "_policies", (("eager", policy),))
    with pytest.raises(ObjectionsStand, match="while it was being asked"):
        paymaster.approve(payroll, by="joseph")
    (found,) = paymaster.objections(payroll).objections
    assert found.objection.code == "policy_failed" and policy.asked == 1
    # What asks nobody it may.
    policy.decide = lambda: paymaster.note(payroll, by="joseph", text="looked up")
    assert paymaster.check(payroll).good
    paymaster.approve(payroll, by="joseph")


def test_a_thread_that_was_asked_may_decide_afterwards(shop: Shop) -> None:
    """As a host's worker thread does that calculates, and then approves."""
    policy = Decides(lambda: None)
    policies = Policies([("eager", policy)])
    assert policies.check_payments([]) == []
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    shop.paymaster.approve(payroll, by="joseph")
