"""GSMA batches in two steps, through the real engine: loaded, approved, settled item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from gateway_mobile_money import GsmaBatchGateway
from gateway_mobile_money import gsma_batch_items as items
from gateway_mobile_money.gsma_batch_way import BatchWay
from gateway_mobile_money.simulators import create_app

from gateway_core.contract import Account, Incoming, LineFact, Refused, Unfit, Unknown
from gateway_core.contract.transports import Transport
from gateway_core.paymaster import Paymaster
from gateway_core.testing.behaviours import FAULTS
from gateway_core.testing.contract import BatchContract, Movement
from gateway_core.testing.kill import KILLED, Lives
from gateway_core.testing.serving import Beside

from .conftest import NUMBERS, Operator, Shop
from .openapi import DOCUMENTS, FOLDER, Exchange, Judge
from .test_contract import settings

BATCH: dict[str, Any] = {"gateway": "gsma_batch", "batches_are_held": True, "callbacks": False}
DECIDED = {"paid", "refused", "returned"}
Start = Callable[..., Operator]
Open = Callable[..., Shop]


class Teller:
    """The simulator, as the kit wants it: it answers by itself."""

    def __init__(self, folder: Path) -> None:
        self.app = create_app("gsma", str(folder / "ledger.db"))
        self._server = Beside(self.app)
        self.url, self.stop = self._server.url, self._server.stop

    def work(self) -> None:
        """It works by itself."""

    def books(self) -> Iterator[Movement]:
        ledger = self.app.state.simulator.provider.ledger
        for entry in ledger.page():
            order = entry.order
            yield Movement(order.reference, order.account, order.amount, order.currency, entry.moved)


class Small(GsmaBatchGateway):
    """As ever, with small batches, so that the kit sees several."""

    def limits(self) -> Any:
        return attrs.evolve(super().limits(), lines=10)


class TestGsmaBatch(BatchContract):
    gateway = Small
    currency = "UGX"
    settings: ClassVar = {
        **{name: value for name, value in settings("gsma").items() if name != "profile"}, "batches_are_held": True,
    }  # fmt: skip

    def bank(self, folder: Path) -> Teller:
        return Teller(folder)

    def account(self, n: int) -> Account:
        return Account("msisdn", NUMBERS["gsma"].format(n))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of twenty, and no long silences."""
    monkeypatch.setattr("gateway_mobile_money.gsma_batch.LINES", 20)
    monkeypatch.setattr("gateway_mobile_money.gsma_batch_way.TIMEOUT", 2.0)
    monkeypatch.setattr("gateway_mobile_money.gsma_batch_way.PAGE", 7)


def run_on(shop: Shop, payroll: str, rounds: int = 60) -> dict[str, str]:
    """Run until nothing is open, or so often; the states."""
    for _ in range(rounds):
        report = shop.paymaster.run(payroll, wait=1.0)
        for channel in report.stopped_channels:
            shop.paymaster.lift_stop(channel, by="joseph")
        if set(shop.states(payroll).values()) <= {*DECIDED, "held"}:
            break
    return shop.states(payroll)


def documents(shop: Shop) -> list[tuple[str, str]]:
    return [(document.state, document.reason) for document in shop.paymaster.documents()]


@pytest.mark.parametrize("links", ["relative", "absolute"])
def test_a_payroll_is_checked_loaded_approved_paid_and_closed(links: str, start: Start, open_shop: Open) -> None:
    operator = start("gsma", links=links)
    shop = open_shop(operator, **BATCH)
    payroll = shop.paymaster.propose("payroll", shop.invoices(45), channel="gsma", by="amina")
    report = shop.paymaster.check(payroll)
    assert (report.objections, report.warnings) == ([], []), report
    shop.paymaster.approve(payroll, by="joseph")
    assert set(run_on(shop, payroll).values()) == {"paid"}
    batches = operator.simulator.batches
    assert sorted(batches.approvals) == sorted(batches.known) and len(batches.known) == 3
    assert set(operator.paid_to().values()) == {1} and len(operator.paid_to()) == 45
    shop.paymaster.reconcile(payroll, by="amina")
    assert shop.paymaster.close(payroll, by="joseph").explained
    assert shop.paymaster.verify().findings == []


def test_only_where_the_operator_says_that_batches_are_held(start: Start, open_shop: Open) -> None:
    with pytest.raises(Unfit, match="batches_are_held"):
        GsmaBatchGateway(attrs.evolve(_settings(), batches_are_held=False))
    with pytest.raises(Unfit, match="no batches"):
        GsmaBatchGateway(attrs.evolve(_settings(), profile="mtn"))
    with pytest.raises(Unfit, match="callback_url"):
        GsmaBatchGateway(attrs.evolve(_settings(), callback_url="https://x", callback_secret=None))


def _settings() -> Any:
    from gateway_mobile_money import GsmaBatchSettings

    return GsmaBatchSettings(country="UG", institution_account="2999", batches_are_held=True)


