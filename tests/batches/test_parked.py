"""Files in two steps: the bank parks a file, and carries it out when it is told; each step has an intent of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract.transports import Handed
from gateway_core.engine.decide import COPIES
from gateway_core.store import documents, journal
from gateway_core.testing.kill import KILLED, Lives

from .parking import Parking, ParkingBank
from .test_crashes import all_paid_once, approved, bank_of, known

if TYPE_CHECKING:
    from tests.conftest import Shop

    from .conftest import Branch

COUNT = 25


@pytest.fixture
def branch(open_branch: Callable[..., Branch]) -> Branch:
    return open_branch(gateway=ParkingBank)


def way(branch: Branch) -> Parking:
    assert isinstance(branch.gateway, ParkingBank)
    return branch.gateway.way


def name(branch: Branch) -> str:
    (document,) = branch.shop.paymaster.documents()
    return document.name


def reason(branch: Branch) -> str:
    (document,) = branch.shop.paymaster.documents()
    return document.reason


def test_law_1_an_intent_of_its_own_is_on_disk_before_the_bank_is_told(branch: Branch, tmp_path: Path) -> None:
    """By then the bank's reference is journaled, so that never another file than this one is approved."""
    seen = []

    def look() -> None:
        (document,) = branch.shop.paymaster.documents()
        with branch.shop.paymaster._store.read() as connection:
            _, life = documents.look(connection, document.id)
            (fact,) = [one for one in journal.facts_of_payroll(connection, document.id) if one.kind == "approve"]
        assert (life.approved, life.approvals) == (fact.value, 1) == (f"B-{document.name}", 1)
        assert fact.body["sha256"] == document.sha256
        assert document.counts == {"sending": 3}, "parked, nobody was paid"
        seen.append(document.state)

    way(branch).before_approval = look
    branch.approved()
    branch.known()
    assert len(seen) == 1 and branch.documents() == ["handed_over"]
    assert set(branch.states().values()) == {"pending"}
    (document,) = branch.shop.paymaster.documents()
    assert document.reference == f"B-{document.name}"
    branch.whole()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (["unsent", "unsent"], 3),
        (["429"], 2),
        (["lost"], 1),
        (["silence"], 2),
        (["raises"], 2),
        (["202"], 2),
        (["silence", "422"], 3),
    ],
    ids=str,
)
def test_an_approval_has_three_outcomes(branch: Branch, script: list[str], told: int) -> None:
    """Not told, it is told again. In doubt it is asked for: carried out, or still parked and told again.

    A refusal after a doubt proves nothing: the first telling may have counted.
    """
    way(branch).script = script
    branch.approved()
    branch.known()
    assert branch.documents() == ["handed_over"]
    assert len(way(branch).told) == told and len(set(way(branch).told)) == 1
    branch.bank.collect()
    branch.bank.book(branch.bank.everything())
    branch.run(wait=5.0)
    assert set(branch.states().values()) == {"paid"} and set(branch.bank.times().values()) == {1}
    branch.whole()


def test_what_is_refused_to_be_carried_out_is_held_and_nobody_is_called_refused(branch: Branch) -> None:
    way(branch).script = ["422"]
    branch.approved()
    branch.known()
    assert branch.documents() == ["held"] and set(branch.states().values()) == {"unknown"}
    assert "will not carry it out: no_cover" in reason(branch)
    branch.shop.release(name(branch), "pending")
    branch.known()
    assert branch.documents() == ["handed_over"]
    branch.whole()


def test_wrong_credentials_stop_the_channel_and_the_file_stays_parked(branch: Branch) -> None:
    way(branch).script = ["401"]
    branch.approved()
    report = next(report for _ in range(60) if (report := branch.run(wait=1.0)).stopped_channels)
    assert report.stopped_channels and branch.documents() == ["pending"]
    branch.shop.paymaster.lift_stop("dummy", by="joseph")
    branch.known()
    assert branch.documents() == ["handed_over"]
    branch.whole()


def test_a_bank_that_parks_it_for_ever_is_told_so_often_and_no_more(branch: Branch) -> None:
    way(branch).script = ["silence"] * 50
    branch.approved()
    branch.known()
    assert len(way(branch).told) == COPIES
    assert branch.documents() == ["held"] and "still parks it" in reason(branch)
    branch.whole()


