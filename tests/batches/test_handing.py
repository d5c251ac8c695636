"""A file is fixed before it is put, put once, and never again while its fate is unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from gateway_core.model.document import fold
from gateway_core.model.errors import WrongState
from gateway_core.store import documents
from tests import stores

from .shaky import Shaky, ShakyBank

if TYPE_CHECKING:
    from .conftest import Branch


@pytest.fixture
def shaky(open_branch: Callable[..., Branch]) -> Branch:
    return open_branch(gateway=ShakyBank)


def way(branch: Branch) -> Shaky:
    assert isinstance(branch.gateway, ShakyBank)
    return branch.gateway.way


def released(branch: Branch, to: str) -> None:
    """Two people decide about the only document."""
    (document,) = branch.shop.paymaster.documents()
    branch.shop.release(document.id, to)


def alter(store: Path, sha256: str) -> None:
    """Somebody pays another account: in the file beside the store, or in the store itself."""
    file = Path(f"{store}.files") / sha256
    if file.exists():
        file.write_bytes(file.read_bytes().replace(b"w-0000", b"w-9999"))
        return
    ((body,),) = stores.rows(store, "SELECT body FROM file_chunks WHERE file = ?", [sha256])
    changed = bytes(body).replace(b"w-0000", b"w-9999")
    assert stores.run(store, "UPDATE file_chunks SET body = ? WHERE file = ?", [changed, sha256]) == 1


def test_law_1_file_lines_and_bytes_are_on_disk_before_the_put(shaky: Branch) -> None:
    """At the moment of the put: the intent with the digest, every line's intent, each of them committed."""
    payroll = shaky.approved(25)
    seen = []

    def look() -> None:
        (document, *_) = [d for d in shaky.shop.paymaster.documents(payroll) if d.state == "sending"]
        with shaky.shop.paymaster._store.read() as connection:
            _, life = documents.look(connection, document.id)
        money = life.put.money
        assert money is not None
        assert money.body["sha256"] == way(shaky).asked[-1].sha256
        assert document.counts == {"sending": document.lines}
        lines = [p for p in shaky.shop.paymaster.payments(payroll) if p.document == document.name]
        assert len(lines) == document.lines
        for line in lines:
            (intent,) = [e for e in shaky.shop.paymaster.events(line.id) if e.kind == "intent"]
            assert intent.details["document"] == document.id
        seen.append(document.name)

    way(shaky).before_put = look
    shaky.run()
    assert len(seen) == 3
    shaky.whole()


@pytest.mark.parametrize("left", [True, False], ids=["a trace of the last try", "no trace"])
def test_law_2_what_proves_that_the_last_copy_never_left_says_nothing_of_the_first(shaky: Branch, left: bool) -> None:
    """The first put's answer was lost and the bank collected it; the second one met a full disk half way."""
    shaky.gateway.capabilities = attrs.evolve(shaky.gateway.capabilities, dedupes=True, dedupe_window=3600.0)
    shaky.speak()
    way(shaky).script = ["lost", "full"]
    way(shaky).before_put = shaky.bank.collect
    shaky.approved()
    collected = False
    for _ in range(60):
        shaky.run(wait=0.02)
        if not collected and len(way(shaky).puts) == 1:
            shaky.bank.collect()
            collected = True
        if len(way(shaky).puts) == 2 and left:
            (name,) = shaky.bank.taken
            (shaky.bank.folder / "out" / f".{name}.part").write_bytes(b"half")
        (document,) = shaky.shop.paymaster.documents()
        assert document.state != "ready", "one of its copies may be with the bank"
        if document.state == "handed_over":
            break
    with pytest.raises(WrongState):
        released(shaky, "withdrawn")
    shaky.bank.collect()
    shaky.bank.pay(shaky.bank.everything())
    assert set(shaky.bank.times().values()) == {1}
    shaky.whole()


def test_law_4_a_put_that_provably_did_not_leave_is_done_again_with_the_same_bytes(shaky: Branch) -> None:
    way(shaky).script = ["unsent", "unsent"]
    shaky.approved()
    shaky.known()
    puts = way(shaky).puts
    assert len(puts) == 3
    assert len({(put.name, put.body) for put in puts}) == 1
    assert shaky.documents() == ["handed_over"]
    assert set(shaky.states().values()) == {"pending"}
    shaky.whole()