def test_items_settle_one_by_one_and_what_is_missing_is_never_called_anything(start: Start, open_shop: Open) -> None:
    """Paid, refused, decided late, and one of which nothing is ever said, though the batch is approved."""
    operator = start("gsma")
    shop = open_shop(operator, **BATCH, patience=4.0)
    names = ("refused", "no-such-account", "pending-then-paid", "pending-then-refused", "pending-for-ever")
    lines = [shop.invoice(n, fault=list(FAULTS).index(name) + 1) for n, name in enumerate(names)]
    payroll = shop.approved([*lines, *(shop.invoice(n) for n in range(9, 13))])
    said = dict(zip(range(5), ["refused", "refused", "paid", "refused", "unknown"], strict=True))
    expected = {f"inv-{n}": said.get(n, "paid") for n in (*range(5), *range(9, 13))}
    for _ in range(60):
        shop.paymaster.run(payroll, wait=1.0)
        if shop.states(payroll) == expected:
            break
    assert shop.states(payroll) == expected
    (batch,) = operator.simulator.batches.known.values()
    assert batch.status == "approved", "completions and rejections are fewer than its items"
    assert shop.paymaster.verify().findings == []


def test_a_batch_that_is_called_completed_pays_nobody(start: Start, open_shop: Open) -> None:
    """The provider says `completed` of the whole, and neither completes nor rejects an item of it."""
    operator = start("gsma")
    shop = open_shop(operator, **BATCH)
    batches = operator.simulator.batches

    async def nothing(batch: Any) -> None:
        batch.status = "completed"

    batches._carry_out = nothing
    payroll = shop.approved(shop.invoices(3))
    for _ in range(4):
        shop.paymaster.run(payroll, wait=1.0)
    assert documents(shop) == [("handed_over", "")]
    assert set(shop.states(payroll).values()) == {"pending"}


@pytest.mark.parametrize("wrong", ["account", "reference"])
def test_an_item_about_somebody_else_settles_nothing(wrong: str, start: Start, open_shop: Open) -> None:
    operator = start("gsma")
    shop = open_shop(operator, **BATCH, patience=3600.0)
    batches = operator.simulator.batches
    item = batches._item

    def altered(kind: str, entry: Any) -> Any:
        said = item(kind, entry)
        if wrong == "account":
            return said | {"creditParty": [{"key": "msisdn", "value": "+256772199999"}]}
        return said | {"requestingOrganisationTransactionReference": "INV-0001"}

    batches._item = altered
    payroll = shop.approved(shop.invoices(3))
    for _ in range(60):
        shop.paymaster.run(payroll, wait=1.0)
        if any(answer.state == "applied" for answer in shop.paymaster.answers()):
            break
    (answer,) = shop.paymaster.answers()
    assert (answer.lines, answer.strays) == (3, 3), "kept for people"
    assert set(shop.states(payroll).values()) == {"pending"}
    assert list(operator.paid_to().values()) == [1, 1, 1]


def test_a_batch_without_its_title_or_with_another_is_not_approved(start: Start, open_shop: Open) -> None:
    """Nobody knows whether it is this one."""
    operator = start("gsma", titled=False)
    shop = open_shop(operator, **BATCH, ask_limit=3)
    payroll = shop.approved(shop.invoices(3))
    for _ in range(60):
        shop.paymaster.run(payroll, wait=1.0)
        if documents(shop)[0][0] == "held":
            break
    assert documents(shop)[0][0] == "held" and operator.simulator.batches.approvals == []
    assert set(operator.paid_to().values()) <= {0}


def test_where_nothing_is_held_it_is_handed_over_and_not_approved_again(start: Start, open_shop: Open) -> None:
    """The operator was wrong about the provider: what the load has set going is settled like all else."""
    operator = start("gsma", holds=False)
    shop = open_shop(operator, **BATCH)
    payroll = shop.approved(shop.invoices(3))
    assert set(run_on(shop, payroll).values()) == {"paid"}
    assert operator.simulator.batches.approvals == [] and set(operator.paid_to().values()) == {1}


def test_tokens_are_fetched_and_a_refused_one_is_renewed(start: Start, open_shop: Open) -> None:
    """The load itself meets a token that is not taken any more: renewed once, the same bytes go again."""
    operator = start("gsma")
    shop = open_shop(operator, **BATCH, token_url=operator.url + "/oauth/token")
    payroll = shop.approved(shop.invoices(25))
    doors, turned = operator.simulator.doors, list[str]()
    opens: Callable[[str], bool] = doors.open

    def strict(given: str) -> bool:
        if doors.given == 1 and not turned:
            turned.append(given)
            return False
        return opens(given)

    doors.open = strict
    assert set(run_on(shop, payroll).values()) == {"paid"}
    assert (doors.given, len(turned)) == (2, 1)
    assert {document.state for document in shop.paymaster.documents()} == {"handed_over"}
    assert set(operator.paid_to().values()) == {1}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the GSMA's documents are not beside this repository")
