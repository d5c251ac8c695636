"""The bank is asked to cancel what it has: by two people, once, and only its own word decides each payment."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gateway_bank_transfer import BankTransferGateway, BankTransferSettings
from gateway_bank_transfer.profile import load
from gateway_bank_transfer.simulator.orders import cancellation
from lxml import etree

from gateway_core.contract import Cancelling
from gateway_core.engine.runtime import AsyncioRuntime
from gateway_core.model.errors import GatewayCoreError, MakerIsChecker, NotFoundError, NotPermitted, WrongState
from gateway_core.paymaster import Paymaster

from .conftest import SCHEMAS, made, payment, published
from .desk import PROFILE, Desk
from .office import Office

LINES = 4


class Gone(BaseException):
    """The process is gone."""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """All four are with the bank, which has not looked at them."""
    made = Office(Desk.of(tmp_path, LINES))
    paymaster = made.paymaster
    payroll = paymaster.propose("november", tmp_path / "november.csv", channel="bank", by="amina")
    paymaster.approve(payroll, by="joseph")
    made.run()
    assert set(made.states().values()) == {"pending"}
    yield made
    made.paymaster.close_store()


def test_asking_moves_nothing_and_what_the_bank_accepts_is_cancelled(office: Office) -> None:
    office.ask("inv-1", "inv-2")
    (view,) = office.paymaster.cancellations()
    assert (view.first, view.second, view.reason, view.code) == ("amina", "joseph", "left the programme", "CUST")
    assert (view.file, view.whole, view.lines, dict(view.counts)) == (office.file, False, 2, {"pending": 2})
    assert set(office.states().values()) == {"pending"} and office.requests() == []
    office.run()
    assert len(office.requests()) == 1 and set(office.states().values()) == {"pending"}
    assert office.desk.settle() == {"paid": 2, "refused": 2}
    moved = office.desk.moved()
    assert [moved.get(f"{n:010d}", (0, 0))[0] for n in range(LINES)] == [1, 0, 0, 1]
    assert {v.invoice: v.reason[:4] for v in office.paymaster.payments(state="refused")} == {
        "inv-1": "CANC", "inv-2": "CANC"
    }  # fmt: skip
    assert office.cases() == [] and office.paymaster.verify().ok


def test_a_whole_file_is_cancelled(office: Office) -> None:
    office.ask()
    office.run()
    assert office.desk.settle() == {"refused": LINES}
    assert not any(paid for paid, _ in office.desk.moved().values())
    assert office.paymaster.cancellations()[0].whole and office.paymaster.verify().ok


def test_one_word_cancels_a_whole_file(office: Office) -> None:
    office.ask()
    office.run()
    office.answer_whole("ACCR")
    assert set(office.states().values()) == {"refused"}
    (view,) = office.paymaster.cancellations()
    assert (dict(view.counts), view.refused, view.pending) == ({"refused": LINES}, 0, 0)
    assert office.cases() == [] and office.paymaster.verify().ok


@pytest.mark.parametrize(("status", "reason", "cases"), [("RJCR", "ARDT", ["cancellation_refused"]), ("PDCR", "", [])])
def test_one_word_that_cancels_nothing_leaves_the_whole_file_to_the_statement(
    office: Office, status: str, reason: str, cases: list[str]
) -> None:
    office.ask()
    office.run()
    office.take_back()
    office.answer_whole(status, reason)
    assert set(office.states().values()) == {"pending"} and office.cases() == cases
    if status == "PDCR":
        with pytest.raises(WrongState, match="asked already"):
            office.paymaster.cancel_sent(office.file, by="amina", reason="again")
    else:
        office.ask(code="DUPL")
    assert office.desk.settle() == {"paid": LINES} and set(office.cases()) <= {"cancellation_refused"}
    assert office.paymaster.verify().ok


@pytest.mark.parametrize("asked", ["inv-0", ""], ids=["for a line of it", "for nothing"])
def test_law_3_that_the_whole_file_is_cancelled_is_believed_only_where_that_was_asked(
    office: Office, asked: str
) -> None:
    """It may mean that the request is accepted. Three others would be refused, tried again, and paid twice."""
    if asked:
        office.ask(asked)
        office.run()
        office.take_back()
    office.answer_whole("ACCR")
    assert set(office.states().values()) == {"pending"} and office.cases() == ["unknown_line"]
    assert office.desk.settle() == {"paid": LINES} and office.paymaster.verify().ok


def test_a_request_for_some_lines_that_is_accepted_as_a_whole_and_line_by_line_cancels_these(office: Office) -> None:
    office.ask("inv-0", "inv-1")
    office.run()
    office.take_back()
    office.answer_both("ACCR", ("inv-0", "ACCR", ""), ("inv-1", "ACCR", ""))
    assert office.states() == {"inv-0": "refused", "inv-1": "refused", "inv-2": "pending", "inv-3": "pending"}
    assert office.cases() == [] and office.paymaster.verify().ok


@pytest.mark.parametrize("of_line", [("RJCR", "ARDT"), ("PDCR", ""), ("ACCR", "")], ids=lambda said: said[0])
def test_a_whole_that_is_cancelled_and_a_part_that_is_not_or_is_all_that_is_listed_cancels_no_more(
    office: Office, of_line: tuple[str, str]
) -> None:
    office.ask()
    office.run()
    office.take_back()
    office.answer_both("ACCR", ("inv-0", *of_line))
    alone = {"inv-0": "refused"} if of_line[0] == "ACCR" else {}
    assert office.states() == dict.fromkeys([f"inv-{n}" for n in range(LINES)], "pending") | alone
    assert "unknown_line" in office.cases() and office.paymaster.verify().ok


def test_while_a_second_request_is_undecided_there_is_no_third(office: Office) -> None:
    """The first one never went: what is asked of the bank is the second one, and its answer belongs to that."""
    office.ask("inv-0")
    office.paymaster.release(office.paymaster.cancellations()[0].id, "withdrawn", by="amina", reason="a mistake")
    office.paymaster.release(office.paymaster.cancellations()[0].id, "withdrawn", by="joseph", reason="a mistake")
    office.ask("inv-0", code="DUPL")
    office.run()
    with pytest.raises(WrongState, match="asked already"):
        office.paymaster.cancel_sent(office.file, by="amina", reason="again", only=["inv-0"])
    office.answer(("inv-0", "RJCR", "ARDT"))
    (case,) = office.paymaster.cases()
    (live,) = [view.id for view in office.paymaster.cancellations() if view.state == "handed_over"]
    assert (case.kind, case.payment) == ("cancellation_refused", live)


def test_a_word_that_cancels_a_whole_file_after_its_booking_is_a_case(office: Office) -> None:
    """Two words of one bank that cannot both be true: what was booked stays paid, and people are told."""
    office.ask()
    office.run()
    office.take_back()
    assert office.desk.settle() == {"paid": LINES} and office.cases() == []
    office.answer_whole("ACCR")
    assert set(office.states().values()) == {"paid"} and office.cases() != []
    assert office.paymaster.verify().ok


@published
@pytest.mark.parametrize("version", ["03", "09"])
@pytest.mark.parametrize("lines", [0, 2])
def test_the_request_is_valid_for_every_reason_that_may_be_given(tmp_path: Path, version: str, lines: int) -> None:
    (tmp_path / "bank.toml").write_text(PROFILE.format(version=version, lines=10, batch="true"))
    profile = str(tmp_path / "bank.toml")
    [(document, body)], _ = made([payment(n, profile) for n in range(3)], load(profile))
    gateway = BankTransferGateway(BankTransferSettings(
        profile=profile, institution_account="040147:0055667788", debtor_name="Ministry",
        outbox=str(tmp_path), inbox=str(tmp_path), schemas=str(SCHEMAS),
    ))  # fmt: skip
    keys, at = tuple(document.lines.values())[:lines], datetime(2026, 11, 25, 10, tzinfo=UTC)
    assert len(gateway.cancel_codes()) >= 5
    for code in gateway.cancel_codes():
        asked = Cancelling(document.name, keys, code, "GKHW2N01JDD98JH", at, lambda: io.BytesIO(body))
        written = gateway.cancel_batch(asked)
        tree = etree.fromstring(written.content)
        etree.XMLSchema(file=f"{SCHEMAS}/{etree.QName(tree).namespace.rsplit(':', 1)[-1]}.xsd").assertValid(tree)
        assert gateway.cancel_batch(asked) == written
        assert list(cancellation(written.content).keys) == list(keys)  # type: ignore[union-attr]


def test_what_the_bank_has_booked_is_not_cancelled(office: Office) -> None:
    """Too late: the statement says paid, the bank says why it does not cancel, and people see it once."""
    bank = office.desk.bank
    bank.faults["out_of_sequence"] = 1.0
    bank.work()
    bank.faults["out_of_sequence"] = 0.0
    office.ask("inv-0", "inv-1")
    office.run()
    assert len(office.requests()) == 1 and set(office.states().values()) == {"pending"}
    bank.work()
    assert office.desk.settle() == {"paid": LINES}
    (view,) = office.paymaster.cancellations()
    assert (view.refused, dict(view.counts)) == (2, {"paid": 2})
    assert office.cases() == ["cancellation_refused"]
    with pytest.raises(WrongState, match="paid"):
        office.ask("inv-0")


def test_it_is_pending_at_the_bank_and_then_booked(office: Office) -> None:
    office.ask("inv-0")
    office.run()
    office.take_back()
    office.answer(("inv-0", "PDCR"))
    assert office.states()["inv-0"] == "pending" and office.paymaster.cancellations()[0].pending == 1
    assert office.desk.settle() == {"paid": LINES} and office.cases() == []


def test_what_is_booked_although_its_cancellation_was_accepted_is_paid_and_a_case(office: Office) -> None:
    office.ask("inv-0")
    office.answer(("inv-0", "ACCR"))
    assert office.states()["inv-0"] == "refused"
    office.desk.bank.work()
    assert office.desk.settle() == {"paid": LINES}
    assert "possible_double_payment" in office.cases()


def test_one_is_cancelled_one_refused_and_one_undecided(office: Office) -> None:
    office.ask("inv-0", "inv-1", "inv-2")
    office.answer(("inv-0", "ACCR"), ("inv-1", "RJCR", "NOAS"), ("inv-2", "PDCR"))
    assert office.states() == {"inv-0": "refused", "inv-1": "pending", "inv-2": "pending", "inv-3": "pending"}
    (view,) = office.paymaster.cancellations()
    assert (dict(view.counts), view.refused, view.pending) == ({"pending": 2, "refused": 1}, 1, 1)
    assert office.cases() == ["cancellation_refused"]
    assert office.paymaster.verify().ok, office.paymaster.verify().findings


def test_an_answer_to_no_request_of_ours_is_for_people(office: Office) -> None:
    office.answer(("inv-1", "RJCR", "NOOR"))
    assert office.cases() == ["unknown_line"] and set(office.states().values()) == {"pending"}


def test_while_it_is_undecided_it_is_not_asked_again_and_the_file_never_goes_again(office: Office) -> None:
    office.ask("inv-0")
    for only in (["inv-0"], ["inv-0", "inv-1"]):
        with pytest.raises(WrongState, match="asked already"):
            office.paymaster.cancel_sent(office.file, by="amina", reason="again", only=only)
    office.ask()
    with pytest.raises(WrongState, match="asked already"):
        office.paymaster.cancel_sent(office.file, by="amina", reason="again")
    with pytest.raises(WrongState, match="must not get it again"):
        office.paymaster.release(office.file, "ready", by="amina", reason="the bank lost it")
    office.run()
    assert len(office.requests()) == 2


def test_once_it_was_refused_it_can_be_asked_anew_with_ids_of_its_own(office: Office) -> None:
    office.ask("inv-0")
    office.run()
    office.answer(("inv-0", "RJCR", "CUST"))
    office.ask("inv-0", code="DUPL")
    office.run()
    idents = [found.ident for body in office.requests() if (found := cancellation(body)) is not None]
    assert len(set(idents)) == 2


def test_maker_is_not_checker_and_both_must_say_the_same(office: Office) -> None:
    ask: Callable[..., bool] = office.paymaster.cancel_sent
    assert not ask(office.file, by="amina", reason="left", only=["inv-0"])
    with pytest.raises(MakerIsChecker):
        ask(office.file, by="AMINA", reason="left", only=["inv-0"])
    assert not ask(office.file, by="joseph", reason="left", only=["inv-1"]), (
        "of another payment: it is his own proposal"
    )
    assert not ask(office.file, by="amina", reason="left", only=["inv-1"], code="DUPL"), "for another reason"
    assert ask(office.file, by="joseph", reason="left", only=["inv-1"], code="DUPL")
    assert [view.lines for view in office.paymaster.cancellations()] == [1]


def test_what_cannot_be_asked_for_is_said(office: Office) -> None:
    ask: Callable[..., bool] = office.paymaster.cancel_sent
    for how, error, why in (
        ({"code": "WHIM"}, WrongState, "CUST"), ({"only": ["inv-9"]}, NotFoundError, "no payment of the file"),
        ({"reason": " "}, WrongState, "say why"), ({"file": "nothing.xml"}, NotFoundError, "no document"),
    ):  # fmt: skip
        with pytest.raises(error, match=why):
            ask(**{"file": office.file, "by": "amina", "reason": "left", **how})
    office.desk.settle()
    with pytest.raises(WrongState, match="decided"):
        ask(office.file, by="amina", reason="left")


def test_a_bank_that_takes_no_requests_is_said_so(tmp_path: Path) -> None:
    office = Office(Desk.of(tmp_path, 1))
    paymaster = office.paymaster
    payroll = paymaster.propose("november", tmp_path / "november.csv", channel="bank", by="amina")
    paymaster.approve(payroll, by="joseph")
    office.run()
    profile = tmp_path / "bank.toml"
    profile.write_text(profile.read_text().replace('"camt.029", ', ""))
    office.reopen()
    with pytest.raises(WrongState, match="cannot ask its bank"):
        office.paymaster.cancel_sent(office.file, by="amina", reason="left")
    office.paymaster.close_store()


def test_a_paused_payroll_does_not_keep_the_request_back(office: Office) -> None:
    office.paymaster.pause("november", by="amina", reason="something is wrong with it")
    office.ask()
    office.run()
    assert len(office.requests()) == 1


def test_a_request_whose_payments_are_all_decided_never_goes(office: Office) -> None:
    office.ask("inv-0")
    office.answer(("inv-0", "ACCR"))
    office.run()
    assert office.requests() == [] and office.paymaster.cancellations()[0].state == "withdrawn"


@pytest.mark.parametrize("point", ["batch-put-intent", "batch-put", "batch-after-put"])
@pytest.mark.few(1)
def test_after_a_crash_the_very_same_request_is_with_the_bank_once(office: Office, point: str) -> None:
    office.ask("inv-0", "inv-1")
    paymaster = office.paymaster

    class Dies(AsyncioRuntime):
        @staticmethod
        def on_point(name: str) -> None:
            if name == point:
                paymaster._store.uncertain = True
                raise Gone(name)

    paymaster._runtime = Dies
    with pytest.raises((Gone, GatewayCoreError, BaseExceptionGroup)):
        office.run()
    before = office.requests()
    office.reopen()
    for _ in range(4):
        office.run()
    (view,) = office.paymaster.cancellations()
    # Whether the bank has collected it can only people know, as of every file.
    assert view.state == ("held" if not before else "handed_over")
    if not before:
        for by in ("amina", "joseph"):
            office.paymaster.release(view.name, "ready", by=by, reason="the bank has none of it")
        office.run()
    assert len(office.requests()) == 1 and before in ([], office.requests())
    assert office.desk.settle() == {"paid": 2, "refused": 2}
    assert office.paymaster.verify().ok, office.paymaster.verify().findings


def test_agreed_and_then_killed_it_goes_all_the_same(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is on disk; the payments are not told yet, and nothing is complete."""

    def killed(*_: object) -> None:
        raise Gone

    with monkeypatch.context() as patch:
        patch.setattr("gateway_core.lifecycle.cancelling.finish", killed)
        with pytest.raises(Gone):
            office.ask("inv-0")
    assert office.paymaster.cancellations()[0].state == "planned"
    office.run()
    assert len(office.requests()) == 1
    assert "cancellation" in {event.kind for event in office.paymaster.events("inv-0")}