@pytest.mark.parametrize("how", ["lost", "raises", "silence", "strange"])
def test_law_3_a_put_that_ends_in_silence_is_looked_for_before_all_else(shaky: Branch, how: str) -> None:
    way(shaky).script = [how]
    shaky.approved()
    shaky.known()
    assert len(way(shaky).puts) == 1
    assert way(shaky).asked[1].verb == "probe"
    assert shaky.documents() == ["handed_over" if how == "lost" else "held"]
    assert set(shaky.states().values()) == {"pending" if how == "lost" else "unknown"}
    shaky.whole()


def test_a_file_that_the_bank_collected_in_the_silence_is_never_put_again_by_itself(shaky: Branch) -> None:
    way(shaky).script = ["lost"]
    way(shaky).before_put = lambda: None
    shaky.approved()
    probe = Shaky.probe

    def collects(transport: Shaky, parcel: object) -> object:
        shaky.bank.collect()
        return probe(transport, parcel)  # type: ignore[arg-type]

    type(way(shaky)).probe = collects  # type: ignore[method-assign,assignment]
    try:
        shaky.known()
    finally:
        Shaky.probe = probe  # type: ignore[method-assign]
    assert shaky.documents() == ["held"]
    shaky.run(wait=0.5)
    assert len(way(shaky).puts) == 1
    shaky.bank.book(shaky.bank.everything())
    shaky.run(wait=0.3)
    assert set(shaky.states().values()) == {"paid"}, "the bank's own file says that it has it"
    assert shaky.documents() == ["handed_over"]
    shaky.whole()


def test_two_people_who_know_that_it_never_came_let_the_same_bytes_go_again(shaky: Branch) -> None:
    way(shaky).script = ["silence"]
    shaky.approved()
    shaky.known()
    released(shaky, "ready")
    shaky.run()
    first, second = way(shaky).puts
    assert (first.name, first.body) == (second.name, second.body)
    assert shaky.documents() == ["handed_over"]
    shaky.whole()


def test_a_bank_that_takes_a_repeated_file_once_gets_the_same_bytes_again_by_itself(shaky: Branch) -> None:
    shaky.gateway.capabilities = attrs.evolve(shaky.gateway.capabilities, dedupes=True, dedupe_window=3600.0)
    shaky.speak()
    way(shaky).script = ["silence"]
    shaky.approved()
    shaky.known()
    assert [asked.verb for asked in way(shaky).asked] == ["put", "probe", "probe", "put"]
    assert len({(asked.name, asked.body) for asked in way(shaky).asked}) == 1
    assert shaky.documents() == ["handed_over"]
    shaky.whole()


@pytest.mark.parametrize(
    ("to", "document", "lines"),
    [("handed_over", "handed_over", "pending"), ("refused", "refused", "refused"), ("pending", "held", "unknown")],
)
def test_two_people_decide_about_a_file(shaky: Branch, to: str, document: str, lines: str) -> None:
    way(shaky).script = ["silence"]
    shaky.approved()
    shaky.known()
    released(shaky, to)
    shaky.known()
    assert shaky.documents() == [document]
    assert set(shaky.states().values()) == {lines}
    assert len(way(shaky).puts) == 1
    shaky.whole()


def test_a_file_that_may_have_arrived_is_not_withdrawn(shaky: Branch) -> None:
    way(shaky).script = ["silence"]
    shaky.approved()
    shaky.known()
    with pytest.raises(Exception, match="only what provably never left"):
        released(shaky, "withdrawn")


def test_the_same_file_does_not_go_again_once_a_line_of_it_was_settled(shaky: Branch) -> None:
    """Somebody was paid by hand meanwhile, because two people called her line refused."""
    way(shaky).script = ["silence"]
    payroll = shaky.approved()
    shaky.known()
    shaky.shop.release(shaky.shop.payment(payroll), "refused")
    with pytest.raises(Exception, match="would pay them again"):
        released(shaky, "ready")
    assert len(way(shaky).puts) == 1


def test_a_bank_that_takes_a_repeated_file_once_still_does_not_get_a_settled_line_again(shaky: Branch) -> None:
    """It never got the file; a line of it was settled by people; now it is looked for again, and not found."""
    way(shaky).script = ["silence"]
    payroll = shaky.approved()
    shaky.known()
    shaky.shop.release(shaky.shop.payment(payroll), "refused")
    shaky.gateway.capabilities = attrs.evolve(shaky.gateway.capabilities, dedupes=True, dedupe_window=3600.0)
    asked = way(shaky).asked
    shaky.speak()
    released(shaky, "pending")
    shaky.known()
    assert [a.verb for a in way(shaky).asked] == ["probe", "probe"], "it was asked for and not put"
    assert len([a for a in asked if a.verb == "put"]) == 1
    (document,) = shaky.shop.paymaster.documents()
    assert document.state == "held"
    assert "would pay them again" in document.reason
    shaky.whole()


