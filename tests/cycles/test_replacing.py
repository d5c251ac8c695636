"""What the checker approved is what is paid: an invoice is replaced in the pool, or in a draft, and nowhere else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.lifecycle import proposing
from gateway_core.lifecycle.cycles import generating
from gateway_core.model.errors import GatewayCoreError, InvalidPayroll, WrongState
from gateway_core.model.money import Money
from gateway_core.paymaster import Paymaster
from gateway_core.store import Store
from tests.cycles.world import CYCLE, free, generated, people

if TYPE_CHECKING:
    from tests.conftest import Shop

WHY = "the board decided on more"
EVERYBODY = (1, 2, 3)


def corrected(*places: object) -> list[Any]:
    """The same people, owed more."""
    return [attrs.evolve(one, amount=Money(60_000, "UGX")) for one in people(*places)]


def select(paymaster: Paymaster) -> str:
    return paymaster.propose_from_pool("nov", CYCLE, by="amina")[0].payroll


def replace(paymaster: Paymaster) -> int:
    return paymaster.generate(CYCLE, corrected(*EVERYBODY), by="brenda", replace=WHY).replaced


def amounts(shop: Shop) -> tuple[dict[str, int], dict[str, int]]:
    """What is proposed to be paid, and what the invoices say that stand: of each beneficiary."""
    proposed = [one.id for one in shop.paymaster.status() if one.state == "awaiting_approval"]
    lines = {
        view.entitlement: int(view.amount.split()[0])
        for payroll in proposed for view in shop.paymaster.payments(payroll)
    }  # fmt: skip
    standing = {one.invoice.entitlement: one.invoice.amount.minor for one in shop.paymaster.pool(CYCLE, free=False)}
    return lines, standing


class Beside:
    """Before the write number `at` of what is tried, another process does something whole."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch, at: int, what: Callable[[Paymaster], Any]) -> None:
        self.shop, self.at, self.what = shop, at, what
        self.writes, self.said = 0, list[BaseException | None]()
        whole = Store.write
        mine = shop.paymaster._store

        @contextmanager
        def write(store: Store) -> Iterator[Any]:
            if store is mine:
                self.writes += 1
                if self.writes == at:
                    self._do()
            with whole(store) as connection:
                yield connection

        monkeypatch.setattr(Store, "write", write)

    def _do(self) -> None:
        with Paymaster.open(self.shop.config) as other:
            self.said.append(tried(lambda: self.what(other)))


def tried(what: Callable[[], Any]) -> BaseException | None:
    try:
        what()
    except (WrongState, InvalidPayroll) as error:
        return error
    return None


def fresh(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposing, "PAGE", 2)
    monkeypatch.setattr(generating, "PAGE", 2)
    generated(shop.paymaster, people(*EVERYBODY))


PAIRS: dict[str, tuple[Callable[[Paymaster], Any], Callable[[Paymaster], Any]]] = {
    "a replacement beside a selection": (select, replace),
    "a selection beside a replacement": (replace, select),
}


@pytest.mark.parametrize("before", ["never proposed", "sent back"])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.few(1)
def test_wherever_one_comes_between_what_is_proposed_is_what_stands(
    pair: str, before: str, open_shop: Callable[..., Shop]
) -> None:
    """Each write of the one is a place where the other comes whole; one of them is done, and none is half done."""
    mine, theirs = PAIRS[pair]
    for at in itertools.count(1):
        shop = open_shop()
        with pytest.MonkeyPatch.context() as patch:
            fresh(shop, patch)
            if before == "sent back":
                shop.paymaster.send_back(select(shop.paymaster), by="joseph", reason="too little")
            beside = Beside(shop, patch, at, theirs)
            said = tried(partial(mine, shop.paymaster))
        lines, standing = amounts(shop)
        for who, amount in lines.items():
            assert standing[who] == amount, (at, said, beside.said)
        assert len(lines) in (0, 3) and len(set(standing.values())) == 1
        assert shop.paymaster.verify().findings == []
        if not beside.said:
            break
        # Whoever comes whole in the midst of the other's work is done, and the other is told so.
        assert (said is None, beside.said) == (False, [None]), (at, said, beside.said)
    assert at > 5


def test_who_is_refused_is_told_which_invoice_and_where_it_lies(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(shop, monkeypatch)
    whole = generating._stage

    def between(*how: Any) -> Any:
        select(shop.paymaster)
        return whole(*how)

    monkeypatch.setattr(generating, "_stage", between)
    with pytest.raises(WrongState, match=f"{CYCLE}/ben-1.* was put into payroll 'nov' just now.*withdraw it there"):
        replace(shop.paymaster)


def test_what_was_replaced_since_it_was_chosen_is_not_proposed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(shop, monkeypatch)
    whole = proposing.propose

    def between(*how: Any, **more: Any) -> str:
        replace(shop.paymaster)
        return whole(*how, **more)

    monkeypatch.setattr(proposing, "propose", between)
    with pytest.raises(WrongState, match=f"{CYCLE}/ben-1.* was given another invoice since it was chosen"):
        select(shop.paymaster)
    assert shop.paymaster.status() == [] and len(free(shop.paymaster)) == 3


def test_a_replacement_left_half_way_keeps_nobody_from_being_proposed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(shop, monkeypatch)

    def dies(*how: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(generating, "_switch_on", dies)
        replace(shop.paymaster)
    payroll = select(shop.paymaster)
    lines, standing = amounts(shop)
    assert lines == standing and set(lines.values()) == {50_000}
    with pytest.raises(InvalidPayroll, match="it lies in payroll 'nov'"):
        replace(shop.paymaster)
    shop.paymaster.approve(payroll, by="joseph")
    assert shop.paymaster.verify().findings == []


def test_sent_back_for_correction_it_is_generated_anew_and_chosen_anew(shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(*EVERYBODY))
    payroll = select(paymaster)
    paymaster.send_back(payroll, by="joseph", reason="60000 was agreed on")
    with pytest.raises(InvalidPayroll, match="would be '60000 UGX'"):
        paymaster.generate(CYCLE, corrected(*EVERYBODY), by="amina")
    assert replace(paymaster) == 3
    # The draft keeps them from others, and cannot be approved as it is.
    assert free(paymaster) == []
    with pytest.raises(GatewayCoreError, match="is draft, not awaiting approval"):
        paymaster.approve(payroll, by="joseph")
    assert select(paymaster) == payroll
    lines, standing = amounts(shop)
    assert lines == standing and set(lines.values()) == {60_000}
    paymaster.approve(payroll, by="joseph")
    paymaster.run(payroll, wait=20)
    assert set(shop.states(payroll).values()) == {"paid"} and paymaster.verify().findings == []
