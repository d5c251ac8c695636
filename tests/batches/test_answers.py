"""Lines settle by what the bank's files say of them, line by line, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import Done, Incoming, LineFact, LineFacts, Money, Refused, Unknown, Waiting
from gateway_core.engine.batch.cancelling import answered
from gateway_core.model.errors import WrongState
from gateway_core.model.identity import canonical
from gateway_core.model.life import Life

from .bank import said, whole
from .gateway import CsvBank
from .telling import cases, facts, sent

if TYPE_CHECKING:
    from .conftest import Branch

OpenBranch = Callable[..., "Branch"]


@pytest.mark.parametrize(
    ("verdict", "state"),
    [("booked", "paid"), ("rejected", "refused"), ("returned", "returned"), ("accepted", "pending")],
)
def test_a_line_becomes_what_the_bank_says_of_it(branch: Branch, verdict: str, state: str) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders, verdict)
    branch.run()
    assert set(branch.states().values()) == {state}
    branch.whole()


def test_handing_a_file_over_pays_nobody(branch: Branch) -> None:
    sent(branch)
    branch.run(wait=0.3)
    assert set(branch.states().values()) == {"pending"}


PATIENCE = 600.0


def test_what_the_bank_does_not_speak_of_stays_pending_and_then_unknown(branch: Branch) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders[:1])
    branch.run()
    assert sorted(branch.states().values()) == ["paid", "pending", "pending"]
    branch.run(later=PATIENCE / 2)
    assert sorted(branch.states().values()) == ["paid", "pending", "pending"]
    report = branch.run(later=PATIENCE * 2)
    assert sorted(branch.states().values()) == ["paid", "unknown", "unknown"]
    assert report.waiting == 2
    assert report.next_due is None, "nothing is due by itself any more"
    branch.bank.book(orders[1:2])
    branch.bank.book(orders[2:], "rejected")
    branch.run(wait=0.2)
    assert sorted(branch.states().values()) == ["paid", "paid", "refused"], "a late statement still counts"
    branch.whole()


def test_two_people_settle_a_line_of_which_no_statement_speaks(branch: Branch) -> None:
    payroll, orders = sent(branch)
    branch.bank.book(orders[:2])
    branch.run()
    branch.run(later=PATIENCE * 2)
    (line,) = branch.shop.paymaster.payments(payroll, state="unknown")
    with pytest.raises(WrongState, match="goes again only as a whole"):
        branch.shop.release(line.id, "ready")
    branch.shop.release(line.id, "refused")
    assert branch.shop.paymaster.status(payroll)[0].state == "awaiting_reconciliation"
    said_of = branch.shop.paymaster.reconcile(payroll, by="amina")
    assert (said_of.asked, said_of.agreed) == (2, 2)
    branch.shop.paymaster.close(payroll, by="joseph")
    branch.whole()


def test_a_file_of_which_nothing_is_heard_is_for_people(branch: Branch) -> None:
    """The bank lost it. Its patience over, nobody is paid and nothing is sent again by itself."""
    branch.approved(3)
    branch.run()
    assert len(branch.bank.lose()) == 1
    branch.run(later=PATIENCE / 2)
    assert branch.documents() == ["handed_over"]
    branch.run(later=PATIENCE * 2)
    assert branch.documents() == ["held"]
    assert set(branch.states().values()) == {"unknown"}
    assert branch.bank.waiting == []
    (document,) = branch.shop.paymaster.documents()
    branch.shop.release(document.id, "ready")
    branch.run()
    assert branch.bank.collect() == [document.name], "the same file, because the bank surely has none of it"
    branch.bank.book(branch.bank.everything())
    branch.run()
    assert set(branch.states().values()) == {"paid"}
    assert max(branch.bank.times().values()) == 1
    branch.whole()


def test_the_same_answer_twice_changes_nothing(branch: Branch) -> None:
    _, orders = sent(branch)
    rows = [said(order) for order in orders]
    branch.bank.pay(orders)
    branch.bank.answer(rows, name="first.csv")
    branch.run()
    before = facts(branch)
    branch.bank.answer(rows, name="again.csv")
    branch.bank.answer([*rows, said(orders[0])], name="other-bytes.csv")
    branch.run(wait=0.2)
    assert facts(branch) == before
    assert cases(branch) == []
    assert list((branch.bank.folder / "in").glob("*.csv")) == [], "all of them were put away"
    answers = branch.shop.paymaster.answers()
    assert [(a.lines, a.applied, a.known) for a in answers] == [(3, 3, 0), (4, 0, 4)]
    branch.whole()


# What the bank says after it said "booked", the state that follows, and the case that is opened.
AFTERWARDS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "rejected": ({"verdict": "rejected"}, "paid", ["contradiction"]),
    "returned": ({"verdict": "returned", "reference": "BNK-R"}, "returned", []),
    "booked again under another reference": ({"reference": "BNK-OTHER"}, "paid", ["paid_twice"]),
    "booked with another amount": ({"minor": "1"}, "paid", ["wrong_amount"]),
    "accepted": ({"verdict": "accepted"}, "paid", []),
    "a duplicate, because it took the file twice": ({"verdict": "duplicate"}, "paid", []),
}


@pytest.mark.parametrize("what", AFTERWARDS)
def test_what_is_said_after_a_line_was_paid(branch: Branch, what: str) -> None:
    how, state, opened = AFTERWARDS[what]
    _, (order,) = sent(branch, 1)
    branch.bank.book([order])
    branch.run()
    branch.bank.answer([said(order, **how)])
    branch.run(wait=0.2)
    assert branch.states() == {"inv-0": state}
    assert cases(branch) == opened
    branch.whole()


def test_a_line_that_was_rejected_and_is_booked_after_all_is_a_case(branch: Branch) -> None:
    payroll, (order,) = sent(branch, 1)
    branch.bank.book([order], "rejected")
    branch.run()
    assert branch.states() == {"inv-0": "refused"}
    branch.bank.book([order])
    branch.run(wait=0.2)
    assert branch.states() == {"inv-0": "paid"}
    assert cases(branch) == ["possible_double_payment"]
    with pytest.raises(WrongState):
        branch.shop.paymaster.close(payroll, by="joseph")
    branch.whole()


def test_a_wrong_amount_settles_nothing_and_is_a_case(branch: Branch) -> None:
    _, (order,) = sent(branch, 1)
    branch.bank.answer([said(order, minor=str(order.minor + 1))])
    branch.run()
    assert branch.states() == {"inv-0": "pending"}
    assert cases(branch) == ["wrong_amount"]
    branch.bank.book([order])
    branch.run(wait=0.2)
    assert branch.states() == {"inv-0": "paid"}, "what it says rightly afterwards counts"
    branch.whole()


def test_a_line_about_none_of_ours_is_kept_and_shown_and_nothing_is_guessed(branch: Branch) -> None:
    """Same account, same amount, one digit of the key wrong."""
    payroll, orders = sent(branch)
    wrong = said(orders[0], key=orders[0].key[:-1] + "?")
    branch.bank.answer([wrong, said(orders[1]), ["A", "", "fees", 150, "UGX", "FEE-1", ""]])
    branch.run()
    assert branch.states() == {"inv-0": "pending", "inv-1": "paid", "inv-2": "pending"}
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.lines, answer.applied, answer.known, answer.strays) == (3, 1, 0, 2)
    strays = branch.shop.paymaster.strays(answer.id)
    assert [(stray.line, stray.key) for stray in strays] == [(1, wrong[1]), (3, "")]
    assert "has this key" in strays[0].why
    (case,) = branch.shop.paymaster.cases(payroll)
    assert case.kind == "unknown_line"
    branch.shop.paymaster.close_case(case.id, by="joseph", reason="the bank mistyped it")
    branch.whole()


def test_where_the_bank_quotes_only_its_own_reference_the_line_is_known_by_that(branch: Branch) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders, "accepted")
    branch.run()
    branch.bank.pay(orders)
    rows = [said(order) for order in orders]
    for row in rows:
        row[1] = ""
    branch.bank.answer(rows)
    branch.run(wait=0.2)
    assert set(branch.states().values()) == {"paid"}


def test_a_reference_that_two_lines_have_matches_neither(branch: Branch) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders, "accepted", reference="SAME")
    branch.run()
    row = said(orders[0], reference="SAME")
    row[1] = ""
    branch.bank.answer([row])
    branch.run(wait=0.2)
    assert set(branch.states().values()) == {"pending"}
    assert branch.shop.paymaster.answers()[-1].strays == 1


def test_an_answer_about_an_attempt_that_is_over_does_not_touch_the_next_ones_file(branch: Branch) -> None:
    payroll, (order,) = sent(branch, 1)
    branch.bank.book([order], "rejected")
    branch.run()
    branch.shop.paymaster.retry(branch.shop.payment(payroll), by="amina", reason="account opened")
    branch.run()
    branch.bank.answer([said(order)])
    branch.run(wait=0.2)
    assert branch.states() == {"inv-0": "held"}
    assert cases(branch) == ["possible_double_payment"]
    branch.whole()


ABOUT = {"count": 3, "total": 150_003, "currency": "UGX", "reference": "ENTRY-1"}
# What the bank says of the whole file; the document's and the lines' states; the case.
WHOLE: dict[str, tuple[list[object], str, str, list[str]]] = {
    "has it": (["accepted"], "handed_over", "pending", []),
    "rejects all of it": (["rejected", "no funds"], "refused", "refused", []),
    "booked it in one entry": (["booked", "", ABOUT], "handed_over", "paid", []),
    "returned it in one entry": (["returned", "", ABOUT], "handed_over", "returned", []),
    "booked another count": (["booked", "", ABOUT | {"count": 2}], "handed_over", "pending", ["wrong_amount"]),
    "booked another sum": (["booked", "", ABOUT | {"total": 150_002}], "handed_over", "pending", ["wrong_amount"]),
    "booked, and says no sum": (["booked"], "handed_over", "pending", ["wrong_amount"]),
}


@pytest.mark.parametrize("what", WHOLE)
def test_what_a_bank_says_of_a_whole_file(branch: Branch, what: str) -> None:
    how, document, lines, opened = WHOLE[what]
    payroll, orders = sent(branch)
    name = orders[0].file
    branch.bank.answer([whole(name, *how)])  # type: ignore[arg-type]
    branch.run()
    assert branch.documents() == [document]
    assert set(branch.states().values()) == {lines}
    assert cases(branch) == opened
    branch.bank.answer([whole(name, *how)], name="again.csv")  # type: ignore[arg-type]
    branch.run(wait=0.2)
    assert set(branch.states().values()) == {lines}
    for case in branch.shop.paymaster.cases(payroll):
        branch.shop.paymaster.close_case(case.id, by="joseph", reason="asked the bank")
    branch.whole()


def test_a_refusal_of_the_whole_file_after_a_line_was_booked_is_a_case(branch: Branch) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders[:1])
    branch.run()
    branch.bank.answer([whole(orders[0].file, "rejected")])
    branch.run(wait=0.2)
    assert sorted(branch.states().values()) == ["paid", "pending", "pending"]
    assert cases(branch) == ["contradiction"]
    branch.whole()


def test_a_file_that_is_none_of_ours_is_a_stray(branch: Branch) -> None:
    sent(branch)
    branch.bank.answer([whole("PAY-OTHER.csv", "rejected")])
    branch.run()
    assert set(branch.states().values()) == {"pending"}
    assert branch.shop.paymaster.answers()[0].strays == 1


def test_a_return_that_comes_after_the_close_is_still_heard(branch: Branch) -> None:
    payroll, orders = sent(branch)
    branch.bank.book(orders)
    branch.run()
    branch.shop.paymaster.reconcile(payroll, by="amina")
    branch.shop.paymaster.close(payroll, by="joseph")
    branch.bank.book(orders[:1], "returned")
    branch.run()
    assert set(branch.states().values()) == {"paid"}, "what is closed is frozen"
    assert [case.kind for case in branch.shop.paymaster.cases()] == ["late_returned"]


def test_reconciling_takes_the_banks_newest_files_first(branch: Branch) -> None:
    payroll, orders = sent(branch)
    branch.bank.book(orders)
    branch.run()
    branch.bank.book(orders[:1], "returned")
    found = branch.shop.paymaster.reconcile(payroll, by="amina")
    assert (found.asked, found.agreed, found.differing) == (3, 3, [])
    assert sorted(branch.states().values()) == ["paid", "paid", "returned"]


HOSTILE = ("a\x00b", "\ud800", "x" * 100_000, "'; DROP TABLE documents; --", "../../etc/passwd", "\u202e")


class Hostile(CsvBank):
    """Passes on whatever stands in the bank's file."""

    def read_statement(self, incoming: Incoming) -> LineFacts:
        known = b"".join(incoming.chunks()).decode()
        for text in HOSTILE:
            yield LineFact(verdict=Done(), key=text, text=text)
            yield LineFact(verdict=Done(), reference=text)
            yield LineFact(verdict=Refused(text, text), document=text, key=text)
            yield LineFact(verdict=Refused("x"), document=text)
            yield LineFact(verdict=Unknown(text), text=text, amount=Money(10**30, text))
        yield LineFact(verdict=Waiting(), key=known, reference=HOSTILE[0])
        yield LineFact(verdict=Refused("AC04", HOSTILE[0] + HOSTILE[1]), key=known, reference=HOSTILE[1])
        return 4 * len(HOSTILE) + 2