def test_the_next_file_waits_until_the_fate_of_the_one_before_is_known(shaky: Branch) -> None:
    way(shaky).script = ["silence"]
    shaky.gateway.capabilities = attrs.evolve(shaky.gateway.capabilities, settle=3600.0)
    shaky.speak()
    way(shaky).script = ["silence"]
    shaky.approved(25)
    shaky.run(wait=0.5)
    assert shaky.documents() == ["unknown"]
    assert sorted(set(shaky.states().values())) == ["ready", "sending"]


def test_a_file_that_the_bank_refuses_as_a_whole_is_retried_as_another_with_other_keys(shaky: Branch) -> None:
    way(shaky).script = ["refused"]
    payroll = shaky.approved()
    shaky.run()
    assert shaky.documents() == ["refused"]
    assert set(shaky.states().values()) == {"refused"}
    for payment in shaky.shop.paymaster.payments(payroll):
        shaky.shop.paymaster.retry(payment.id, by="amina", reason="the bank mended its reader")
    shaky.run()
    first, second = way(shaky).puts
    assert first.name != second.name
    keys = [{line.split(b",")[1] for line in put.body.splitlines() if line.startswith(b"L")} for put in (first, second)]
    assert len(keys[0]) == len(keys[1]) == 3
    assert not keys[0] & keys[1]
    assert set(shaky.states().values()) == {"pending"}
    shaky.whole()


def test_a_word_about_the_file_before_says_nothing_of_the_next(shaky: Branch) -> None:
    payroll = shaky.approved(1)
    shaky.run()
    shaky.bank.collect()
    orders = shaky.bank.everything()
    shaky.bank.book(orders, "rejected")
    shaky.run()
    shaky.shop.paymaster.retry(shaky.shop.payment(payroll), by="amina", reason="account opened")
    way(shaky).script = ["silence"]
    shaky.known()
    assert shaky.documents() == ["handed_over", "held"]
    shaky.bank.book(orders, "accepted")
    shaky.run()
    assert shaky.documents() == ["handed_over", "held"], "that the bank has the first file proves nothing of the second"
    shaky.whole()


def test_bytes_that_were_altered_on_disk_never_leave(shaky: Branch) -> None:
    way(shaky).script = ["unsent"]
    shaky.approved()
    shaky.run()
    (document,) = shaky.shop.paymaster.documents()
    alter(Path(shaky.shop.store), document.sha256)
    shaky.known()
    assert len(way(shaky).puts) == 1, "only the one that provably did not leave"
    assert shaky.documents() == ["held"]
    assert [case.kind for case in shaky.shop.paymaster.cases()] == ["altered_document"]
    assert any("digest" in finding for finding in shaky.shop.paymaster.verify().findings)


def test_another_file_under_its_name_is_for_people(shaky: Branch) -> None:
    shaky.approved()
    shaky.gateway.capabilities = attrs.evolve(shaky.gateway.capabilities, settle=0.05)

    def squat() -> None:
        (shaky.bank.folder / "out" / way(shaky).asked[-1].name).write_text("somebody else's")

    way(shaky).before_put = squat
    shaky.known()
    assert shaky.documents() == ["held"]
    assert (shaky.bank.folder / "out" / way(shaky).asked[-1].name).read_text() == "somebody else's"
    shaky.whole()


def test_the_facts_of_a_document_alone_say_how_it_is(shaky: Branch) -> None:
    """Law 7 of files: folded again, step by step, every state on the way is one of the table's."""
    way(shaky).script = ["silence"]
    shaky.approved()
    shaky.known()
    released(shaky, "handed_over")
    with shaky.shop.paymaster._store.read() as connection:
        from gateway_core.store import journal

        (document,) = shaky.shop.paymaster.documents()
        facts = journal.facts_of_payroll(connection, document.id)
    states = [fold(facts[:number]).state for number in range(1, len(facts) + 1)]
    assert states[:3] == ["planned", "ready", "sending"]
    assert states[-2:] == ["held", "handed_over"]