def test_another_reference_than_the_one_that_was_approved_is_never_approved(branch: Branch) -> None:
    """The bank has two files of ours: which of them it carries out, nobody knows."""
    way(branch).script = ["silence"]
    way(branch).before_approval = lambda: setattr(way(branch), "reference", "C-{}".format)
    branch.approved()
    branch.known()
    assert way(branch).told == [f"B-{name(branch)}"]
    assert branch.documents() == ["held"] and "was told to carry out B-" in reason(branch)
    branch.whole()


def test_one_that_was_approved_and_is_not_known_any_more_is_never_put_again(branch: Branch) -> None:
    way(branch).script = ["lost"]
    parked = way(branch).outbox

    def lose() -> None:
        for path in parked.glob("*.csv"):
            path.unlink()

    way(branch).before_approval = lose
    branch.approved()
    branch.known()
    assert branch.documents() == ["held"]
    assert len(way(branch).told) == 1 and list(parked.glob("*.csv")) == []
    branch.whole()
    # Two people know that the bank has none of it: it is a new file to the bank, and approved as such.
    way(branch).before_approval = lambda: None
    for mark in parked.glob(".*.approved"):
        mark.unlink()
    branch.bank.lose()
    branch.shop.release(name(branch), "ready")
    branch.known()
    assert branch.documents() == ["handed_over"] and len(way(branch).told) == 2


def test_what_was_withdrawn_while_it_was_parked_is_not_approved(branch: Branch) -> None:
    """A paused payroll keeps it parked. Nothing of it is planned into another file: the bank has it."""
    payroll = branch.approved()
    way(branch).script = ["unsent"]
    way(branch).before_approval = lambda: branch.shop.paymaster.pause(payroll, by="amina", reason="a doubt")
    for _ in range(60):
        branch.run(wait=1.0)
        if way(branch).told:
            break
    branch.run(wait=1.0)
    assert branch.documents() == ["pending"] and len(way(branch).told) == 1
    branch.whole()


def test_files_with_open_lines_are_told_to_the_way_before_it_lists(branch: Branch) -> None:
    branch.approved()
    branch.known()
    (document,) = branch.shop.paymaster.documents()
    branch.run(wait=0.5, later=600)
    assert way(branch).watched == [Handed(document.name, document.id, document.reference)]
    branch.bank.collect()
    branch.bank.book(branch.bank.everything())
    branch.run(wait=5.0, later=600)
    branch.run(later=1200)
    assert way(branch).watched == [], "everything of it is settled"


# -- killed -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def lives(installed: Path) -> Iterator[Lives]:
    with Lives() as lives:
        yield lives


@pytest.mark.parametrize("point", [
    "batch-after-put", "batch-probe", "batch-after-probe", "batch-approve-intent", "batch-approve",
    "batch-after-approve",
])  # fmt: skip
@pytest.mark.few(2)
def test_killed_around_the_approval_everybody_is_paid_once_and_no_person_is_needed(
    configured: Callable[..., dict[str, Any]], lives: Lives, point: str, shop: Shop
) -> None:
    """Whatever is lost, the bank knows whether it parks the file: asked, it is told, or was told already."""
    config = configured("killed")
    config["channels"]["bank"]["gateway"] = "parking_bank"
    bank = bank_of(config)
    payroll = approved(config, shop.invoices(COUNT))
    assert lives.live(config, payroll, kill_at=(point, 2), wait=10.0) == KILLED
    assert set(known(config, payroll, lives)) == {"handed_over"}
    bank.collect()
    bank.book(bank.everything())
    assert lives.live(config, payroll, wait=5.0) == 0
    all_paid_once(config, bank, files=3)


def test_in_a_restored_store_people_decide_before_what_is_parked_is_approved(branch: Branch, tmp_path: Path) -> None:
    """The lost part of the journal may have replaced it by another file."""
    way(branch).script = ["silence"] * 2
    branch.approved()
    branch.run(wait=0.0)
    (document,) = branch.shop.paymaster.documents()
    documents.restored(branch.shop.paymaster._store, "amina", "joseph")
    told = len(way(branch).told)
    branch.known()
    assert branch.documents() == ["held"] and "the store was restored" in reason(branch)
    assert len(way(branch).told) == told
    branch.shop.release(document.id, "pending")
    branch.known()
    assert branch.documents() == ["handed_over"]
    branch.whole()
