"""What is interrupted goes on, and what is owed is paid one way only: in cash, or over another channel."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.cash import deciding, sealing, stating

from .phones import Phone
from .test_proofs import DAY, DOUBLE, sealed_unpaid, total

if TYPE_CHECKING:
    from .conftest import Till


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Any:
    """dies(n): the n-th payment that is written kills the process; pages are of one line each."""
    for place in (deciding, sealing):
        monkeypatch.setattr(place, "PAGE", 1)
    left = [0]
    real = stating.state

    def state(*given: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        real(*given)

    monkeypatch.setattr(stating, "state", state)
    return lambda n: left.__setitem__(0, n)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_accepting_and_sealing_go_on_after_a_kill(till: Till, dies: Any, n: int) -> None:
    payroll = till.issued(6)
    paper = till.paper()
    for line in (1, 2, 3):
        till.phone.pay(paper, line)
    till.submit(till.phone.sends())
    dies(n)
    with pytest.raises(Killed):
        till.paymaster.accept_proofs(paper["id"], by="joseph")
    assert till.paymaster.accept_proofs(paper["id"], by="joseph").decided == 4 - n
    till.counted(paper["id"], total(paper), sum(line["amount"] for line in paper["lines"][3:]))
    dies(n)
    with pytest.raises(Killed):
        till.paymaster.seal_list(paper["id"], by="joseph")
    assert sorted(till.states().values()).count("refused") == n - 1
    till.paymaster.reconcile(payroll, by="amina")
    assert till.paymaster.seal_list(paper["id"], by="joseph").missing == 0
    assert sorted(till.states().values()) == ["paid"] * 3 + ["refused"] * 3
    till.paymaster.reconcile(payroll, by="amina")
    till.paymaster.close(payroll, by="joseph")
    till.whole()


def test_what_was_paid_in_cash_after_all_is_not_paid_over_another_channel(till: Till) -> None:
    payroll = till.issued(2)
    hidden = Phone("phone-2", "okot")
    hidden.pay(till.paper(), 1)
    sealed_unpaid(till)
    till.paymaster.reconcile(payroll, by="amina")
    till.paymaster.close(payroll, by="joseph")
    again = till.shop.approved([till.shop.invoice(n, f"w-cash-{n}") for n in range(2)], "again")
    till.submit(hidden.sends())
    assert till.cases() == [DOUBLE]
    till.paymaster.run(again, wait=20.0)
    assert till.shop.states(again) == {"inv-0": "held", "inv-1": "paid"}


def test_a_mixed_payroll_is_one_payroll(till: Till, tmp_path: Path) -> None:
    lines = [*till.shop.invoices(2, account="w-mixed-{}"), *till.invoices(4)[2:]]
    payroll = till.shop.approved(lines)
    till.paymaster.run(payroll, wait=20.0)
    assert sorted(till.states().values()) == ["paid", "paid", "pending", "pending"]
    paper = till.paper()
    till.phone.pay(paper, 1)
    till.submit(till.phone.sends())
    shown = {view.invoice: view.invoice_state for view in till.paymaster.payments(payroll)}
    assert shown == {"inv-0": "paid", "inv-1": "paid", "inv-2": "awaiting_reconciliation", "inv-3": "pending"}
    assert till.paymaster.status(payroll)[0].state == "ongoing"
    till.paymaster.accept_proofs(paper["id"], by="joseph")
    till.counted(paper["id"], total(paper), paper["lines"][1]["amount"])
    till.paymaster.seal_list(paper["id"], by="joseph")
    assert till.paymaster.status(payroll)[0].state == "awaiting_reconciliation"
    till.paymaster.reconcile(payroll, by="amina")
    till.paymaster.close(payroll, by="joseph")
    till.paymaster.bundle(payroll, tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert len(archive.read("proofs.jsonl").splitlines()) == 1
        assert json.loads(archive.read("lists.jsonl"))["state"] == "sealed"
        assert b'"kind": "sealed"' in archive.read("facts.jsonl")
    till.whole()


def test_a_list_of_which_nothing_was_heard_is_sealed_all_the_same(till: Till) -> None:
    payroll = till.issued(2)
    till.run(payroll, later=8 * DAY)
    till.run(payroll, later=30 * DAY)
    assert set(till.states().values()) == {"unknown"}
    sealed_unpaid(till)
    till.run(payroll, later=31 * DAY)
    assert set(till.states().values()) == {"refused"}
    assert [document.state for document in till.paymaster.documents()] == ["handed_over"]
    till.whole()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE cash_lists SET returned = returned - 1",
        "UPDATE cash_lists SET sealed_by = 'amina'",
        "UPDATE cash_places SET body = '{}' WHERE kind = 'point'",
        "UPDATE cash_proofs SET decision = ''",
        "UPDATE cash_proofs SET decided_by = 'grace'",
        "DELETE FROM cash_proofs",
        # As if another had paid out, or had given it in: then who did could check it.
        "UPDATE cash_proofs SET officer = 'okot'",
        "UPDATE cash_proofs SET \"by\" = 'okot'",
        "UPDATE cash_proofs SET device = 'phone-9'",
        "UPDATE cash_proofs SET amount = amount - 1",
        "UPDATE cash_proofs SET photo = ''",
        "UPDATE cash_proofs SET attempt = 2",
        "UPDATE cash_proofs SET body = replace(body, 'grace', 'okot')",
        "UPDATE answers SET \"by\" = 'okot'",
    ],
)
def test_what_people_said_is_what_their_facts_say(till: Till, sql: str) -> None:
    till.issued(1)
    paper = till.paper()
    till.phone.pay(paper, 1)
    till.submit(till.phone.sends())
    till.paymaster.accept_proofs(paper["id"], by="joseph")
    till.counted(paper["id"], total(paper), 0)
    till.paymaster.seal_list(paper["id"], by="joseph")
    till.whole()
    till.shop.change_store(sql)
    assert not till.paymaster.verify().ok
