"""A bank's file that a person brings: one person alone could have made it, so it counts when another one says so."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.contract import Incoming, LineFact, LineFacts, Refused
from gateway_core.engine.batch import answers
from gateway_core.engine.batch.answers import Reading
from gateway_core.model.errors import MakerIsChecker, NotFoundError, NotPermitted, WrongState

from .bank import said, whole
from .gateway import CsvBank
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
        (handed.name, WHY, "has the id"), (given.id, " ", "needs a reason"), ("nothing", WHY, "has the id"),
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
    assert (answer.id, answer.by, answer.confirmed_by, answer.state) == (given.id, "transport", "", "applied")
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
        ("UPDATE answers SET state = 'new'", "state 'new', and by its facts 'unconfirmed'"),
        ("UPDATE answers SET confirmed_by = 'joseph'", "confirmed_by 'joseph', and by its facts ''"),
        ("UPDATE answers SET \"by\" = 'grace'", "by 'grace', and by its facts 'amina'"),
    ],
)
def test_who_changes_the_table_is_found(branch: Branch, sql: str, said: str) -> None:
    brought(branch)
    branch.whole()
    branch.shop.change_store(sql)
    findings = branch.shop.paymaster.verify().findings
    assert any(said in finding for finding in findings), findings


def test_a_file_that_nobody_confirmed_is_not_applied_whatever_the_table_says(branch: Branch) -> None:
    brought(branch)
    branch.shop.change_store("UPDATE answers SET state = 'new'")
    branch.run(wait=0.3)
    assert set(branch.states().values()) == {"pending"}
    assert "unreadable_answer" in {case.kind for case in branch.shop.paymaster.cases()}


def test_who_brought_it_is_who_the_journal_says(branch: Branch) -> None:
    """Changed for the moment of the confirmation, and changed back."""
    given, _ = brought(branch)
    branch.shop.change_store("UPDATE answers SET \"by\" = 'grace'")
    with pytest.raises(MakerIsChecker):
        branch.shop.paymaster.confirm_statement(given.id, by="amina", reason=WHY)


@pytest.mark.sqlite("its files lie beside it")
def test_bytes_that_were_changed_meanwhile_are_not_applied(branch: Branch) -> None:
    given, _ = brought(branch, "accepted")
    kept = branch.shop.store.with_name(branch.shop.store.name + ".files") / given.sha256
    kept.write_bytes(kept.read_bytes().replace(b"accepted", b"rejected"))
    with pytest.raises(WrongState, match="not those that came"):
        branch.shop.paymaster.confirm_statement(given.id, by="joseph", reason=WHY)
    assert set(branch.states().values()) == {"pending"}


def test_another_file_s_bytes_are_not_applied(branch: Branch) -> None:
    given, handed = brought(branch, "accepted")
    other = branch.shop.paymaster.import_statement(
        "dummy", handed.read_bytes().replace(b"accepted", b"rejected"), by="amina"
    )
    branch.shop.change_store(f"UPDATE answers SET sha256 = 'gone' WHERE id = '{other.id}'")
    branch.shop.change_store(f"UPDATE answers SET sha256 = '{other.sha256}' WHERE id = '{given.id}'")
    with pytest.raises(WrongState, match="by its facts"):
        branch.shop.paymaster.confirm_statement(given.id, by="joseph", reason=WHY)
    assert set(branch.states().values()) == {"pending"}


class Named(CsvBank):
    """A bank that says by a file's name what it is: .rej lists rejections."""

    def read_statement(self, incoming: Incoming) -> LineFacts:
        if incoming.name.endswith(".bad"):
            raise ValueError("no such kind of file")
        if not incoming.name.endswith(".rej"):
            return (yield from super().read_statement(incoming))
        lines = [row.split(",")[1] for row in b"".join(incoming.chunks()).decode().splitlines() if row[:2] == "A,"]
        for key in lines:
            yield LineFact(verdict=Refused("x", "y"), key=key)
        return len(lines)


@pytest.mark.parametrize("name", ["x.rej", "x.bad"])
def test_what_the_bank_brings_has_the_banks_name(open_branch: Callable[..., Branch], name: str) -> None:
    """Whatever somebody had called the same bytes before."""
    branch = open_branch(gateway=Named)
    _, orders = sent(branch)
    path = branch.bank.book(orders)
    with suppress(WrongState):
        branch.shop.paymaster.import_statement("dummy", path.read_bytes(), by="amina", name=name)
    branch.run(wait=0.3)
    assert set(branch.states().values()) == {"paid"}
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.name, answer.by, answer.state) == (path.name, "transport", "applied")
    branch.whole()


def test_a_word_about_a_whole_file_counts_among_its_lines(branch: Branch) -> None:
    _, orders = sent(branch)
    path = branch.bank.answer([whole(orders[0].file, "rejected", "forged")])
    handed = path.rename(branch.bank.folder / path.name)
    assert branch.shop.paymaster.import_statement("dummy", handed, by="amina").lines == 1


