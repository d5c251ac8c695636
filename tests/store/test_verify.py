"""`verify` names what was altered, removed, inserted or reordered, in plain sentences."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway_core.model.errors import StoreError
from gateway_core.store import verifying_chains, verifying_payrolls
from gateway_core.store.database import Store, recognise
from gateway_core.store.findings import LISTED, Verification
from gateway_core.store.heads import export_heads, read_heads, set_aside
from gateway_core.store.opening import close_store, restored
from gateway_core.store.verifying import verify

from .building import DEPLOYMENT, LINES, a_payment, approve, new_store, open_again, propose, rewrite, sql

ID = {name: payment.id for name, payment in LINES.items()}


def look(path: Path, heads: Path | None, key: Ed25519PrivateKey | None = None) -> Verification:
    store = Store(f"sqlite:///{path}", DEPLOYMENT)
    try:
        recognise(store, "test")
        return verify(store, heads, key.public_key() if key else None)
    finally:
        store.close()


def swap(a: int, b: int, session: int = 2) -> list[str]:
    moves = ((a, -1), (b, a), (-1, b))
    return [f"UPDATE facts SET n = {new} WHERE session = {session} AND n = {old}" for old, new in moves]


def copy_row(session: int, n: int, new: int) -> str:
    rest = "no + 900, at, kind, value, source, attempt, step, key, digest, chain, salt, body"
    return (
        f"INSERT INTO facts SELECT session, {new}, payroll, payment, {rest} FROM facts "
        f"WHERE session = {session} AND n = {n}"
    )


GRANT = "UPDATE payrolls SET {} WHERE id = 'grant'"
FACT = "UPDATE facts SET {} WHERE session = 2 AND n = 10"
ROW_10 = f"session 2: row 10 (payment {ID['refused']}, outcome refused, "


def payment(name: str, change: str) -> str:
    return f"UPDATE payments SET {change} WHERE id = '{ID[name]}'"


def about(name: str, payroll: str = "grant") -> str:
    line = [*LINES].index(name) + 1 if payroll == "grant" else 1
    return f"payment {ID[name]} (payroll {payroll}, line {line}): "


# What was done behind the store's back, and what the first finding, or another, says of it.
TAMPERED: dict[str, tuple[list[str], list[str]]] = {
    "a fact's time": ([FACT.format("at = at + 1")], [ROW_10, "was altered, inserted or moved here"]),
    "a fact's value": ([FACT.format("value = 'paid'")], ["session 2: row 10", about("refused") + "the table says state"]),
    "a fact's body": ([FACT.format("body = '{}'")], [ROW_10, "its body is not the one that was written"]),
    "a fact's salt": ([FACT.format("salt = x'00'")], [ROW_10, "its body is not the one that was written"]),
    "a body gone, its salt left": ([FACT.format("body = NULL")], [ROW_10, "erasing takes both"]),
    "a fact of another payment": ([FACT.format(f"payment = '{ID['unsent']}', no = 1")], ["session 2: row 10"]),
    "a digest of another type": ([FACT.format("digest = 'text'")], [ROW_10, "its body is not the one"]),
    "a body of another type": (
        [FACT.format("body = x'ff'")],
        [ROW_10, "cannot be read: AttributeError", about("refused") + "its facts cannot be folded"],
    ),
    "a text that is none": (
        [FACT.format("value = CAST(x'ff' AS TEXT)")],
        ["the journal cannot be read to the end: OperationalError", "payroll grant cannot be read to the end"],
    ),
    "a row removed": (
        ["DELETE FROM facts WHERE session = 2 AND n = 10"],
        ["session 2: row 10 is missing: removed, or moved elsewhere; the next is row 11 (payment " + ID["pending"],
         about("refused") + "the table counts 3 facts, the journal has 2"],
    ),
    "several rows removed": (["DELETE FROM facts WHERE session = 2 AND n IN (7, 8)"], ["rows 7 to 8 are missing"]),
    "the last rows removed": (
        ["DELETE FROM facts WHERE session = 3 AND n > 10"],
        ["session 3: the head recorded in the store at row 13 (session ended) has no row",
         "session 3: row 13 is missing, of which the head exported at",
         "payroll bad: the table says state is 'rejected', its facts say 'draft'"],
    ),
    "the last rows removed, and their head": (
        ["DELETE FROM facts WHERE session = 3 AND n > 10", "DELETE FROM heads WHERE session = 3 AND n > 10"],
        ["session 3 has ended, but the head recorded at its end is gone", "rows were removed, or an older copy"],
    ),
    "a session removed": (
        ["DELETE FROM facts WHERE session = 3", "DELETE FROM heads WHERE session = 3",
         "DELETE FROM sessions WHERE id = 3"],
        ["session 3: row 2 is missing", about("closed", "small") + "the table counts 3 facts, the journal has 0"],
    ),
    "two rows swapped": (swap(10, 12), ["session 2: row 10 (payment " + ID["pending"], "3 later rows of this session"]),
    "a row inserted at the end": (
        [copy_row(2, 10, 22)],
        ["session 2: row 22 (payment " + ID["refused"], "session 2 ended at row 21, but row 22"],
    ),
    "a row inserted before the first": ([copy_row(2, 10, 0)], ["session 2: row 0", "numbers begin at 1"]),
    "an amount": (
        [payment("unsent", "amount = 9000000")],
        [about("unsent") + "its content is not what was proposed (now 9000000 minor units of UGX to wallet w-unsent)",
         "payroll grant: it has 6 lines over 9002510, but 6 over 3015", "the roots differ"],
    ),
    "an account": ([payment("unsent", "account = 'w-mine'")], [about("unsent") + "its content is not what was proposed"]),
    "extra data that is no JSON": ([payment("unsent", "extra = '{'")], [about("unsent") + "its content cannot be read"]),
    "a state": (
        [payment("held", "state = 'ready'")],
        [about("held") + "the table says state is 'ready', its facts say 'held'"],
    ),
    "an attempt": ([payment("pending", "attempt = 3")], [about("pending") + "the table says attempt is 3, its facts say 2"]),
    "a reference": ([payment("paid", "outcome_reference = 'x'")], [about("paid") + "the table says outcome_reference"]),
    "a reason": ([payment("refused", "reason = ''")], [about("refused") + "the table says reason is ''"]),
    "a count of facts": ([payment("paid", "facts = 2")], [about("paid") + "the table counts 2 facts, the journal has 3"]),
    "work made of a settled one": ([payment("paid", "open = 1")], [about("paid") + "the table says it is open"]),
    "an entitlement freed": (
        [payment("paid", "taken = 0")], [about("paid") + "it is paid, but its entitlement is free to be paid again"]
    ),
    "an entitlement kept": ([payment("refused", "taken = 1")], [about("refused") + "it is refused, but still takes"]),
    "an entitlement taken early": (
        [payment("waiting", "taken = 1")],
        [about("waiting", "next") + "it takes its entitlement, but its payroll is awaiting approval"],
    ),
    "a payment removed": (
        [f"DELETE FROM payments WHERE id = '{ID['held']}'"],
        [f"payment {ID['held']} of payroll grant has facts, but is gone", "payroll grant: it has 5 lines over 2511, but 6",
         f"an attempt is recorded of payment {ID['held']}"],
    ),
    "a payment moved": (
        [payment("unsent", "payroll = 'next', line = 9")],
        ["payroll grant: it has 5 lines", "payroll next: it has 2 lines"],
    ),
    "lines reordered": (
        [payment("paid", "line = 99"), payment("refused", "line = 1"), payment("paid", "line = 2")],
        ["payroll grant: its lines are not the lines that were proposed, or not in their order"],
    ),
    "a payroll removed": (
        ["DELETE FROM payrolls WHERE id = 'next'"],
        ["payroll next has facts, but is gone", f"payment {ID['waiting']} is of payroll next, which is gone"],
    ),
    "a payroll hidden": (["UPDATE payrolls SET complete = 0 WHERE id = 'next'"], ["payroll next: the table says complete"]),
    "a payroll approved by nobody": (
        ["UPDATE payrolls SET state = 'approved', approved_by = 'joseph' WHERE id = 'next'"],
        ["payroll next: the table says state is 'approved', its facts say 'awaiting_approval'",
         "payroll next: the table says approved_by is 'joseph', its facts say ''"],
    ),
    "an approver": ([GRANT.format("approved_by = 'amina'")], ["payroll grant: the table says approved_by is 'amina'"]),
    "an approval's time": ([GRANT.format("approved_at = 5")], ["payroll grant: the table says it was approved at 1970"]),
    "an approval prolonged": ([GRANT.format("approval_ends = 0")], ["payroll grant: the table says approval_ends is 0"]),
    "an approved channel": (
        [GRANT.format("""channels = '{"dummy": "mine"}'""")],
        ["payroll grant: the table says channels is {'dummy': 'mine'}"],
    ),
    "a total": (
        [GRANT.format("total = 1")],
        ["payroll grant: the table says total is 1, its facts say 3015", "what stands there is not what joseph approved",
         "payroll grant: it has 6 lines over 3015, but 6 over 1"],
    ),
    "a pause lifted": ([GRANT.format("paused = ''")], ["the table says paused is '', its facts say 'a look first'"]),
    "who reconciled": (
        ["UPDATE payrolls SET reconciled_by = '' WHERE id = 'small'"],
        ["payroll small: the table says reconciled_by is ''"],
    ),
    "a dead attempt revived": (
        ["DELETE FROM attempts WHERE attempt = 2", "UPDATE attempts SET dead = 0"],
        [about("pending") + "attempt 2 has a money intent, but is gone", "the table says attempt 1 is alive"],
    ),
    "an attempt made up": (
        [f"INSERT INTO attempts VALUES ('{ID['unsent']}', 1, 0)"],
        [about("unsent") + "the table of attempts has attempt 1, of which no fact tells"],
    ),
    "a case removed": (
        ["DELETE FROM cases"], [about("late") + "the case possible_double_payment (attempt 1) is gone"]
    ),
    "a case opened again": (["UPDATE cases SET closed_at = 0"], ["is open in the table, but joseph closed it"]),
    "a case about another": (["UPDATE cases SET entitlement = 'x'"], ["case 1 is about another payroll or entitlement"]),
    "a case closed otherwise": (["UPDATE cases SET why = 'x'"], ["for another reason than the table says"]),
    "a case made up": (
        [f"INSERT INTO cases (payment, kind, closed_at) VALUES ('{ID['paid']}', 'contradiction', 1)"],
        [about("paid") + "no fact tells of the case contradiction", "is closed in the table, but no fact says who"],
    ),
    "a recorded head": (["UPDATE heads SET chain = x'00' WHERE n = 9"], ["recorded in the store at row 9 (close of small)"]),
    "a guard dropped": (
        ["DROP INDEX one_live_payment_per_entitlement"],
        ["the unique index one_live_payment_per_entitlement is gone from the table payments"],
    ),
    "another store's name": (["UPDATE meta SET value = 'x' WHERE key = 'store'"], ["this store is x"]),
}  # fmt: skip


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


@pytest.mark.parametrize("case", TAMPERED)
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
    sql(path, payment("refused", "state = 'paid', reason = '', outcome_reference = 'made-up', taken = 1"))


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
    with sqlite3.connect(path) as connection:
        row = connection.execute("SELECT chain FROM facts WHERE session = 2 AND n = 8").fetchone()
        store = connection.execute("SELECT value FROM meta WHERE key = 'store'").fetchone()[0]
    connection.close()
    often = Path(shutil.copy(told[1], tmp_path / "often.jsonl"))
    head = {"store": store, "session": 2, "n": 8, "chain": row[0].hex(), "at": 1, "why": "position", "signature": ""}
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
    sql(path, payment("refused", "state = 'paid', taken = 1"))
    assert about("refused") + "the table says state is 'paid', its facts say 'refused'" in look(path, heads).findings


def test_facts_of_a_payment_under_way_are_not_erased(path: Path, heads: Path) -> None:
    sql(path, f"UPDATE facts SET salt = NULL, body = NULL WHERE payment = '{ID['pending']}'")
    assert "facts of it were erased although it is not settled" in "\n".join(look(path, heads).findings)


def test_a_proposal_that_was_interrupted_is_a_note(tmp_path: Path) -> None:
    store = new_store(tmp_path / "a.db")
    propose(store, "half", [a_payment("one")])
    sql(tmp_path / "a.db", "UPDATE payrolls SET complete = 0, facts = 0, state = 'draft'", "DELETE FROM facts")
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


# -- the file of heads -------------------------------------------------------------------------------------------------


def test_heads_are_exported_once(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "heads.jsonl"
    store = open_again(path)
    assert export_heads(store, file) == 6
    assert export_heads(store, file) == 0
    propose(store, "more", [a_payment("more")])
    assert export_heads(store, file) == 1
    last = [head for _, head in read_heads(file)][-1]
    assert last is not None and (last.session, last.n, last.why) == (store.session, 1, "position")
    approve(store, "more")
    assert export_heads(store, file) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert verify(store, file).ok
    close_store(store)


def test_rows_after_the_last_export_are_told(path: Path, heads: Path) -> None:
    store = open_again(path)
    propose(store, "more", [a_payment("more")])
    found = verify(store, heads)
    close_store(store)
    assert found.ok
    assert "1 facts are not covered by an exported head; only the store vouches for them" in found.notes


def test_a_line_cut_off_by_a_crash_does_not_spoil_the_next(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    store = open_again(path)
    export_heads(store, file)
    whole = file.read_text()
    file.write_text(whole[:-30])
    assert export_heads(store, file) == 1
    assert file.read_text() == whole
    assert verify(store, file).ok
    close_store(store)


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", '{"store": 1}', '{"surplus": 1}'])
def test_a_line_that_is_no_head_is_named(path: Path, heads: Path, tmp_path: Path, line: str) -> None:
    file = Path(shutil.copy(heads, tmp_path / "heads.jsonl"))
    file.write_text(line + "\n" + file.read_text())
    assert look(path, file).findings == [f"line 1 of {file} is no head: the file was altered or cut off"]


def test_a_missing_file_of_heads_is_an_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no file of heads"):
        look(path, tmp_path / "none.jsonl")


def test_setting_heads_aside_keeps_them(tmp_path: Path) -> None:
    file = tmp_path / "x.heads.jsonl"
    assert set_aside(file) is None
    file.write_text("old\n")
    kept = set_aside(file)
    assert kept is not None and kept.read_text() == "old\n" and not file.exists()


def signed(path: Path, file: Path, key: Ed25519PrivateKey | None) -> None:
    store = open_again(path)
    export_heads(store, file, key)
    close_store(store)


def test_signed_heads(path: Path, tmp_path: Path) -> None:
    mine, other, file = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), tmp_path / "heads.jsonl"
    signed(path, file, mine)
    assert look(path, file, mine).ok and look(path, file).ok
    refused = look(path, file, other)
    assert len(refused.findings) == 6 and refused.findings[0].endswith("row 2, has a bad signature")
    forged = file.read_text().replace('"why": "session ended"', '"why": "session begun"')
    file.write_text(forged)
    assert len(look(path, file, mine).findings) == 3


def test_unsigned_heads_vouch_for_nothing_where_a_key_is_configured(path: Path, tmp_path: Path) -> None:
    key, file = Ed25519PrivateKey.generate(), tmp_path / "heads.jsonl"
    signed(path, file, None)
    assert look(path, file, key).findings == [f"no head in {file} is signed by the configured key"]
    signed(path, file, key)
    found = look(path, file, key)
    assert found.ok
    assert f"6 heads in {file} are not signed; they vouch for nothing where a key is configured" in found.notes


# -- any single cell ---------------------------------------------------------------------------------------------------

COLUMNS = {
    "facts": [
        "session", "n", "payroll", "payment", "no", "at", "kind", "value", "source", "attempt", "step", "key",
        "digest", "chain", "salt", "body",
    ],
    # Not `line` (its order is under the root), nor `due`, `sender` and a claim's `taken`: they are the driver's own.
    "payments": [
        "id", "payroll", "number", "invoice", "entitlement", "beneficiary", "name", "account_type", "account", "amount",
        "currency", "programme", "cycle", "instalment", "reference", "channel", "extra", "leaf", "state", "facts",
        "attempt", "outcome_reference", "reason", "open",
    ],
    # Not `channel` and `proposed_at`: each line names its own channel, and the fact has its own time.
    "payrolls": [
        "id", "name", "state", "paused", "channels", "currency", "lines", "total", "content", "root", "complete",
        "proposed_by", "approved_by", "approval_ends", "reconciled_by", "closed_by", "facts",
    ],
    "attempts": ["payment", "attempt", "dead"],
    "cases": ["payment", "payroll", "entitlement", "kind", "attempt", "closed_by", "why"],
    "heads": ["session", "n", "chain"],
}  # fmt: skip
FLAGS = frozenset({"open", "complete", "dead"})
CELLS = [(table, column) for table, columns in COLUMNS.items() for column in columns]


def changed(draw: Callable[[Any], Any], column: str, value: object) -> object:
    """Another value of the same type."""
    if column in FLAGS:
        return not value
    if isinstance(value, int):
        return draw(st.integers(-3, 2**40).filter(lambda other: other != value))
    if isinstance(value, bytes):
        return draw(st.binary(max_size=32).filter(lambda other: other != value))
    texts = st.sampled_from(["", "x", f"{value} ", "paid", "approved", "{}", "amina"]) | st.text(max_size=8)
    return draw(texts.filter(lambda other: other != value and not _same_json(other, str(value))))


def _same_json(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_single_cell_that_was_changed_is_found(told: tuple[Path, Path], tmp_path: Path, data: st.DataObject) -> None:
    table, column = data.draw(st.sampled_from(CELLS))
    path = Path(shutil.copy(told[0], tmp_path / "cell.db"))
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
        rowid, value = data.draw(st.sampled_from(rows))
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed(data.draw, column, value), rowid))
        connection.commit()
    except (sqlite3.IntegrityError, UnicodeEncodeError):
        assume(False)
    finally:
        connection.close()
    assert not look(path, told[1]).ok


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

    assert peak(800) < peak(200) * 1.3
