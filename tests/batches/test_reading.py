"""A bank's file is read whole, once, and applied to its last line; or it changes nothing."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import Incoming, LineFact
from gateway_core.contract.guard import Interrupted
from gateway_core.engine.batch import answers
from gateway_core.engine.batch.answers import Reading
from gateway_core.model.errors import StoreError

from .bank import said
from .telling import cases, facts, sent

if TYPE_CHECKING:
    from .conftest import Branch

OpenBranch = Callable[..., "Branch"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.rsplit("T,", 1)[0],
        lambda text: text.replace("T,3", "T,4"),
        lambda text: "\n".join(text.splitlines()[:2]) + "\nT,3\n",
        lambda text: text.replace("A,", "A,\x00,,", 1),
        lambda text: "Z,what\n" + text,
        lambda text: text.encode().decode("latin-1") + "\xff",
    ],
    ids=["no trailer", "another count", "a line is missing", "a broken row", "an unknown row", "bytes of no text"],
)  # fmt: skip
def test_a_file_that_is_not_whole_changes_nothing(branch: Branch, spoil: Callable[[str], str]) -> None:
    payroll, orders = sent(branch)
    path = branch.bank.answer([said(order) for order in orders])
    path.write_bytes(spoil(path.read_text()).encode("latin-1"))
    before = facts(branch)
    branch.run()
    assert facts(branch) == before
    assert cases(branch) == ["unreadable_answer"]
    assert path.exists(), "it was not put away"
    branch.run(wait=0.2)
    assert len(branch.shop.paymaster.cases()) == 1
    # The bank sends it again, whole this time, under the same name.
    branch.bank.pay(orders)
    branch.bank.answer([said(order) for order in orders], name=path.name)
    branch.run(wait=0.2)
    assert set(branch.states().values()) == {"paid"}
    assert not path.exists()
    branch.shop.paymaster.close_case(branch.shop.paymaster.cases()[0].id, by="joseph", reason="it came again")
    branch.shop.paymaster.reconcile(payroll, by="amina")
    branch.shop.paymaster.close(payroll, by="joseph")
    branch.whole()


def test_a_reader_that_hangs_says_nothing_of_its_file(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was interrupted on a busy machine, perhaps: the file is as good as before, and the next run reads it."""
    _, orders = sent(branch)
    branch.bank.book(orders)
    text, hung = Incoming.text, list[str]()

    def hangs_once(self: Incoming, encoding: str = "utf-8") -> Any:
        if not hung:
            hung.append(self.name)
            raise Interrupted
        return text(self, encoding)

    monkeypatch.setattr(Incoming, "text", hangs_once)
    branch.run(wait=0.2)
    assert hung and set(branch.states().values()) == {"pending"}
    assert [answer.state for answer in branch.shop.paymaster.answers()] == ["new"] and cases(branch) == []
    branch.run()
    assert set(branch.states().values()) == {"paid"}
    branch.whole()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space left on device"), MemoryError()], ids=repr)
def test_a_full_disk_of_ours_says_nothing_of_the_banks_file(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    _, orders = sent(branch)
    branch.bank.book(orders)

    def full(self: Incoming, encoding: str = "utf-8") -> Any:
        raise RuntimeError("it cannot be staged") from error

    with monkeypatch.context() as patch:
        patch.setattr(Incoming, "text", full)
        branch.run(wait=0.2)
        with pytest.raises(StoreError, match="try again"):
            branch.shop.taken((branch.bank.folder / "in" / "answer-0001.csv").read_bytes())
    assert {answer.state for answer in branch.shop.paymaster.answers()} <= {"new", "unconfirmed"}
    assert cases(branch) == []
    branch.run()
    assert set(branch.states().values()) == {"paid"}
    branch.whole()


def test_an_answer_of_many_pages_is_applied_to_its_last_line(
    open_branch: OpenBranch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PAGE", 200)
    branch = open_branch(lines=1000)
    _, orders = sent(branch, 450)
    branch.bank.book(orders)
    branch.run()
    assert set(branch.states().values()) == {"paid"}
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.lines, answer.applied) == (450, 450)
    branch.whole()


def test_two_who_apply_an_answer_at_once_apply_every_line_once(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender finds what an officer is importing just now. Both die; whoever goes on begins where they were."""
    monkeypatch.setattr(answers, "PAGE", 2)
    _, orders = sent(branch, 5)
    stranger = said(orders[0], key="NOBODY")
    rows = [said(orders[0]), stranger, *(said(order) for order in orders[1:])]
    text = "".join(",".join(map(str, row)) + "\n" for row in [*rows, ["T", len(rows)]])
    apply = Reading.apply

    def beside(reading: Reading, page: list[tuple[int, LineFact]], now: int) -> bool:
        other = Reading(reading.store, reading.channel, reading.batch, reading.rules, reading.answer)
        assert other.faults() == ""
        apply(reading, page, now)
        apply(other, next(other.pages()), now)
        raise KeyboardInterrupt

    monkeypatch.setattr(Reading, "apply", beside)
    with pytest.raises(KeyboardInterrupt):
        branch.shop.taken(text.encode())
    monkeypatch.setattr(Reading, "apply", apply)
    branch.run()
    assert set(branch.states().values()) == {"paid"}
    (answer,) = branch.shop.paymaster.answers()
    assert (answer.lines, answer.applied, answer.known, answer.strays) == (6, 5, 0, 1)
    branch.whole()
