"""Laws 5 and 6: only what was approved is paid, and the maker is never the checker."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.lifecycle import approval
from gateway_core.lifecycle.signatures import sign
from gateway_core.model.accounts import Account
from gateway_core.model.errors import Altered, MakerIsChecker, NotPermitted, ObjectionsStand, WrongState
from gateway_core.model.facts import Fact
from gateway_core.model.money import Money
from gateway_core.model.payment import Payment
from gateway_core.store import tables

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

PAYMENT = Payment(
    id="p", number=1, invoice="i", entitlement="e", beneficiary="b", name="n", account=Account("wallet", "w-1"),
    amount=Money(500, "UGX"), programme="pr", cycle="c", instalment="in", reference="r", channel="ch", extra={"x": "1"},
)  # fmt: skip
MUTATIONS: dict[str, list[Any]] = {
    "number": [2],
    "account": [Account("wallet", "w-2"), Account("msisdn", "w-1")],
    "amount": [Money(501, "UGX"), Money(500, "KES")],
    "extra": [{}, {"x": "2"}, {"x": "1", "y": ""}],
}


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Payment)])
def test_law_5_every_attribute_of_a_payment_is_under_the_digest(field: str) -> None:
    for changed in MUTATIONS.get(field) or [getattr(PAYMENT, field) + "x", ""]:
        assert attrs.evolve(PAYMENT, **{field: changed}).leaf() != PAYMENT.leaf()


def test_law_5_a_value_that_moves_to_the_next_field_changes_the_digest() -> None:
    moved = attrs.evolve(PAYMENT, programme="prc", cycle="")
    assert attrs.evolve(PAYMENT, programme="pr", cycle="c").leaf() != moved.leaf()


READ_BY_GATEWAYS = {
    "account": "w-thief", "amount": 9_999_999, "currency": "KES", "name": "Thief", "account_type": "msisdn",
    "beneficiary": "thief", "reference": "thanks", "extra": '{"note": "thief"}', "entitlement": "other",
    "programme": "other", "cycle": "other", "instalment": "2", "invoice": "other", "number": 7,
    # A blank more names the same column: what is not even of its type is no error, but altered.
    "amount ": "x", "extra ": "not JSON", "extra  ": "[]",
}  # fmt: skip


NO_NUMBER = pytest.param("amount ", marks=pytest.mark.sqlite("PostgreSQL keeps a column's type"))


@pytest.mark.parametrize("column", [NO_NUMBER if name == "amount " else name for name in READ_BY_GATEWAYS])
def test_law_5_a_line_altered_after_approval_is_held_and_not_sent(column: str, shop: Shop, dummy: Dummy) -> None:
    payroll = shop.approved(shop.invoices(3))
    victim = shop.payment(payroll)
    shop.change_store(f"UPDATE payments SET {column} = ? WHERE id = ?", READ_BY_GATEWAYS[column], victim)
    shop.run(payroll)
    (held,) = shop.paymaster.holds(payroll)
    assert (held.payment, held.reason) == (victim, "the line differs from what was approved")
    assert victim not in dummy.moved()
    assert sorted(shop.states(payroll).values()) == ["held", "paid", "paid"]


@pytest.mark.parametrize("to", ["ready", "pending"])
def test_law_5_people_cannot_release_an_altered_line_to_be_sent(to: str, shop: Shop, dummy: Dummy) -> None:
    payroll = shop.approved(shop.invoices(1))
    shop.change_store("UPDATE payments SET account = 'w-thief'")
    shop.run(payroll)
    shop.release(shop.payment(payroll), to)
    shop.run(payroll)
    assert shop.state(payroll) == "held"
    assert shop.payment(payroll) not in dummy.moved()


def paused(shop: Shop, payroll: str, dummy: Dummy, why: str) -> None:
    """The run skips the payroll with the reason; nothing moved; a new approval by its maker is refused."""
    report = shop.run(payroll)
    assert list(report.skipped) == ["payroll"]
    assert why in report.skipped["payroll"]
    assert set(shop.states(payroll).values()) == {"ready"}
    assert not set(dummy.moved()) & {view.id for view in shop.paymaster.payments(payroll)}
    with pytest.raises(WrongState, match="a checker approves"):
        shop.paymaster.resume(payroll, by="joseph")
    with pytest.raises(MakerIsChecker):
        shop.paymaster.approve(payroll, by="amina")


def test_law_5_altering_the_approved_leaf_too_pauses_the_payroll(shop: Shop, dummy: Dummy) -> None:
    payroll = shop.approved(shop.invoices(2))
    payment = shop.payment(payroll)
    line = attrs.evolve(_stored(shop, payment), account=Account("wallet", "w-thief"))
    shop.change_store("UPDATE payments SET account = 'w-thief', leaf = ? WHERE id = ?", line.leaf(), payment)
    paused(shop, payroll, dummy, "its lines differ from what was approved")
    with pytest.raises(Altered):
        shop.paymaster.approve(payroll, by="joseph")


def _stored(shop: Shop, payment: str) -> Payment:
    from gateway_core.store import payments

    with shop.paymaster._store.read() as connection:
        line = payments.get(connection, payment)
    assert line is not None
    return line.payment


def test_law_5_a_line_smuggled_in_pauses_the_payroll(shop: Shop, dummy: Dummy) -> None:
    payroll = shop.approved(shop.invoices(2))
    new = {"id": "'smuggled'", "line": "line + 10", "entitlement": "'other'", "account": "'w-thief'"}
    values = ", ".join(new.get(column.name, f'"{column.name}"') for column in tables.payments.c)
    shop.change_store(f"INSERT INTO payments SELECT {values} FROM payments LIMIT 1")
    paused(shop, payroll, dummy, "its lines differ from what was approved")


@pytest.mark.parametrize("change", [{"institution_account": "another"}, {"base_url": "http://127.0.0.1:9"}])
def test_law_5_a_changed_channel_pauses_until_a_checker_approves_again(
    change: dict[str, str], shop: Shop, dummy: Dummy
) -> None:
    payroll = shop.approved(shop.invoices(2))
    honest = shop.config["channels"]["dummy"]
    shop.reopen(channels={"dummy": honest | change})
    paused(shop, payroll, dummy, "configured otherwise")
    if "base_url" not in change:
        shop.paymaster.approve(payroll, by="joseph")
    else:
        shop.reopen(channels={"dummy": honest})
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}


def test_law_5_an_approval_that_expired_pauses_until_a_checker_approves_the_rest(shop: Shop, dummy: Dummy) -> None:
    shop.reopen(approval_ttl=1)
    payroll = shop.approved(shop.invoices(2))
    assert shop.select("SELECT approval_ends > approved_at FROM payrolls") == [(1,)]
    shop.change_store("UPDATE payrolls SET approval_ends = 1")
    paused(shop, payroll, dummy, "expired")
    shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}


def test_law_5_an_amendment_cancels_the_line_and_frees_its_invoice(shop: Shop, dummy: Dummy) -> None:
    payroll = shop.approved(shop.invoices(2))
    assert shop.paymaster.cancel(payroll, by="amina", reason="wrong amount", only=["inv-1"]) == 1
    shop.run(payroll)
    assert shop.states(payroll) == {"inv-0": "paid", "inv-1": "cancelled"}
    again = shop.paid([shop.invoice(1, "w-0001", 40_000)], "amended")
    assert shop.states(again) == {"inv-1": "paid"}
    assert sorted(dummy.moved()[view.id] for view in shop.paymaster.payments() if view.state == "paid") == [1, 1]


# -- law 6 ------------------------------------------------------------------------------------------------------------

AMINAS = ["amina", "Amina", "  AMINA ", "ａｍｉｎａ", "\tamina\u00a0"]


@pytest.mark.parametrize("checker", AMINAS)
def test_law_6_nobody_approves_her_own_payroll(shop: Shop, checker: str) -> None:
    payroll = shop.proposed(shop.invoices(1))
    with pytest.raises(MakerIsChecker):
        shop.paymaster.approve(payroll, by=checker)
    shop.run(payroll)
    assert shop.states(payroll) == {"inv-0": "planned"}


def test_law_6_nobody_closes_what_she_reconciled(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1))
    shop.paymaster.reconcile(payroll, by="amina")
    for checker in AMINAS:
        with pytest.raises(MakerIsChecker):
            shop.paymaster.close(payroll, by=checker)
        with pytest.raises(MakerIsChecker):
            shop.paymaster.reject_close(payroll, by=checker, reason="mine")


def test_law_6_nobody_releases_alone(open_shop: Callable[..., Shop], quick: Any) -> None:
    shop = open_shop(channel=quick)
    payroll = shop.paid([shop.invoice(1, "fault-pending-for-ever")])
    payment = shop.payment(payroll)
    assert shop.paymaster.release(payment, "paid", by="amina", reason="seen") is False
    for checker in AMINAS:
        with pytest.raises(MakerIsChecker):
            shop.paymaster.release(payment, "paid", by=checker, reason="seen again")
    assert shop.paymaster.release(payment, "refused", by="joseph", reason="not so") is False, (
        "another word is a new one"
    )
    assert shop.state(payroll) == "held"
    assert shop.paymaster.release(payment, "refused", by="amina", reason="agreed") is True


def test_law_6_a_restored_store_needs_two_people(shop: Shop) -> None:
    with pytest.raises(MakerIsChecker):
        shop.paymaster.restored(by="amina", second="Amina ")


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "a\nb", "joseph\u200b", "x" * 200])
def test_law_6_who_cannot_be_told_apart_may_do_nothing(shop: Shop, name: str) -> None:
    payroll = shop.proposed(shop.invoices(1))
    with pytest.raises(ValueError, match="name"):
        shop.paymaster.approve(payroll, by=name)


@pytest.fixture
def keys() -> dict[str, Ed25519PrivateKey]:
    return {name: Ed25519PrivateKey.from_private_bytes(name[0].encode() * 32) for name in ("joseph", "grace", "amina")}


@pytest.fixture
def signing(open_shop: Callable[..., Shop], keys: dict[str, Ed25519PrivateKey], quick: Any) -> Shop:
    """A shop whose configuration lists approvers."""
    public = {name: b64encode(key.public_key().public_bytes_raw()).decode() for name, key in keys.items()}
    return open_shop(channel=quick, approvers=public)


def test_law_6_an_approval_needs_the_approver_s_own_signature(
    signing: Shop, keys: dict[str, Ed25519PrivateKey]
) -> None:
    paymaster = signing.paymaster
    payroll, other = signing.proposed(signing.invoices(1)), signing.proposed([signing.invoice(9, "w-9")], "other")
    message = paymaster.approval_message(payroll)
    bad = {
        "none": "", "another's": sign(keys["grace"], message), "no base64": "?", "too short": "AAAA",
        "of another payroll": sign(keys["joseph"], paymaster.approval_message(other)),
        "of a release": sign(keys["joseph"], paymaster.release_message(signing.payment(payroll), "paid")),
    }  # fmt: skip
    for why, signature in bad.items():
        with pytest.raises(NotPermitted):
            paymaster.approve(payroll, by="joseph", signature=signature)
        assert signing.states(payroll) == {"inv-0": "planned"}, why
    with pytest.raises(NotPermitted):
        paymaster.approve(payroll, by="stranger", signature=sign(keys["joseph"], message))
    with pytest.raises(MakerIsChecker):
        paymaster.approve(payroll, by="amina", signature=sign(keys["amina"], message))
    paymaster.approve(payroll, by="joseph", signature=sign(keys["joseph"], message))
    signing.run(payroll)
    assert signing.states(payroll) == {"inv-0": "paid"}


def test_law_6_a_release_needs_two_signatures(signing: Shop, keys: dict[str, Ed25519PrivateKey]) -> None:
    paymaster = signing.paymaster
    payroll = signing.proposed([signing.invoice(1, "fault-pending-for-ever")])
    paymaster.approve(payroll, by="joseph", signature=sign(keys["joseph"], paymaster.approval_message(payroll)))
    signing.run(payroll)
    payment = signing.payment(payroll)
    message = paymaster.release_message(payment, "refused")
    for signature in (
        "",
        sign(keys["grace"], message),
        sign(keys["amina"], paymaster.release_message(payment, "paid")),
    ):
        with pytest.raises(NotPermitted):
            paymaster.release(payment, "refused", by="amina", reason="seen", signature=signature)
    assert not paymaster.release(payment, "refused", by="amina", reason="s", signature=sign(keys["amina"], message))
    with pytest.raises(NotPermitted):
        paymaster.release(payment, "refused", by="grace", reason="seen")
    assert paymaster.release(payment, "refused", by="grace", reason="s", signature=sign(keys["grace"], message))


@pytest.mark.parametrize("given", ["before there were approvers", "by an approver of another configuration"])
def test_law_6_nothing_is_sent_that_no_approver_signed(
    given: str, shop: Shop, keys: dict[str, Ed25519PrivateKey]
) -> None:
    """Whoever may open the store may do so with a configuration of his own."""
    public = {name: b64encode(key.public_key().public_bytes_raw()).decode() for name, key in keys.items()}
    payroll = shop.proposed(shop.invoices(1))
    signature = ""
    if given != "before there were approvers":
        shop.reopen(approvers={"joseph": public["grace"]})
        signature = sign(keys["grace"], shop.paymaster.approval_message(payroll))
    shop.paymaster.approve(payroll, by="joseph", signature=signature)
    paymaster = shop.reopen(approvers=public)
    assert "signature" in shop.run(payroll, wait=0).skipped["payroll"]
    assert shop.states(payroll) == {"inv-0": "ready"}
    paymaster.approve(payroll, by="joseph", signature=sign(keys["joseph"], paymaster.approval_message(payroll)))
    shop.run(payroll)
    assert shop.states(payroll) == {"inv-0": "paid"}


def test_law_6_who_agreed_and_of_whom_nothing_is_on_record_has_signed_nothing(
    keys: dict[str, Ed25519PrivateKey],
) -> None:
    """Every level of the last round must be signed, not only those that can be found."""
    public = {name: b64encode(key.public_key().public_bytes_raw()).decode() for name, key in keys.items()}
    signed = sign(keys["joseph"], approval.message("approval", bytes(32)))
    body = {"digest": bytes(32).hex(), "signature": signed, "agreed": []}
    approval._signed([], Fact(1, 0, "approved", source="joseph", body=body), public)
    with pytest.raises(NotPermitted, match="grace"):
        approval._signed([], Fact(1, 0, "approved", source="joseph", body=body | {"agreed": ["grace"]}), public)


def test_law_6_a_file_releases_nothing_without_an_approver_s_signature(
    signing: Shop, keys: dict[str, Ed25519PrivateKey], tmp_path: Path
) -> None:
    """What people hold is settled by a file that a second person confirms: that is a release, too."""
    paymaster = signing.paymaster
    payroll = signing.proposed([signing.invoice(1, "fault-pending-for-ever")])
    paymaster.approve(payroll, by="joseph", signature=sign(keys["joseph"], paymaster.approval_message(payroll)))
    signing.run(payroll)
    assert signing.states(payroll) == {"inv-1": "held"}
    payment, file = signing.payment(payroll), tmp_path / "list.csv"
    file.write_text(f"payment,paid,receipt,paid_amount,reason\n{payment},no,,,not there\n")
    given = paymaster.import_list(payroll, file, by="amina").id
    message, other = paymaster.confirm_message(given), paymaster.release_message(payment, "refused")
    for signature in ("", sign(keys["grace"], message), sign(keys["joseph"], other)):
        with pytest.raises(NotPermitted):
            paymaster.confirm_file(given, by="joseph", reason="seen", signature=signature)
        assert signing.states(payroll) == {"inv-1": "held"}
    paymaster.confirm_file(given, by="joseph", reason="seen", signature=sign(keys["joseph"], message))
    assert signing.states(payroll) == {"inv-1": "refused"}


def test_law_6_objections_need_two_people(shop: Shop, dummy: Dummy) -> None:
    """One account for two beneficiaries, the same amount and cycle."""
    lines = [shop.invoice(1, "w-same"), attrs.evolve(shop.invoice(2, "w-same"), id="inv-2")]
    payroll = shop.proposed(lines)
    with pytest.raises(ObjectionsStand):
        shop.paymaster.approve(payroll, by="joseph")
    with pytest.raises(ObjectionsStand):
        shop.paymaster.approve(payroll, by="joseph", despite="they share a phone")
    shop.paymaster.release_objections(payroll, by="joseph", reason="they share a phone")
    with pytest.raises(MakerIsChecker):
        shop.paymaster.approve(payroll, by="Joseph", despite="they share a phone")
    shop.paymaster.approve(payroll, by="grace", despite="seen it")
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}
