"""The process is really killed at every point of a file's way; the next one goes on, and no second file is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.engine.batch import answers
from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import KILLED, Lives

from .bank import Bank
from .conftest import SETTLED

if TYPE_CHECKING:
    from tests.conftest import Shop

Configured = Callable[..., dict[str, Any]]
COUNT = 25
# Where a sender can die on the way to the bank, and at which visit.
WAY = [
    ("batch-planned", 1), ("batch-planned", 3), ("batch-intents", 1), ("batch-intents", 2), ("batch-staged", 1),
    ("batch-staged", 2), ("batch-put-intent", 1), ("batch-put-intent", 3), ("batch-put", 1), ("batch-put", 2),
    ("batch-after-put", 1), ("batch-after-put", 3), ("batch-told", 1), ("batch-told", 2),
]  # fmt: skip
# Where the bank may have collected the file before the next start.
PUT = [(*at, True) for at in WAY if at[0] in ("batch-after-put", "batch-told")]
# Where it can die on the way back.
BACK = [
    ("batch-answer-stored", 1), ("batch-answer-page", 1), ("batch-answer-page", 2), ("batch-answer-page", 3),
    ("batch-answer-applied", 1),
]  # fmt: skip
# Lines of an answer that is applied in three pages.
PAGES = 2 * answers.PAGE + 1
# Nobody knows whether the put began: people ask the bank.
IN_DOUBT = {"batch-put-intent", "batch-put"}


@pytest.fixture
def lives(installed: Path) -> Iterator[Lives]:
    with Lives() as lives:
        yield lives


def approved(config: dict[str, Any], invoices: Any) -> str:
    with Paymaster.open(config, create=True) as paymaster:
        payroll = paymaster.propose("payroll", invoices, channel="bank", by="amina")
        paymaster.approve(payroll, by="joseph")
    return payroll


def bank_of(config: dict[str, Any]) -> Bank:
    return Bank(Path(config["channels"]["bank"]["outbox"]).parent)


def known(config: dict[str, Any], payroll: str, lives: Lives) -> list[str]:
    """Lives until the fate of every file is known, or people have it. Returns the files' states."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        lives.live(config, payroll, wait=0.6)
        with Paymaster.open(config) as paymaster:
            states = [document.state for document in paymaster.documents()]
        if set(states) <= SETTLED:
            return states
    raise AssertionError(states)


def released(config: dict[str, Any], bank: Bank) -> None:
    """People ask the bank about each file that is held, and say what it says."""
    with Paymaster.open(config) as paymaster:
        for document in paymaster.documents():
            if document.state == "held":
                to = "handed_over" if document.name in bank.taken else "ready"
                for by in ("amina", "joseph"):
                    paymaster.release(document.id, to, by=by, reason="asked the bank")


def all_paid_once(config: dict[str, Any], bank: Bank, files: int) -> None:
    """Everybody was paid exactly once, in so many files, and the journal is whole."""
    assert dict(bank.times()) == {f"w-{n:04d}": 1 for n in range(COUNT)}
    assert len(bank.taken) == files
    with Paymaster.open(config) as paymaster:
        assert {view.state for view in paymaster.payments()} == {"paid"}
        assert paymaster.cases() == []
        found = paymaster.verify()
        assert found.ok, found.findings


@pytest.mark.few(2)
@pytest.mark.parametrize(("point", "visit", "collected"), [*((*at, False) for at in WAY), *PUT])
def test_killed_on_the_way_to_the_bank(
    configured: Configured, lives: Lives, point: str, visit: int, collected: bool, shop: Shop
) -> None:
    config = configured("killed")
    bank = bank_of(config)
    payroll = approved(config, shop.invoices(COUNT))
    assert lives.live(config, payroll, kill_at=(point, visit), wait=2.0) == KILLED
    if collected:
        bank.collect()
    held = known(config, payroll, lives).count("held")
    bank.collect()
    assert held == (point in IN_DOUBT or (collected and point == "batch-after-put"))
    released(config, bank)
    known(config, payroll, lives)
    bank.collect()
    bank.book(bank.everything())
    assert lives.live(config, payroll, wait=5.0) == 0
    all_paid_once(config, bank, files=3)


@pytest.mark.parametrize("visit", [1, 2])
@pytest.mark.parametrize("point", ["batch-probe", "batch-after-probe"])
@pytest.mark.few(1)
def test_killed_while_asking_whether_it_is_there(
    configured: Configured, lives: Lives, point: str, visit: int, shop: Shop
) -> None:
    """Killed at the put, and killed again over the question that clears it: the next one asks anew."""
    config = configured("killed")
    bank = bank_of(config)
    payroll = approved(config, shop.invoices(COUNT))
    for at in (("batch-put", 2), (point, visit)):
        assert lives.live(config, payroll, kill_at=at, wait=60.0) == KILLED
    assert known(config, payroll, lives).count("held") == 1
    bank.collect()
    released(config, bank)
    known(config, payroll, lives)
    bank.collect()
    bank.book(bank.everything())
    assert lives.live(config, payroll, wait=5.0) == 0
    all_paid_once(config, bank, files=3)


@pytest.mark.few(2)
@pytest.mark.parametrize(("point", "visit"), BACK)
def test_killed_on_the_way_back(configured: Configured, lives: Lives, point: str, visit: int, shop: Shop) -> None:
    config = configured("killed", lines=PAGES)
    bank = bank_of(config)
    payroll = approved(config, shop.invoices(PAGES))
    lives.live(config, payroll, wait=0.2)
    bank.collect()
    answer = bank.book(bank.everything())
    assert lives.live(config, payroll, kill_at=(point, visit), wait=2.0) == KILLED
    assert answer.exists(), "it is put away only after all of it was applied"
    assert lives.live(config, payroll, wait=5.0) == 0
    assert not answer.exists()
    with Paymaster.open(config) as paymaster:
        assert {view.state for view in paymaster.all_payments()} == {"paid"}
        (view,) = paymaster.answers()
        assert (view.lines, view.applied, view.known) == (PAGES, PAGES, 0)
        found = paymaster.verify()
        assert found.ok, found.findings
    assert set(bank.times().values()) == {1}
