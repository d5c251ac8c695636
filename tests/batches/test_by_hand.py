"""A bank's file that a person brings: one person alone could have made it, so it counts when another one says so."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.model.errors import MakerIsChecker, NotFoundError, NotPermitted, WrongState

from .telling import sent

if TYPE_CHECKING:
    from pathlib import Path

    from gateway_core.store.document_views import AnswerView

    from .conftest import Branch

WHY = "fetched it too"


def brought(branch: Branch, verdict: str = "rejected") -> tuple[AnswerView, Path]:
    """Amina brings a file that says that the bank paid nobody; and where it lies."""
    _, orders = sent(branch)
    path = branch.bank.book(orders, verdict)
    handed = path.rename(branch.bank.folder / path.name)
    return branch.shop.paymaster.import_statement("dummy", handed, by="amina"), handed


def test_nothing_of_it_counts_before_another_person_confirms_it(branch: Branch) -> None:
    """A forged rejection would let invoices be paid again while the bank pays them."""
    given, handed = brought(branch)
    paymaster = branch.shop.paymaster
    for _ in range(2):
        assert set(branch.states().values()) == {"pending"}
        assert paymaster.answers() == [given] and given.state == "unconfirmed"
        branch.run(wait=0.3)
        assert paymaster.import_statement("dummy", handed, by="amina") == given
        with pytest.raises(MakerIsChecker):
            paymaster.confirm_statement(given.id, by=" Amina", reason=WHY)
    assert paymaster.confirm_statement(given.id, by="joseph", reason=WHY).applied == 3
    assert set(branch.states().values()) == {"refused"}
    branch.whole()


def test_it_is_confirmed_by_its_id_with_a_reason(branch: Branch) -> None:
    """Whoever makes a file can call it as the bank calls its own."""
    given, handed = brought(branch)
    for answer, reason, error in (
        (handed.name, WHY, "by its id"), (given.id, " ", "needs a reason"), ("nothing", WHY, "there is no file"),
    ):  # fmt: skip
        with pytest.raises((WrongState, NotFoundError), match=error):
            branch.shop.paymaster.confirm_statement(answer, by="joseph", reason=reason)
    assert set(branch.states().values()) == {"pending"}


def test_what_was_brought_by_mistake_is_taken_back_until_somebody_brings_it_again(branch: Branch) -> None:
    given, handed = brought(branch)
    paymaster = branch.shop.paymaster
    with pytest.raises(WrongState, match="needs a reason"):
        paymaster.withdraw_file(given.id, by="joseph", reason=" ")
    paymaster.withdraw_file(given.id, by="joseph", reason="the bank knows nothing of it")
    for refused in (paymaster.confirm_statement, paymaster.withdraw_file):
        with pytest.raises(WrongState, match="withdrawn"):
            refused(given.id, by="grace", reason=WHY)
    assert set(branch.states().values()) == {"pending"}
    branch.whole()
    # Whoever brings it again is its first person.
    again = paymaster.import_statement("dummy", handed, by="joseph")
    assert (again.id, again.by, again.state) == (given.id, "joseph", "unconfirmed")
    with pytest.raises(MakerIsChecker):
        paymaster.confirm_statement(given.id, by="joseph", reason=WHY)
    assert paymaster.confirm_statement(given.id, by="amina", reason=WHY).applied == 3
    with pytest.raises(WrongState, match="applied"):
        paymaster.withdraw_file(given.id, by="joseph", reason="too late")
    branch.whole()


@pytest.mark.parametrize("withdrawn", [False, True])
def test_what_the_banks_own_way_brings_needs_nobodys_word(branch: Branch, withdrawn: bool) -> None:
    given, handed = brought(branch, "booked")
    if withdrawn:
        branch.shop.paymaster.withdraw_file(given.id, by="amina", reason="it is another bank's, I think")
    handed.rename(branch.bank.folder / "in" / handed.name)
    branch.run(wait=0.3)
    assert set(branch.states().values()) == {"paid"}
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.id, answer.by, answer.confirmed_by, answer.state) == (given.id, "amina", "", "applied")
    with pytest.raises(WrongState, match="nobody's word"):
        branch.shop.paymaster.confirm_statement(given.id, by="joseph", reason=WHY)
    branch.whole()


def test_an_approver_signs_for_it(open_branch: Callable[..., Branch]) -> None:
    keys = {name: Ed25519PrivateKey.generate() for name in ("joseph", "grace")}
    public = {name: b64encode(key.public_key().public_bytes_raw()).decode() for name, key in keys.items()}
    branch = open_branch()
    given, _ = brought(branch)
    branch.reopen(approvers=public)
    paymaster = branch.shop.paymaster
    signed = {name: b64encode(key.sign(paymaster.confirm_message(given.id))).decode() for name, key in keys.items()}
    for signature in ("", signed["grace"]):
        with pytest.raises(NotPermitted):
            paymaster.confirm_statement(given.id, by="joseph", reason=WHY, signature=signature)
    assert set(branch.states().values()) == {"pending"}
    assert paymaster.confirm_statement(given.id, by="joseph", reason=WHY, signature=signed["joseph"]).applied == 3


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE answers SET state = 'new'", "is new in the table, and unconfirmed by its facts"),
        ("UPDATE answers SET confirmed_by = 'joseph'", "confirmed by joseph as the table says, and by nobody"),
        ("UPDATE answers SET \"by\" = 'grace'", "given in by another than the table says"),
    ],
)
def test_who_changes_the_table_is_found(branch: Branch, sql: str, said: str) -> None:
    brought(branch)
    branch.whole()
    branch.shop.change_store(sql)
    findings = branch.shop.paymaster.verify().findings
    assert any(said in finding for finding in findings), findings
