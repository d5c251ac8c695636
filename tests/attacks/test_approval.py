"""Attempts to have something sent that nobody approved, or no longer approves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import Objection, hookimpl
from gateway_core.lifecycle import approval, checking, proposing, running
from gateway_core.model.errors import NotFoundError, ObjectionsStand, WrongState
from gateway_core.paymaster import Paymaster
from gateway_core.store.clock import now_us

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

Host = Callable[["Shop"], Paymaster]


class Registry:
    """Says at checking that she has died; `meanwhile` happens once, elsewhere, while it is asked."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = lambda: None

    @hookimpl
    def check_payments(self, payments: Any) -> list[tuple[str, Objection]]:
        # Once: approving asks the policies, too.
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        elsewhere = threading.Thread(target=meanwhile)
        elsewhere.start()
        elsewhere.join()
        return [(payment.id, Objection("dead", "died in May")) for payment in payments]


@pytest.fixture
def registry(shop: Shop) -> Registry:
    made = Registry()
    object.__setattr__(shop.paymaster.configuration, "_policies", (("registry", made),))
    return made


def test_objections_stand_while_a_check_is_repeated(shop: Shop, registry: Registry) -> None:
    payroll = shop.proposed(shop.invoices(1))
    assert not shop.paymaster.check(payroll).good
    refused: list[Exception] = []

    def approve() -> None:
        with pytest.raises(ObjectionsStand) as caught:
            shop.paymaster.approve(payroll, by="joseph")
        refused.append(caught.value)

    registry.meanwhile = approve
    assert len(shop.paymaster.check(payroll).objections) == 1
    assert len(refused) == 1


def test_objections_stand_after_a_check_that_was_cut_short(shop: Shop, registry: Registry, monkeypatch: Any) -> None:
    payroll = shop.proposed(shop.invoices(1))
    shop.paymaster.check(payroll)

    async def killed(*how: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checking, "known", killed)
        shop.paymaster.check(payroll)
    with pytest.raises(ObjectionsStand):
        shop.paymaster.approve(payroll, by="joseph")


def test_what_no_longer_holds_is_gone_after_the_next_check(shop: Shop, registry: Registry) -> None:
    payroll = shop.proposed(shop.invoices(1))
    shop.paymaster.check(payroll)
    object.__setattr__(shop.paymaster.configuration, "_policies", ())
    assert shop.paymaster.check(payroll).good


@pytest.mark.parametrize("reason", ["stop: fraud", "approval: the minister has not agreed", ""])
def test_what_a_person_paused_only_a_person_resumes(reason: str, shop: Shop, dummy: Dummy) -> None:
    payroll = shop.approved(shop.invoices(1))
    shop.paymaster.pause(payroll, by="joseph", reason=reason)
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "ready"
    assert dummy.moved().get(shop.payment(payroll)) is None
    assert shop.paymaster.verify().findings == []
    shop.paymaster.resume(payroll, by="joseph")
    shop.run(payroll)
    assert shop.state(payroll) == "paid"


def test_a_pause_before_the_approval_outlives_it(shop: Shop) -> None:
    payroll = shop.proposed(shop.invoices(1))
    shop.paymaster.pause(payroll, by="amina", reason="wait for the list of deaths")
    shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "ready"
    assert shop.paymaster.verify().findings == []


def test_a_pause_is_not_lifted_by_a_start_that_judged_before_it(shop: Shop, monkeypatch: Any) -> None:
    """The start finds that the payroll may go again; before it says so, a person pauses it."""
    payroll = shop.approved(shop.invoices(1))
    shop.change_store("UPDATE payrolls SET paused = 'approval: the approval has expired'")
    judge = approval.fit_to_send

    def judged(*how: Any) -> str:
        shop.paymaster.pause(payroll, by="joseph", reason="stop: fraud")
        return judge(*how)

    monkeypatch.setattr(running, "fit_to_send", judged)
    shop.run(payroll, wait=0)
    assert shop.paymaster.status(payroll)[0].paused == "stop: fraud"
    assert shop.state(payroll) == "ready"


def test_an_approval_again_does_not_lift_a_pause_that_came_meanwhile(shop: Shop, monkeypatch: Any) -> None:
    payroll = shop.approved(shop.invoices(1))
    shop.change_store("UPDATE payrolls SET paused = 'approval: the approval has expired'")
    verify = approval._verify_content

    def verified(*how: Any) -> None:
        verify(*how)
        shop.paymaster.pause(payroll, by="amina", reason="stop: fraud")

    monkeypatch.setattr(approval, "_verify_content", verified)
    with pytest.raises(WrongState):
        shop.paymaster.approve(payroll, by="joseph")
    assert shop.paymaster.status(payroll)[0].paused == "stop: fraud"


