"""`verify` looks at files, too: what somebody changed behind the store's back is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Branch

# What was done behind the store's back, and what the findings say of it.
TAMPERED: dict[str, tuple[str, str]] = {
    "another name": ("UPDATE documents SET name = 'x.csv' WHERE number = 1", "another name than when it was planned"),
    "another digest": (f"UPDATE documents SET sha256 = '{'0' * 64}' WHERE number = 1", "its put-intent is of"),
    "another sum": ("UPDATE documents SET total = total + 1 WHERE number = 1", "were planned"),
    "another channel": ("UPDATE documents SET channel = 'x' WHERE number = 1", "another channel"),
    "a state": ("UPDATE documents SET state = 'refused' WHERE number = 1", "the table says state is 'refused'"),
    "a reason": ("UPDATE documents SET reason = 'x' WHERE number = 1", "the table says reason"),
    "a count of facts": ("UPDATE documents SET facts = facts - 1 WHERE number = 1", "facts, the journal has"),
    "a line removed": (
        "DELETE FROM document_lines WHERE n = 2 AND document = (SELECT id FROM documents WHERE number = 1)",
        "which does not hold it",
    ),
    "a line's key": (
        "UPDATE document_lines SET key = 'x' WHERE n = 2 AND document = (SELECT id FROM documents WHERE number = 1)",
        "its lines are not those that were planned",
    ),
    "a line's payment": (
        "UPDATE document_lines SET payment = (SELECT payment FROM document_lines WHERE n = 1 LIMIT 1) WHERE n = 2 "
        "AND document = (SELECT id FROM documents WHERE number = 1)",
        "which does not hold it",
    ),
    "a document removed": (
        "DELETE FROM documents WHERE number = 1", "has facts, but is gone from the table of payrolls",
    ),
    "a fact of it": (
        "DELETE FROM facts WHERE kind = 'outcome' AND payroll = (SELECT id FROM documents WHERE number = 1)",
        "facts, the journal has",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_in_the_tables_is_found(branch: Branch, what: str) -> None:
    sql, said = TAMPERED[what]
    branch.approved(15)
    branch.run()
    branch.whole()
    branch.shop.change_store(sql)
    findings = branch.shop.paymaster.verify().findings
    assert any(said in finding for finding in findings), findings


def test_a_case_that_is_gone_is_found(branch: Branch) -> None:
    branch.approved(3)
    branch.run()
    (document,) = branch.shop.paymaster.documents()
    store = branch.shop.paymaster._store
    from gateway_core.engine.batch.bench import note_fact

    note_fact(store, document.id, 1, "altered", "", "driver", {})
    branch.whole()
    branch.shop.change_store("DELETE FROM cases WHERE kind = 'altered_document'")
    assert any("its cases altered_document are gone" in finding for finding in branch.shop.paymaster.verify().findings)


@pytest.mark.sqlite("its files lie beside it")
def test_bytes_that_were_changed_or_removed_are_found(branch: Branch) -> None:
    branch.approved(3)
    branch.run()
    branch.bank.collect()
    branch.bank.book(branch.bank.everything())
    branch.run()
    branch.whole()
    folder = Path(f"{branch.shop.store}.files")
    out, back = branch.shop.paymaster.documents()[0].sha256, branch.shop.paymaster.answers()[0].sha256
    (folder / out).write_bytes((folder / out).read_bytes() + b" ")
    (folder / back).unlink()
    findings = branch.shop.paymaster.verify().findings
    assert any("its bytes are gone, or are not those of its digest" in finding for finding in findings)
    assert any("from a bank" in finding and "is gone" in finding for finding in findings)
    assert len(findings) == 2