def test_whatever_stands_in_a_banks_file_is_kept_as_text(open_branch: OpenBranch) -> None:
    branch = open_branch(gateway=Hostile)
    _, (order,) = sent(branch, 1)
    branch.shop.taken(order.key.encode())
    assert branch.states() == {"inv-0": "refused"}
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.applied, answer.strays) == (2, 5 * len(HOSTILE))
    assert len(branch.shop.paymaster.strays(answer.id)) == 5 * len(HOSTILE)
    branch.whole()


def test_a_statement_is_handed_in_by_a_person(branch: Branch) -> None:
    payroll, orders = sent(branch)
    path = branch.bank.book(orders)
    handed = path.rename(branch.bank.folder / "from-the-portal.csv")
    paymaster = branch.shop.paymaster
    given = paymaster.import_statement("dummy", handed, by="amina")
    assert (given.lines, given.applied, given.by, given.state) == (3, 0, "amina", "unconfirmed")
    assert set(branch.states().values()) == {"pending"}
    view = paymaster.confirm_statement(given.id, by="joseph", reason="fetched it too")
    assert (view.lines, view.applied, view.by, view.confirmed_by) == (3, 3, "amina", "joseph")
    assert (view.name, view.state) == ("from-the-portal.csv", "applied")
    assert set(branch.states().values()) == {"paid"}
    assert paymaster.status(payroll)[0].state == "awaiting_reconciliation"
    assert paymaster.import_statement("dummy", handed.read_bytes(), by="joseph") == view
    assert paymaster.confirm_statement(given.id, by="joseph", reason="again") == view
    with pytest.raises(WrongState, match="nothing of it was applied"):
        branch.shop.paymaster.import_statement("dummy", b"Z,\n", by="amina")
    branch.whole()


def test_what_a_bank_says_of_a_request_to_cancel_is_kept_as_text_that_any_database_takes() -> None:
    case = Life(request="a request")
    word = LineFact(verdict=Waiting(), key="K", text="half \ud800, zero \0, and on" * 100, cancellation="pending")
    fact = answered(word, case, case.attempt, "an answer", 1, 0)
    assert fact is not None and canonical(fact.body) and "\0" not in fact.body["text"]
