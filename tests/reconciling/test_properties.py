"""Any order and repetition of files gives the same; whatever people, rails and crashes do, no cent closes unsaid."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway_core.engine.lanes import NoAnswer
from gateway_core.engine.wire import Wire
from gateway_core.model.errors import GatewayCoreError
from gateway_core.model.facts import Fact
from gateway_core.reconcile import weighing
from gateway_core.reconcile.report import rail_says
from tests.conftest import Shop, invoice
from tests.reconciling.conftest import MAPPING

# -- files weigh the same in any order ---------------------------------------------------------------------------------

BOOKINGS = st.builds(
    lambda verdict, reference, amount, booked, fee: SimpleNamespace(
        verdict=verdict, reference=reference, amount=amount, booked=booked, fee=fee
    ),
    st.sampled_from(["paid", "returned", "refused", "pending"]), st.sampled_from(["", "R1", "R2"]),
    st.sampled_from([100, 200, 300]), st.sampled_from(["", "2026-11-25", "2026-11-26"]), st.sampled_from([0, 5]),
)  # fmt: skip
FILES = st.lists(st.lists(BOOKINGS, max_size=4), max_size=4)


def lines(files: list[list[Any]]) -> list[Any]:
    return [
        SimpleNamespace(**vars(line), statement=str(number), of="sheet")
        for number, file in enumerate(files)
        for line in file
    ]


@given(FILES, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_files_weighs_the_same(files: list[list[Any]], chance: Any) -> None:
    weight = weighing.weigh(lines(files))
    mixed = [chance.sample(file, len(file)) for file in files]
    mixed += [mixed[chance.randrange(len(mixed))] for _ in range(2) if mixed]
    chance.shuffle(mixed)
    assert weighing.weigh(lines(mixed)) == weight


@given(st.lists(BOOKINGS, max_size=6), st.data())
def test_statements_that_overlap_weigh_like_the_whole(bookings: list[Any], data: st.DataObject) -> None:
    cuts = st.integers(0, len(bookings))
    begin, end = data.draw(cuts), data.draw(cuts)
    parts = [bookings[: max(begin, end)], bookings[min(begin, end) :], bookings]
    assert weighing.weigh(lines(parts)) == weighing.weigh(lines([bookings]))


WORDS = st.lists(
    st.tuples(
        st.sampled_from(["done", "returned", "refused"]), st.integers(1, 2), st.sampled_from(["ask", "callback"])
    ),
    max_size=6,
)


@given(WORDS, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_the_rails_words_counts_the_same(words: list[Any], chance: Any) -> None:
    def facts(said: list[Any]) -> Iterator[Fact]:
        for no, (value, attempt, source) in enumerate(said, 1):
            yield Fact(no, no, "answer", value, source, attempt, "pay", body={"moves_money": True})

    mixed = [*words, *chance.sample(words, min(2, len(words)))]
    chance.shuffle(mixed)
    assert rail_says(facts(mixed)) == rail_says(facts(words))


# -- a whole office, with crashes --------------------------------------------------------------------------------------


class Crash(BaseException):
    """The process ends here."""


class Bank:
    """A rail in memory. `moved`: {key: [entitlement, amount, status]}; what it does comes from `plan`."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.plan: list[str] = []
        self.crash_after = -1

    def lane(self, channel: object) -> Bank:
        return self

    async def close(self) -> None:
        """Nothing to drop."""

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        if self.crash_after == 0:
            self.crash_after = -1
            raise Crash
        self.crash_after -= self.crash_after > 0
        if wire.method == "POST":
            order = json.loads(wire.body)
            does = self.plan.pop() if self.plan else "paid"
            self.orders.setdefault(order["key"], {**order, "does": does})
            if does == "silent":
                raise NoAnswer("silence")
            return self._answer(order["key"], 201 if does == "paid" else 422)
        return self._answer(wire.target.rpartition("/")[2], 200)

    def _answer(self, key: str, status: int) -> tuple[int, dict[str, str], bytes]:
        if key not in self.orders:
            return 404, {}, json.dumps({"key": key, "code": "unknown_key"}).encode()
        order = self.orders[key]
        said = {name: order[name] for name in ("key", "reference", "account", "amount", "currency")}
        states = {"paid": "paid", "silent": "paid", "refused": "refused", "reversed": "reversed"}
        said |= {"status": states[order["does"]], "receipt": f"D-{key[:8]}", "code": "refused_by_provider"}
        return status, {}, json.dumps(said).encode()

    def net(self) -> dict[str, int]:
        """{entitlement: what stayed with the payee}."""
        nets: dict[str, int] = {}
        for order in self.orders.values():
            stays = order["does"] in ("paid", "silent")
            nets[order["entitlement"]] = nets.get(order["entitlement"], 0) + stays * order["amount"]
        return nets