def test_every_exchange_is_as_the_documents_have_it(start: Start, open_shop: Open) -> None:
    seen: list[Exchange] = []
    operator = start("gsma", seen=seen)
    shop = open_shop(operator, **BATCH)
    lines = [shop.invoice(0, fault=list(FAULTS).index("refused") + 1), *(shop.invoice(n) for n in range(1, 24))]
    payroll = shop.paymaster.propose("payroll", lines, channel="gsma", by="amina")
    shop.paymaster.check(payroll)
    shop.paymaster.approve(payroll, by="joseph")
    run_on(shop, payroll)
    assert sum(exchange.path.endswith("/status") for exchange in seen) == len(lines), "each account is asked about"
    assert {exchange.method for exchange in seen} == {"POST", "PATCH", "GET"}
    assert {exchange.path.rpartition("/")[2] for exchange in seen} >= {"completions", "rejections"}
    for version in ("1.2", "1.1.2"):
        for exchange in seen:
            assert list(Judge(version).faults(exchange)) == [], (version, exchange)
    assert set(DOCUMENTS) >= {"1.2", "1.1.2"}


# -- chaos and kills ---------------------------------------------------------------------------------------------------

AWAY = {"paid": {1}, "refused": {0}, "returned": {0, 1}, "held": {0, 1}, "unknown": {0, 1}, "pending": {0, 1}}


def agrees(shop: Shop, operator: Operator, payroll: str) -> list[str]:
    """Nobody was paid twice, and no state says what the ledger does not. The states."""
    moved = operator.paid_to()
    views = list(shop.paymaster.all_payments(payroll))
    for view in views:
        number = NUMBERS["gsma"].format(int(view.invoice.removeprefix("inv-")))
        assert moved.get(number, 0) in AWAY[view.state], (view, shop.paymaster.events(view.id))
    assert max(moved.values()) == 1
    assert shop.paymaster.verify().findings == []
    return [view.state for view in views]


@pytest.mark.parametrize("dedupe", [True, False])
@pytest.mark.deep
def test_in_chaos_nobody_is_paid_twice_and_no_item_is_lost(dedupe: bool, start: Start, open_shop: Open) -> None:
    """Loads, questions and approvals go wrong, before or after they were done; items are late or never told of."""
    operator = start("gsma", chaos=5, chaos_rate=0.4, dedupe=dedupe)
    shop = open_shop(operator, **BATCH, dedupe_proven=dedupe, patience=60.0)
    payroll = shop.approved(shop.invoices(60))
    for _ in range(12):
        run_on(shop, payroll, 1)
    states = agrees(shop, operator, payroll)
    assert states.count("paid") > 30, states
    approvals = operator.simulator.batches.approvals
    assert len(set(approvals)) <= 3, "one batch for each file"


POINTS = ["batch-put", "batch-after-put", "batch-after-probe", "batch-approve-intent", "batch-approve",
          "batch-after-approve", "batch-answer-stored", "batch-answer-page"]  # fmt: skip


@pytest.mark.deep
def test_whoever_is_killed_pays_everybody_once(start: Start, open_shop: Open) -> None:
    """One life for each point at which a sender can die, over one payroll of several batches."""
    operator = start("gsma", chaos=11, chaos_rate=0.2)
    shop = open_shop(operator, **BATCH, dedupe_proven=True, patience=60.0)
    payroll = shop.approved(shop.invoices(100))
    shop.paymaster.close_store()
    killed = 0
    with Lives() as lives:
        for point in POINTS:
            killed += lives.live(shop.config, payroll, wait=5.0, kill_at=(point, 1)) == KILLED
            with Paymaster.open(shop.config) as paymaster:
                paymaster.lift_stop("gsma", by="joseph")
    assert killed >= 4
    shop.paymaster = Paymaster.open(shop.config)
    for _ in range(15):
        run_on(shop, payroll, 1)
    states = agrees(shop, operator, payroll)
    assert states.count("paid") > 60, states


def test_the_way_is_the_channels_and_its_address_is_approved() -> None:
    way: Transport = GsmaBatchGateway(attrs.evolve(_settings(), base_url="http://127.0.0.1:1/v1")).transport()
    assert isinstance(way, BatchWay) and way.address == "http://127.0.0.1:1/v1/batchtransactions"


@pytest.mark.parametrize(
    ("reason", "verdict"), [("account closed", Refused), ("duplicateRequest", Unknown), ("Duplicate item", Unknown)]
)
def test_an_item_that_is_rejected_as_a_copy_is_not_refused(reason: str, verdict: type) -> None:
    """Law 3: an earlier copy of it may have been paid."""
    number = "256770000001"
    reference = f"KEY.{items._check('KEY', number)}"
    said = {
        items.REFERENCE: reference, "creditParty": [{"key": "msisdn", "value": number}], "rejectionReason": reason,
    }  # fmt: skip
    body = b"".join(items.answer(iter([("rejections", said)])))
    (fact,) = items.outcomes(Incoming("a", "", len(body), datetime.now(UTC), lambda: BytesIO(body)))
    assert isinstance(fact, LineFact) and isinstance(fact.verdict, verdict) and fact.key == reference