def test_an_approval_that_expires_during_a_run_ends_it_for_what_is_unsent(shop: Shop, meanwhile: Any) -> None:
    payroll = shop.approved(shop.invoices(1))
    ends = "UPDATE payrolls SET approval_ends = ?"
    meanwhile(shop, lambda: shop.change_store(ends, now_us() - 1))
    ended = within(10, lambda: shop.paymaster.run(payroll, wait=None))
    assert ended, "the run waits for a person, and would for ever"
    assert shop.state(payroll) == "ready"


def within(seconds: float, work: Callable[[], object]) -> bool:
    """Whether `work` ends in time."""
    done: list[object] = []
    thread = threading.Thread(target=lambda: done.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(done)


def test_a_pause_during_a_run_ends_it_for_what_is_unsent(shop: Shop, meanwhile: Any, host: Host) -> None:
    payroll = shop.approved(shop.invoices(3))
    meanwhile(shop, lambda: host(shop).pause(payroll, by="joseph", reason="stop"))
    assert within(10, lambda: shop.paymaster.run(payroll, wait=None))
    assert set(shop.states(payroll).values()) == {"ready"}


def test_a_payroll_withdrawn_just_before_it_is_claimed_takes_nothing(
    shop: Shop, dummy: Dummy, monkeypatch: Any
) -> None:
    """Approved, and withdrawn by somebody who saw it unapproved, while a sender begins with it."""
    payroll = shop.approved(shop.invoices(1), "first")
    jobs_for = running.jobs_for

    def jobs(store: Any, *how: Any) -> Any:
        found = jobs_for(store, *how)
        approval.withdraw(shop.paymaster._store, payroll, "amina", "wrong month")
        return found

    monkeypatch.setattr(running, "jobs_for", jobs)
    assert within(10, lambda: shop.paymaster.run(wait=None))
    monkeypatch.undo()
    assert shop.states(payroll) == {"inv-0": "cancelled"}
    second = shop.paid(shop.invoices(1), "second")
    assert shop.state(second) == "paid", "what was withdrawn is free for another payroll"


def staged(store: Any) -> Any:
    """Stop in the middle of proposing, after the first page."""
    return lambda *how: (_ for _ in ()).throw(KeyboardInterrupt)


def test_a_proposal_is_not_discarded_once_it_is_complete(shop: Shop, host: Host, monkeypatch: Any) -> None:
    """A second propose of the same name finds it half staged; before it clears that away, the first one is paid."""
    other, discard, switch_on = host(shop), proposing.discard, proposing._switch_on
    first: list[Any] = []

    def about_to_switch_on(*how: Any) -> None:
        first.extend(how)
        monkeypatch.undo()
        monkeypatch.setattr(proposing, "discard", about_to_discard)
        with pytest.raises(WrongState):
            other.propose("payroll", shop.invoices(1), channel="dummy", by="joseph")

    def about_to_discard(*how: Any) -> None:
        monkeypatch.undo()
        switch_on(*first)
        shop.paymaster.approve(first[1], by="joseph")
        shop.run(first[1])
        discard(*how)

    monkeypatch.setattr(proposing, "_switch_on", about_to_switch_on)
    shop.paymaster.propose("payroll", shop.invoices(1), channel="dummy", by="amina")
    assert shop.states(first[1]) == {"inv-0": "paid"}


@pytest.mark.parametrize("at", ["_rows", "_switch_on"])
def test_of_two_who_propose_the_same_name_at_once_one_proposes(
    at: str, shop: Shop, host: Host, monkeypatch: Any
) -> None:
    """joseph takes over what amina seems to have left half staged; what he proposes is his, and all of it is there."""
    other, step = host(shop), getattr(proposing, at)
    done: list[str] = []

    def interrupted(*how: Any) -> Any:
        if not done:
            done.append("")
            done[0] = other.propose("payroll", shop.invoices(3, amount=9), channel="dummy", by="joseph")
        return step(*how)

    monkeypatch.setattr(proposing, at, interrupted)
    with pytest.raises(WrongState, match="propose"):
        shop.paymaster.propose("payroll", shop.invoices(2), channel="dummy", by="amina")
    (status,) = shop.paymaster.status()
    assert (status.proposed_by, status.lines, len(shop.states(status.id))) == ("joseph", 3, 3)
    shop.paymaster.approve(done[0], by="amina")
    shop.run()
    assert set(shop.states().values()) == {"paid"}


def test_a_proposal_that_died_half_staged_blocks_nobody(shop: Shop, monkeypatch: Any) -> None:
    """Nobody can see it, so nobody could send it back."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(proposing, "_switch_on", staged(shop))
        shop.proposed(shop.invoices(2), "first")
    with pytest.raises(NotFoundError):
        shop.paymaster.status("first")
    assert set(shop.states(shop.paid(shop.invoices(2), "second")).values()) == {"paid"}


def test_a_restored_store_with_a_half_staged_proposal_pays_it_once_proposed_anew(shop: Shop, monkeypatch: Any) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(proposing, "_switch_on", staged(shop))
        shop.proposed(shop.invoices(2))
    shop.paymaster.restored(by="amina", second="joseph")
    assert set(shop.states(shop.paid(shop.invoices(2))).values()) == {"paid"}
    assert shop.paymaster.verify().findings == []


def test_what_is_carried_over_to_another_channel_goes_there(shop: Shop, start_dummy: Callable[..., Dummy]) -> None:
    other = start_dummy()
    old = shop.config["channels"]["dummy"]
    shop.reopen(channels={"dummy": old, "other": {**old, "base_url": other.url}})
    payroll = shop.paid([shop.invoice(0, "w-0"), shop.invoice(1, "fault-refused")])
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    second = shop.paymaster.carry_over(payroll, "second", by="amina", channel="other")
    assert {view.channel for view in shop.paymaster.payments(second)} == {"other"}


@pytest.mark.parametrize("first", ["true", "false"])
def test_a_payroll_named_like_the_id_of_another_does_not_take_its_place(first: str, shop: Shop) -> None:
    name = proposing.payroll_id(shop.config["deployment"], "november")
    proposed = [("november", 3), (name, 1)]
    for called, count in proposed if first == "true" else proposed[::-1]:
        shop.proposed(shop.invoices(count, cycle=called), called)
    shop.paymaster.approve(name, by="joseph")
    assert {status.name: status.state for status in shop.paymaster.status()} == {
        "november": "approved", name: "awaiting_approval",
    }  # fmt: skip


class Screening:
    """A second policy, which has nothing to say at first. It uses the registry's words for something else."""

    def __init__(self) -> None:
        self.says: list[Objection] = []

    @hookimpl
    def check_payments(self, payments: Any) -> list[tuple[str, Objection]]:
        return [(payment.id, objection) for payment in payments for objection in self.says]


@pytest.mark.parametrize("says", ["died in May", "is on a list of sanctions"])
def test_what_was_released_hides_no_other_objection_of_the_same_code(says: str, shop: Shop, registry: Registry) -> None:
    screening = Screening()
    known = (("registry", registry), ("screening", screening))
    object.__setattr__(shop.paymaster.configuration, "_policies", known)
    payroll = shop.proposed(shop.invoices(1))
    assert len(shop.paymaster.check(payroll).objections) == 1
    shop.paymaster.release_objections(payroll, by="grace", reason="her daughter is paid")
    assert len(shop.paymaster.check(payroll).objections) == 1, "what is released is not raised again"
    screening.says = [Objection("dead", says)]
    with pytest.raises(ObjectionsStand):
        shop.paymaster.approve(payroll, by="joseph", despite="as grace says")
    shop.paymaster.release_objections(payroll, by="grace", reason="it is another of this name")
    shop.paymaster.approve(payroll, by="joseph", despite="as grace says")


def test_what_was_released_hides_no_other_word_of_the_same_policy(shop: Shop) -> None:
    screening = Screening()
    screening.says = [Objection("blocked", "no identity card")]
    object.__setattr__(shop.paymaster.configuration, "_policies", (("screening", screening),))
    payroll = shop.proposed(shop.invoices(1))
    shop.paymaster.check(payroll)
    shop.paymaster.release_objections(payroll, by="grace", reason="the card was seen")
    screening.says = [Objection("blocked", "is on a list of sanctions")]
    with pytest.raises(ObjectionsStand):
        shop.paymaster.approve(payroll, by="joseph", despite="as grace says")


@pytest.mark.parametrize("name", ["a\nnovember: reconciled", "\u202erebmevon", "november\x1b[2K", "november\x00"])
def test_no_payroll_is_named_so_that_a_list_shows_another(name: str, shop: Shop) -> None:
    with pytest.raises(WrongState, match="name has the control character U"):
        shop.proposed(shop.invoices(1), name)
    assert shop.paymaster.status() == []


def test_a_mistyped_name_cancels_nothing_and_says_so(shop: Shop) -> None:
    """Whom it was meant for would be paid."""
    payroll, other = shop.approved(shop.invoices(2)), shop.approved([shop.invoice(7, "w-7")], "other")
    for name in ("inv-O", "", "%", shop.payment(other)):
        with pytest.raises(NotFoundError, match="nothing was cancelled"):
            shop.paymaster.cancel(payroll, by="amina", reason="has died", only=["inv-1", name])
        assert set(shop.states(payroll).values()) == {"ready"}
    assert shop.paymaster.cancel(payroll, by="amina", reason="has died", only=["inv-1"]) == 1
    assert shop.states(payroll) == {"inv-0": "ready", "inv-1": "cancelled"}
