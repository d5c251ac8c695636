"""The balance: reserved for who was approved earlier, entered by two people, stale or short, released by two."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.model.errors import MakerIsChecker, ObjectionsStand, WrongState
from gateway_core.model.money import Money

from .conftest import at, us

if TYPE_CHECKING:
    from tests.conftest import Shop

Open = Callable[..., "Shop"]
HOUR = 3_600_000_000
NOON = us("2027-11-01 12:00", "UTC")
SEEN = "seen in the bank's portal"


def lines(shop: Shop, name: str, amount: int, channel: str = "") -> list[Any]:
    return [shop.invoice(0, f"w-{name}", amount, id=name, beneficiary=name, cycle=str(shop.folder), channel=channel)]


def proposed(shop: Shop, name: str, amount: int, channel: str = "") -> str:
    return shop.paymaster.propose(name, lines(shop, name, amount, channel), channel="dummy", by="amina")


def has(shop: Shop, monkeypatch: pytest.MonkeyPatch, amount: int | None) -> None:
    """What the rail says the account holds; None: it cannot tell."""
    from gateway_core.lifecycle import funding

    async def said(*how: Any) -> Money | None:
        return None if amount is None else Money(amount, "UGX")

    monkeypatch.setattr(funding, "balance", said)


def codes(shop: Shop, payroll: str) -> list[str]:
    return [found.objection.code for found in shop.paymaster.check(payroll).objections]


def entered(shop: Shop, amount: str) -> None:
    assert not shop.paymaster.enter_balance("dummy", amount, by="amina", reason=SEEN)
    assert shop.paymaster.enter_balance("dummy", amount, by="joseph", reason=SEEN)


def test_what_was_approved_earlier_is_reserved(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    has(shop, monkeypatch, 1000)
    first, second = proposed(shop, "first", 600), proposed(shop, "second", 600)
    assert codes(shop, first) == codes(shop, second) == []
    shop.paymaster.approve(first, by="joseph")
    assert codes(shop, second) == ["insufficient_balance"]
    (found,) = shop.paymaster.objections(second).objections
    assert found.objection.message == (
        "channel dummy has 1000 UGX, the payroll needs 600 UGX; 600 UGX are reserved for payrolls approved earlier"
    )
    with pytest.raises(ObjectionsStand):
        shop.paymaster.approve(second, by="joseph")
    # Not even one that is paused, or run alone, loses what is reserved for it.
    shop.paymaster.pause(first, by="joseph", reason="wait")
    assert codes(shop, second) == ["insufficient_balance"]


def test_at_sending_the_one_approved_first_goes_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    has(shop, monkeypatch, 10_000)
    first, second = proposed(shop, "first", 600), proposed(shop, "second", 600)
    for payroll in (first, second):
        shop.paymaster.approve(payroll, by="joseph")
    has(shop, monkeypatch, 1000)
    report = shop.run(second, wait=0)
    assert "reserved" in report.skipped["second"] and shop.state(second) == "ready"
    shop.run(wait=0)
    assert (shop.state(first), shop.state(second)) == ("paid", "ready")


def test_two_channels_of_one_institution_account_share_its_balance(
    open_shop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(channel={"institution_account": "GRANTS-01"})
    dummy = shop.config["channels"]["dummy"]
    other = {**dummy, "institution_account": "OTHER"}
    shop.reopen(channels={"dummy": dummy, "same": dummy, "other": other})
    has(shop, monkeypatch, 1000)
    first = proposed(shop, "first", 600, "same")
    shop.paymaster.approve(first, by="joseph")
    assert codes(shop, proposed(shop, "second", 600)) == ["insufficient_balance"]
    assert codes(shop, proposed(shop, "third", 600, "other")) == []
    # Lines of one payroll over two such channels do not each get the whole.
    both = [*lines(shop, "a", 300), *lines(shop, "b", 300, "same")]
    payroll = shop.paymaster.propose("both", both, channel="dummy", by="amina")
    assert codes(shop, payroll) == ["insufficient_balance"]


def test_where_a_balance_must_be_known_two_people_enter_it(open_shop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(balance_ttl=48)
    has(shop, monkeypatch, None)
    with at(NOON):
        payroll = proposed(shop, "november", 600)
        assert codes(shop, payroll) == ["balance_unknown"]
        assert not shop.paymaster.enter_balance("dummy", "1000 UGX", by="amina", reason=SEEN)
        assert codes(shop, payroll) == ["balance_unknown"]
        with pytest.raises(MakerIsChecker):
            shop.paymaster.enter_balance("dummy", "1000 UGX", by="Amina", reason=SEEN)
        # Another figure is another first word.
        assert not shop.paymaster.enter_balance("dummy", "1001 UGX", by="joseph", reason=SEEN)
        assert shop.paymaster.enter_balance("dummy", "1001 UGX", by="amina", reason=SEEN)
        assert codes(shop, payroll) == []
        (warning,) = [w.objection.message for w in shop.paymaster.objections(payroll).warnings]
        assert warning == "dummy: 1001 UGX is the balance (entered by joseph and amina), 0 hours old"
        shop.paymaster.approve(payroll, by="joseph")
    with at(NOON + 49 * HOUR + HOUR // 2):
        report = shop.run(wait=0)
        assert "49 hours old" in report.skipped["november"] and shop.state(payroll) == "ready"
        entered(shop, "599 UGX")
        assert "needs 600" in shop.run(wait=0).skipped["november"]
        entered(shop, "600 UGX")
        shop.run(wait=0)
        assert shop.state(payroll) == "paid"
    assert [event.kind for event in shop.paymaster.events("balance of dummy")][-1] == "balance_agreed"
    assert shop.paymaster.verify().ok


def test_a_balance_that_grew_stale_or_short_since_the_check_stands_in_the_way_of_the_approval(
    open_shop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(balance_ttl=48)
    has(shop, monkeypatch, None)
    with at(NOON):
        unchecked, payroll = proposed(shop, "unchecked", 300), proposed(shop, "november", 600)
        with pytest.raises(ObjectionsStand, match="no balance in UGX is known"):
            shop.paymaster.approve(unchecked, by="joseph")
        entered(shop, "1000 UGX")
        assert codes(shop, payroll) == []
    with at(NOON + 49 * HOUR + HOUR // 2):
        with pytest.raises(ObjectionsStand, match="49 hours old"):
            shop.paymaster.approve(payroll, by="joseph")
        entered(shop, "599 UGX")
        with pytest.raises(ObjectionsStand, match="has 599 UGX, the payroll needs 600 UGX"):
            shop.paymaster.approve(payroll, by="joseph")
        assert [one.objection.code for one in shop.paymaster.objections(payroll).objections] == ["insufficient_balance"]
        # Money came: what was said of the balance is not said any more, without another check.
        entered(shop, "600 UGX")
        shop.paymaster.approve(payroll, by="joseph")
        assert shop.paymaster.objections(payroll).objections == []
        # And what it needs is reserved for it.
        with pytest.raises(ObjectionsStand, match="600 UGX are reserved"):
            shop.paymaster.approve(unchecked, by="joseph")
        shop.paymaster.release_objections(unchecked, by="grace", reason="the ministry pays in tonight")
        shop.paymaster.approve(unchecked, by="joseph", despite="confirmed by the ministry")
    assert shop.paymaster.verify().ok


def test_what_was_sent_since_a_balance_was_seen_is_gone(open_shop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(balance_ttl=48)
    has(shop, monkeypatch, None)
    entered(shop, "1000 UGX")
    first = proposed(shop, "first", 600)
    shop.paymaster.check(first)
    shop.paymaster.approve(first, by="joseph")
    shop.run(wait=0)
    assert shop.state(first) == "paid"
    assert codes(shop, proposed(shop, "second", 600)) == ["insufficient_balance"]


def test_two_people_let_it_go_although_it_is_short(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    has(shop, monkeypatch, 10_000)
    payroll = proposed(shop, "november", 600)
    shop.paymaster.approve(payroll, by="joseph")
    has(shop, monkeypatch, 10)
    assert "november" in shop.run(wait=0).skipped
    assert not shop.paymaster.release_balance(payroll, by="grace", reason="the bank lends us the day")
    with pytest.raises(MakerIsChecker):
        shop.paymaster.release_balance(payroll, by="grace", reason="again")
    assert shop.paymaster.events(payroll)[-1].kind == "refused_to"
    assert shop.state(payroll) == "ready"
    assert shop.paymaster.release_balance(payroll, by="joseph", reason="confirmed by the bank")
    shop.run(wait=0)
    assert shop.state(payroll) == "paid" and shop.paymaster.verify().ok


def test_objections_about_it_that_two_people_released_hold_at_sending(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(shop, monkeypatch, 10)
    payroll = proposed(shop, "november", 600)
    assert codes(shop, payroll) == ["insufficient_balance"]
    shop.paymaster.release_objections(payroll, by="grace", reason="funds come tonight")
    shop.paymaster.approve(payroll, by="joseph", despite="funds come tonight")
    shop.run(wait=0)
    assert shop.state(payroll) == "paid"


@pytest.mark.parametrize("amount", ["", "1000", "UGX", "1,000 UGX", "1.5 UGX"])
def test_an_amount_has_its_currency(amount: str, shop: Shop) -> None:
    with pytest.raises(WrongState, match="no amount"):
        shop.paymaster.enter_balance("dummy", amount, by="amina", reason=SEEN)