def test_what_could_not_be_read_is_said_so_each_time(branch: Branch) -> None:
    for _ in range(2):
        with pytest.raises(WrongState, match="cannot be read"):
            branch.shop.paymaster.import_statement("dummy", b"X,1\n", by="amina")


def test_an_approver_signs_for_this_file_whatever_another_is_called(
    open_branch: Callable[..., Branch], tmp_path: Path
) -> None:
    """A list that is called as the answer's id is another file, and another kind of message."""
    branch = open_branch()
    given, _ = brought(branch)
    paymaster = branch.shop.paymaster
    message, payments = paymaster.confirm_message(given.id), paymaster.payments()
    path = tmp_path / given.id
    path.write_text(f"payment,paid,receipt,paid_amount,reason\n{payments[0].id},no,,,not there\n")
    mine = paymaster.import_list("payroll", path, by="amina")
    assert mine.name == given.id
    assert paymaster.confirm_message(given.id) == message != paymaster.confirm_message(mine.id)


class Dull(CsvBank):
    """Does not know yet how this bank ends its files."""

    def read_statement(self, incoming: Incoming) -> LineFacts:
        yield from super().read_statement(incoming)
        raise ValueError("what is a trailer?")


def mended(branch: Branch) -> None:
    """The gateway's next version."""
    branch.gateway = CsvBank(branch.gateway.settings)
    branch.speak()


def test_what_could_not_be_read_is_read_anew_once_its_gateway_is_mended(open_branch: Callable[..., Branch]) -> None:
    branch = open_branch(gateway=Dull)
    _, orders = sent(branch)
    path = branch.bank.book(orders)
    handed = path.rename(branch.bank.folder / path.name)
    paymaster = branch.shop.paymaster
    for _ in range(2):
        with pytest.raises(WrongState, match="what is a trailer"):
            paymaster.import_statement("dummy", handed, by="amina")
    (answer,) = paymaster.answers()
    assert answer.state == "unreadable" and set(branch.states().values()) == {"pending"}
    mended(branch)
    branch.run(wait=0.3)
    assert set(branch.states().values()) == {"pending"}, "nothing is read anew by itself"
    given = paymaster.import_statement("dummy", handed, by="grace")
    assert (given.id, given.by, given.state) == (answer.id, "grace", "unconfirmed")
    with pytest.raises(MakerIsChecker):
        paymaster.confirm_statement(given.id, by="grace", reason=WHY)
    assert paymaster.confirm_statement(given.id, by="joseph", reason=WHY).applied == 3
    assert set(branch.states().values()) == {"paid"}
    branch.whole()


def test_what_the_bank_brought_and_nobody_could_read_counts_by_the_banks_own_word(
    open_branch: Callable[..., Branch],
) -> None:
    branch = open_branch(gateway=Dull)
    _, orders = sent(branch)
    path = branch.bank.book(orders)
    branch.run(wait=0.3)
    mended(branch)
    branch.run(wait=0.3)
    assert [one.state for one in branch.shop.paymaster.answers()] == ["unreadable"] and path.exists()
    given = branch.shop.paymaster.import_statement("dummy", path.read_bytes(), by="amina", name="from the inbox")
    assert given.state == "unconfirmed" and set(branch.states().values()) == {"pending"}
    branch.run(wait=0.3)
    assert set(branch.states().values()) == {"paid"} and not path.exists()
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.name, answer.by, answer.state, answer.applied) == (path.name, "transport", "applied", 3)
    branch.whole()


def test_what_could_not_be_read_after_half_of_it_was_applied_is_read_from_its_first_line(
    open_branch: Callable[..., Branch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine died in the middle, and the next version of the gateway could not read it; the one after that can."""
    monkeypatch.setattr(answers, "PAGE", 2)
    branch = open_branch()
    _, orders = sent(branch, 5)
    rows = [said(orders[0], key="NOBODY"), *(said(order) for order in orders)]
    text = "".join(",".join(map(str, row)) + "\n" for row in [*rows, ["T", len(rows)]])
    apply = Reading.apply

    def dies(reading: Reading, page: list[tuple[int, LineFact]], now: int) -> None:
        apply(reading, page, now)
        raise KeyboardInterrupt

    with monkeypatch.context() as dead:
        dead.setattr(Reading, "apply", dies)
        with pytest.raises(KeyboardInterrupt):
            branch.shop.taken(text.encode())
    branch.gateway = Dull(branch.gateway.settings)
    branch.speak()
    branch.run(wait=0.3)
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.state, answer.applied, answer.strays) == ("unreadable", 1, 1)
    mended(branch)
    taken = branch.shop.taken(text.encode())
    assert (taken.state, taken.applied, taken.known, taken.strays) == ("applied", 4, 1, 1)
    assert set(branch.states().values()) == {"paid"}
    branch.whole()
