"""What somebody with access to the database changes of what people gave and said is found by verifying."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import stores

if TYPE_CHECKING:
    from tests.reconciling.conftest import Office

PAID = {"paid": "yes", "receipt": "R-1", "paid_on": "2026-11-25"}
CHANGES = (
    "UPDATE statements SET state = 'withdrawn'", "UPDATE statements SET {by} = 'joseph'",
    "UPDATE statements SET confirmed_by = ''", "UPDATE statements SET name = 'other'",
    "UPDATE statements SET about = '[]'", "UPDATE statements SET lines = 2", "UPDATE statements SET sha256 = 'x'",
    "UPDATE statements SET facts = facts + 1", "UPDATE statement_lines SET amount = amount + 1",
    "UPDATE statement_lines SET verdict = 'refused'", "UPDATE statement_lines SET reference = 'R-2'",
    "UPDATE statement_lines SET decided = 'declined'", "UPDATE statement_lines SET n = n + 1",
    "DELETE FROM statement_lines", "UPDATE explanations SET reason = 'another'", "UPDATE explanations SET delta = 0",
    "UPDATE explanations SET {by} = 'joseph'", "UPDATE disputes SET state = 'resolved'",
    "UPDATE disputes SET text = 'all is well'", "UPDATE disputes SET handler = 'nobody'",
    "UPDATE disputes SET priority = 'low'", "UPDATE disputes SET payment = ''", "DELETE FROM disputes",
    "DELETE FROM statements",
)  # fmt: skip


def test_any_change_of_what_people_gave_and_said_is_found(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(1))
    path = office.filled(payroll, {"inv-0": PAID | {"paid_amount": "49000"}})
    given = shop.paymaster.import_list(payroll, path, by="amina")
    shop.paymaster.confirm_file(given.id, by="joseph", reason="seen")
    shop.paymaster.explain(payroll, by="amina", reason="a fee", kind="underpaid")
    shop.paymaster.open_dispute("too little", kept_by="amina", payment=shop.payment(payroll), handler="joseph")
    assert shop.paymaster.verify().findings == []
    for sql in CHANGES:
        table = sql.split()[1 if sql.startswith("UPDATE") else 2]
        before = stores.rows(shop.store, f"SELECT * FROM {table}")
        assert stores.run(shop.store, sql.format(by='"by"')) == 1, sql
        assert shop.paymaster.verify().findings, sql
        stores.run(shop.store, f"DELETE FROM {table}")
        with stores.connected(shop.store) as connection:
            for row in before:
                marks = ", ".join("?" if stores.SCHEMAS is None else "%s" for _ in row)
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", row)
        assert shop.paymaster.verify().findings == [], sql


@pytest.mark.sqlite("it changes a file")
def test_changed_bytes_of_a_given_file_are_found(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(1))
    given = shop.paymaster.import_list(payroll, office.filled(payroll, {"inv-0": PAID}), by="amina")
    kept = shop.store.with_name(shop.store.name + ".files") / given.sha256
    kept.write_bytes(kept.read_bytes() + b"\n")
    assert shop.paymaster.verify().findings
