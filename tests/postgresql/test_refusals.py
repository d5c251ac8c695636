"""The server refuses: its disk is full, it cannot read, a lock is not to be had. A clear error; it goes on afterwards.

Raised by a trigger with the server's own codes, at a statement or at the COMMIT, around the intent and the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_core.model.errors import StoreError, StoreUncertain
from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import Dummy, Victim, judge
from gateway_core.testing.postgresql import connected

MakeVictim = Callable[..., Victim]
# SQLSTATE by what has happened to the server.
REFUSALS = {
    "disk full": "53100", "I/O error": "58030", "read-only": "25006", "out of memory": "53200", "cancelled": "57014",
    "lock not to be had": "55P03", "deadlock": "40P01", "cannot be serialised": "40001", "index damaged": "XX002",
}  # fmt: skip
WHEN = {
    "statement": "CREATE TRIGGER refuses BEFORE INSERT ON facts",
    "commit": "CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON facts DEFERRABLE INITIALLY DEFERRED",
}
# Which fact of a payment cannot be written.
FACTS = ("intent", "outcome")
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.kind = '{fact}' THEN RAISE EXCEPTION '{said}' USING ERRCODE = '{code}'; END IF;
  RETURN NEW;
END $$
"""


@contextmanager
def refused(victim: Victim, when: str, fact: str, said: str) -> Iterator[None]:
    with connected(victim.config["store"]) as connection:
        connection.exec_driver_sql(REFUSE.format(fact=fact, said=said, code=REFUSALS[said]))
        connection.exec_driver_sql(f"{WHEN[when]} FOR EACH ROW EXECUTE FUNCTION refuse()")
    try:
        yield
    finally:
        with connected(victim.config["store"]) as connection:
            connection.exec_driver_sql("DROP FUNCTION refuse CASCADE")


@pytest.fixture(params=[False, True], ids=["dedupe", "no-dedupe"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dummy]:
    server = Dummy(tmp_path / "ledger.db", no_dedupe=request.param)
    yield server
    server.stop()


@pytest.mark.few(1)
@pytest.mark.parametrize("fact", FACTS)
def test_a_statement_is_refused(fact: str, make_victim: MakeVictim, server: Dummy) -> None:
    """Nothing of its transaction was written; the same Paymaster goes on once the server can."""
    victim = make_victim(server)
    with Paymaster.open(victim.config) as paymaster:
        for said in REFUSALS:
            with refused(victim, "statement", fact, said), pytest.raises(StoreError, match=said) as caught:
                paymaster.run(victim.payroll, wait=30)
            assert not isinstance(caught.value, StoreUncertain)
            assert "nothing was written" in str(caught.value)
        to_the_end(paymaster, victim, server)


@pytest.mark.few(1)
@pytest.mark.parametrize("fact", FACTS)
def test_a_commit_is_refused(fact: str, make_victim: MakeVictim, server: Dummy) -> None:
    """Of a COMMIT nobody asks what became of it: the store is opened again, and what is in it counts."""
    victim = make_victim(server)
    for said in REFUSALS:
        with Paymaster.open(victim.config) as paymaster:
            with refused(victim, "commit", fact, said), pytest.raises(StoreUncertain, match=said):
                paymaster.run(victim.payroll, wait=30)
            with pytest.raises(StoreUncertain, match="reopen"):
                paymaster.run(victim.payroll, wait=30)
    with Paymaster.open(victim.config) as paymaster:
        to_the_end(paymaster, victim, server)


def to_the_end(paymaster: Paymaster, victim: Victim, server: Dummy) -> None:
    assert not paymaster.run(victim.payroll, wait=30).waiting
    said = judge([victim], server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])
    assert said.states["paid"] > 0
