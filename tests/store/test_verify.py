"""`verify` names what was altered, removed, inserted or reordered, in plain sentences."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gateway_core.store import verifying_chains, verifying_payrolls
from gateway_core.store.findings import LISTED, Verification
from gateway_core.store.opening import close_store, restored
from gateway_core.store.verifying import verify
from tests import stores

from .building import a_payment, approve, look, new_store, open_again, propose, rewrite, sql
from .tampering import ID, TAMPERED, UNTYPED, about, payment

FOREIGN = pytest.mark.sqlite("PostgreSQL keeps a column's type")


def test_what_nobody_touched_is_whole(path: Path, heads: Path) -> None:
    seen: list[int] = []
    store = open_again(path)
    found = verify(store, heads, progress=seen.append)
    close_store(store)
    assert found.ok and not found.findings
    assert (found.sessions, found.facts, found.payrolls, found.payments) == (3, 36, 4, 9)
    assert sum(seen) == 36 + 9
    assert found.lines()[0] == "checked 36 facts in 3 sessions, 9 payments in 4 payrolls"
    assert found.lines()[-1] == "every chain is whole, and every state follows from its facts"
    assert f"{heads} vouches for 36 facts" in found.notes[0]


@pytest.mark.parametrize("case", [pytest.param(case, marks=FOREIGN if case in UNTYPED else ()) for case in TAMPERED])
def test_tampering_is_named(path: Path, heads: Path, case: str) -> None:
    statements, expected = TAMPERED[case]
    assert sql(path, *statements) or "DROP" in statements[0], "the tampering changed nothing"
    found = look(path, heads)
    assert not found.ok
    text = "\n".join(found.findings)
    for part in expected:
        assert part in text, text
    assert "pay nothing from this store" in found.lines()[-1]


def pay_the_refused(row: dict[str, Any]) -> None:
    if (row["session"], row["n"]) == (2, 10):
        row["value"], row["body"] = "paid", '{"reference":"made-up"}'


def forge(path: Path) -> None:
    """A thorough hand: the fact, all chains, all recorded heads, and the table of payments tell the same new story."""
    rewrite(path, pay_the_refused)
    sql(path, payment("refused", "state = 'paid', reason = '', outcome_reference = 'made-up', taken = TRUE"))


def test_a_consistent_forgery_is_only_found_from_outside(path: Path, heads: Path) -> None:
    forge(path)
    alone = look(path, None)
    assert alone.ok
    assert "nothing outside this store vouches for it" in alone.notes[0]
    found = look(path, heads)
    assert [finding[:38] for finding in found.findings] == ["session 2: rows 1 to 21 were rewritten"]
    assert "36 facts" not in found.notes[0] and "21 facts are not covered by an exported head" in found.notes[1]


def test_heads_between_narrow_a_forgery_down(told: tuple[Path, Path], path: Path, tmp_path: Path) -> None:
    """The more often heads are exported, the less of a session can be forged unseen."""
    ((chain,),) = stores.rows(path, "SELECT chain FROM facts WHERE session = 2 AND n = 8")
    ((store,),) = stores.rows(path, "SELECT value FROM meta WHERE key = 'store'")
    often = Path(shutil.copy(told[1], tmp_path / "often.jsonl"))
    head = {"store": store, "session": 2, "n": 8, "chain": chain.hex(), "at": 1, "why": "position", "signature": ""}
    often.write_text(often.read_text() + json.dumps(head) + "\n")
    forge(path)
    assert look(path, often).findings[0].startswith("session 2: rows 9 to 21 were rewritten")


def test_one_person_who_did_both_is_named(path: Path) -> None:
    rewrite(path, lambda row: row.update(source="Amina") if row["kind"] == "approved" else None)
    sql(path, "UPDATE payrolls SET approved_by = 'Amina' WHERE approved_by <> ''")
    text = "\n".join(look(path, None).findings)
    assert "payroll grant: Amina did both: proposed and approved (facts 1 and 2)" in text


def test_an_edge_that_the_table_does_not_have_is_named(path: Path) -> None:
    def skip_approval(row: dict[str, Any]) -> None:
        if (row["payroll"], row["kind"]) == ("bad", "rejected"):
            row["value"] = "reconciled"

    rewrite(path, skip_approval)
    text = "\n".join(look(path, None).findings)
    assert "payroll bad: awaiting_approval -> reconciled (fact 2) is no edge of the table of states" in text


def test_erasing_bodies_is_legal_once_a_payment_is_settled(path: Path, heads: Path) -> None:
    sql(path, f"UPDATE facts SET salt = NULL, body = NULL WHERE payment IN ('{ID['closed']}', '{ID['paid']}')")
    found = look(path, heads)
    assert found.ok, found.findings
    text = "\n".join(found.notes)
    assert "the bodies of 6 facts were erased" in text
    assert "payroll small: 1 payments have erased facts" in text


def test_erased_payments_keep_their_state(path: Path, heads: Path) -> None:
    sql(path, f"UPDATE facts SET salt = NULL, body = NULL WHERE payment = '{ID['refused']}'")
    sql(path, payment("refused", "state = 'paid', taken = TRUE"))
    assert about("refused") + "the table says state is 'paid', its facts say 'refused'" in look(path, heads).findings


def test_facts_of_a_payment_under_way_are_not_erased(path: Path, heads: Path) -> None:
    sql(path, f"UPDATE facts SET salt = NULL, body = NULL WHERE payment = '{ID['pending']}'")
    assert "facts of it were erased although it is not settled" in "\n".join(look(path, heads).findings)


def test_a_proposal_that_was_interrupted_is_a_note(tmp_path: Path) -> None:
    store = new_store(tmp_path / "a.db")
    propose(store, "half", [a_payment("one")])
    sql(tmp_path / "a.db", "UPDATE payrolls SET complete = FALSE, facts = 0, state = 'draft'", "DELETE FROM facts")
    store.head = (0, b"")
    found = verify(store)
    close_store(store)
    assert found.ok and "payroll half was never proposed to its end" in found.notes[1]


def test_findings_are_bounded() -> None:
    found = Verification()
    for number in range(LISTED + 7):
        found.found(f"finding {number}")
    assert len(found.findings) == LISTED
    assert "FOUND: 7 more like these" in found.lines()
    assert found.lines()[-1].startswith("507 findings")


def test_memory_is_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Peak memory with 800 payments is about that with 200: pages, never lists of all."""
    monkeypatch.setattr(verifying_payrolls, "PAGE", 50)
    monkeypatch.setattr(verifying_chains, "PAGE", 50)

    def peak(count: int) -> int:
        store = new_store(tmp_path / f"{count}.db")
        approve(store, propose(store, "big", [a_payment(f"{number}") for number in range(count)]))
        restored(store, "amina", "joseph")
        verify(store)
        tracemalloc.start()
        assert verify(store).payments == count
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        close_store(store)
        return highest

    assert peak(800) < peak(200) * 2