PLANS = st.lists(st.sampled_from(["paid", "refused", "silent"]), max_size=4)
OWED = {f"child-grant/2026-11/ben-{n}/": 50_000 + n for n in range(4)}


class Office(RuleBasedStateMachine):
    """amina proposes, compares and gives files; joseph approves, agrees and closes."""

    def __init__(self) -> None:
        super().__init__()
        self.bank, self.names, self.count = Bank(), list[str](), 0
        self.folder = Path(tempfile.mkdtemp(prefix="office-"))
        quick: dict[str, Any] = {"ask_after": 0.01, "ask_at_most": 0.02, "ask_limit": 5, "settle": 0.01, "patience": 5}
        quick |= {"statement": MAPPING}
        self.shop = Shop(self.folder, "http://127.0.0.1:9", channel=quick)
        self.shop.paymaster._lane = self.bank.lane
        self.frozen: dict[str, dict[str, str]] = {}

    @property
    def paymaster(self) -> Any:
        return self.shop.paymaster

    def _reopen(self) -> None:
        self.shop.reopen()
        self.shop.paymaster._lane = self.bank.lane

    def _try(self, act: Any) -> bool:
        """What is refused changes nothing; a crash ends the process."""
        try:
            act()
        except GatewayCoreError:
            return False
        except BaseException as error:
            if not isinstance(error, Crash) and "Crash" not in repr(error):
                raise
            self._reopen()
            return False
        return True

    def _some(self, data: st.DataObject) -> str:
        return str(data.draw(st.sampled_from(self.names)))

    @initialize(plan=PLANS)
    def begin(self, plan: list[str]) -> None:
        self.propose(4)
        self.approve_all()
        self.run(plan, -1)

    @rule(size=st.integers(1, 4))
    def propose(self, size: int) -> None:
        self.count += 1
        name = f"payroll-{self.count}"
        people = [invoice(n, f"w-{n}", 50_000 + n) for n in range(size)]
        if self._try(lambda: self.paymaster.propose(name, people, channel="dummy", by="amina", despite="a trial")):
            self.names.append(name)

    @rule()
    def approve_all(self) -> None:
        for status in self.paymaster.status():
            if status.state == "awaiting_approval":
                self._try(lambda of=status.id: self.paymaster.release_objections(of, by="amina", reason="a trial"))
                self._try(lambda of=status.id: self.paymaster.approve(of, by="joseph", despite="a trial"))

    @rule(plan=PLANS, crash=st.integers(-1, 6))
    def run(self, plan: list[str], crash: int) -> None:
        self.bank.plan, self.bank.crash_after = list(plan), crash
        self._try(lambda: self.paymaster.run(wait=2))
        self.bank.crash_after = -1

    @rule(data=st.data())
    def comes_back(self, data: st.DataObject) -> None:
        paid = sorted(key for key, order in self.bank.orders.items() if order["does"] in ("paid", "silent"))
        if paid:
            self.bank.orders[data.draw(st.sampled_from(paid))]["does"] = "reversed"

    @precondition(lambda self: self.names)
    @rule(data=st.data(), wrong=st.booleans(), repeat=st.booleans())
    def statement(self, data: st.DataObject, wrong: bool, repeat: bool) -> None:
        """The provider's statement of all it did, once with an amount that is not so."""
        says = {"paid": "SUCCESSFUL", "silent": "SUCCESSFUL", "refused": "FAILED", "reversed": "REVERSED"}
        self.count += 1
        path = self.folder / f"statement-{self.count}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Receipt", "External ID", "To", "Amount", "Status", "Date", "Fee", "Remark"])
            for n, (key, order) in enumerate(sorted(self.bank.orders.items())):
                amount = order["amount"] - (wrong and n == 0)
                row = [f"D-{key[:8]}", key, "", amount, says[order["does"]], "25/11/2026", "", ""]
                for _ in range(1 + (order["does"] == "reversed")):
                    writer.writerow(
                        row if row[4] != "REVERSED" or _ else [row[0] + "p", *row[1:4], "SUCCESSFUL", *row[5:]]
                    )
        for _ in range(1 + repeat):
            self._try(lambda: self.paymaster.import_sheet("dummy", path, by="amina"))

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def list_comes_back(self, data: st.DataObject) -> None:
        """An officer says of everybody that she was paid, and a second person agrees: the rail can be asked."""
        name = self._some(data)
        self.count += 1
        path = self.folder / f"list-{self.count}.csv"
        self.paymaster.export("list", path, payroll=name)
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows:
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0].keys())
                writer.writeheader()
                writer.writerows(row | {"paid": "yes"} for row in rows)
            if self._try(lambda: self.paymaster.import_list(name, path, by="amina")):
                self._try(lambda: self.paymaster.confirm_file(path.name, by="joseph", reason="it is said"))

    @precondition(lambda self: self.names)
    @rule(data=st.data(), explained=st.booleans(), crash=st.integers(-1, 6))
    def close(self, data: st.DataObject, explained: bool, crash: int) -> None:
        name = self._some(data)
        if explained and (kinds := {one.kind for one in self.paymaster.differences(name)}):
            for kind in kinds:
                self._try(lambda kind=kind: self.paymaster.explain(name, by="amina", reason="asked", kind=kind))
            for case in self.paymaster.cases():
                self._try(lambda case=case: self.paymaster.close_case(case.id, by="amina", reason="asked"))
        self.bank.crash_after = crash
        self._try(lambda: self.paymaster.reconcile(name, by="amina"))
        self.bank.crash_after = -1
        report = self.paymaster.zero_sum(name)
        if self._try(lambda: self.paymaster.close(name, by="joseph")) and name not in self.frozen:
            assert report.explained and report.partition and report.adds_up
            self.frozen[name] = self.shop.states(name)

    @precondition(lambda self: self.frozen)
    @rule(data=st.data())
    def carry_over(self, data: st.DataObject) -> None:
        self.count += 1
        old, name = data.draw(st.sampled_from(sorted(self.frozen))), f"payroll-{self.count}"
        if self._try(lambda: self.paymaster.carry_over(old, name, by="amina")):
            self.names.append(name)

    @invariant()
    def law_9_nobody_has_more_than_she_is_owed(self) -> None:
        assert all(net <= OWED[entitlement] for entitlement, net in self.bank.net().items())

    @invariant()
    def law_12_what_is_closed_stays_as_it_was(self) -> None:
        for name, states in self.frozen.items():
            assert self.shop.states(name) == states

    def teardown(self) -> None:
        assert self.paymaster.verify().findings == []
        self.shop.paymaster.close_store()


@pytest.mark.parametrize(
    ("examples", "steps"), [(8, 14), pytest.param(150, 30, marks=pytest.mark.long)], ids=["short", "long"]
)
@pytest.mark.deep
def test_laws_9_and_12_hold_over_whatever_an_office_does(stores: None, examples: int, steps: int) -> None:
    how = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=examples < 10,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Office, settings=how)