def test_it_is_a_permission_of_its_own(tmp_path: Path) -> None:
    office = Office(Desk.of(tmp_path, 1))
    office.paymaster.close_store()
    with (tmp_path / "gateway.toml").open("a") as file:
        file.write('\n[roles.clerk]\npeople = ["amina", "joseph"]\nmay = ["propose", "approve", "cancel"]\n')
    office.paymaster = paymaster = Paymaster.open(tmp_path / "gateway.toml")
    payroll = paymaster.propose("november", tmp_path / "november.csv", channel="bank", by="amina")
    paymaster.approve(payroll, by="joseph")
    office.run()
    with pytest.raises(NotPermitted):
        paymaster.cancel_sent(office.file, by="amina", reason="left")
    paymaster.close_store()


def test_the_command_line_asks_and_lists(office: Office) -> None:
    file = office.file
    office.paymaster.close_store()
    ask = ("cancel-sent", file, "--only", "inv-1", "--reason", "left the programme")
    assert "another person" in office.desk.must(*ask, "--by", "amina")
    assert "next `gateway run`" in office.desk.must(*ask, "--by", "joseph")
    said = office.desk.must("cancellations")
    assert file in said and "amina, joseph" in said
    office.paymaster = Paymaster.open(office.desk.folder / "gateway.toml")
