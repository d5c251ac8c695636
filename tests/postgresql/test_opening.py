"""What a server must be before a store is trusted to it: each refusal says what is wrong and how it is mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import psycopg
import pytest
from sqlalchemy.engine import make_url

from gateway_core.model.errors import StoreError
from gateway_core.model.facts import Fact
from gateway_core.store import Store, journal
from gateway_core.store.findings import Verification
from gateway_core.store.opening import close_store, open_store
from gateway_core.store.postgresql import ServerStore
from gateway_core.store.server import CHECKS, OLDEST, Server
from gateway_core.store.verifying_chains import check_chains
from gateway_core.testing.postgresql import Cluster, connected

GOOD = Server(OLDEST, False, "UTF8", "public", "on", "on")
WRONG: dict[str, dict[str, Any]] = {
    "PostgreSQL 13; 14 or newer": {"version": 13},
    "is a standby": {"standby": True},
    "CREATE SCHEMA": {"schema": ""},
    "ENCODING 'UTF8'": {"encoding": "SQL_ASCII"},
    "ALTER DATABASE ... SET synchronous_commit = on": {"synchronous_commit": "off"},
    "set fsync = on in postgresql.conf": {"fsync": "off"},
}


def refusals(server: Server) -> list[str]:
    return [sentence.format(found=server) for wrong, sentence in CHECKS if wrong(server)]


@pytest.mark.parametrize("said", WRONG)
def test_each_check_refuses_one_thing(said: str) -> None:
    (sentence,) = refusals(attrs.evolve(GOOD, **WRONG[said]))
    assert said in sentence


@pytest.mark.parametrize("good", ["on", "local", "remote_write", "remote_apply"])
def test_what_keeps_what_it_reports_is_good(good: str) -> None:
    assert refusals(attrs.evolve(GOOD, synchronous_commit=good, version=OLDEST + 4)) == []


def refused(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(url, "example", "test", create=True)
    return str(caught.value)


def with_options(url: str, options: str) -> str:
    parts = make_url(url)
    more = f"{parts.query.get('options', '')} {options}"
    return parts.update_query_dict({"options": more}).render_as_string(hide_password=False)


def test_synchronous_commit_off_is_refused(url: str) -> None:
    assert "synchronous_commit is off" in refused(with_options(url, "-csynchronous_commit=off"))


def test_synchronous_commit_that_is_switched_off_later_changes_nothing(open_one: Callable[[], Store]) -> None:
    """What was found at opening is said for each connection: a reload does not undo it."""
    store = open_one()
    with store.write() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
        source = "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'"
        assert connection.exec_driver_sql(source).scalar() == "session"


def test_fsync_off_is_refused(cluster: Cluster) -> None:
    with connected(cluster.url) as connection:
        for value in ("off", "on"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET fsync = {value}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            while connection.exec_driver_sql("SHOW fsync").scalar() != value:
                pass
            if value == "off":
                assert "fsync is off" in refused(cluster.url)


def test_another_encoding_is_refused(cluster: Cluster) -> None:
    with connected(cluster.url) as connection:
        connection.exec_driver_sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    ascii_ = make_url(cluster.url).set(database="ascii").render_as_string(hide_password=False)
    assert "encoding is SQL_ASCII" in refused(ascii_)


def test_a_schema_that_is_not_there_is_named(url: str) -> None:
    assert "names no schema" in refused(with_options(url, "-csearch_path=nowhere"))


def test_a_store_is_created_once_and_opened_by_its_own_deployment_only(url: str) -> None:
    with pytest.raises(StoreError, match="there is no store at postgresql"):
        open_store(url, "example", "test")
    close_store(open_store(url, "example", "test", create=True))
    assert "there is a store already" in refused(url)
    with pytest.raises(StoreError, match="deployment is 'example', the configuration says 'another'"):
        open_store(url, "another", "test")


@pytest.mark.parametrize("where", [{"port": 9, "host": "127.0.0.1"}, {}, {"database": "none"}])
def test_a_password_is_in_no_error(url: str, where: dict[str, Any]) -> None:
    hidden = (
        make_url(url).set(username="nobody_here", password="hunter2", **where).render_as_string(hide_password=False)
    )
    assert "hunter2" in hidden
    with pytest.raises(StoreError) as caught:
        open_store(hidden, "example", "test")
    errors: list[BaseException | None] = [caught.value]
    while errors[-1] is not None:
        assert "hunter2" not in f"{errors[-1]!r} {errors[-1]}"
        errors.append(errors[-1].__cause__)
    store = ServerStore(hidden, "example")
    assert "hunter2" not in f"{store!r} {store.shown}"


def test_values_of_people_are_in_no_error(open_one: Callable[[], Store]) -> None:
    store = open_one()
    with pytest.raises(StoreError) as caught, store.write() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid()), %(name)s", {"name": "Amina Okello"})
    assert "nothing was written" in str(caught.value)
    assert "Amina" not in f"{caught.value} {caught.value.__cause__}"


def test_its_sessions_are_bounded_and_named(open_one: Callable[[], Store]) -> None:
    store = open_one()
    shown = ("application_name", "lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
    query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in shown)
    with store.read() as connection:
        assert tuple(connection.exec_driver_sql(query).one()) == ("gateway-core", "30s", "15s", "10min")
    with store.write() as connection:
        # A COMMIT that waits for its standby is not to be cut short.
        assert tuple(connection.exec_driver_sql(query).one()) == ("gateway-core", "30s", "15s", "0")


def test_a_reader_has_one_picture_and_cannot_write(open_one: Callable[[], Store]) -> None:
    store = open_one()
    with store.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM heads").scalar()
        with store.write() as other:
            other.exec_driver_sql("INSERT INTO heads (session, n, chain) VALUES (1, 1, 'x')")
        assert connection.exec_driver_sql("SELECT count(*) FROM heads").scalar() == before
    with pytest.raises(StoreError, match="read-only"), store.read() as connection:
        connection.exec_driver_sql("DELETE FROM heads")


def test_a_statement_that_failed_unheard_is_no_commit(open_one: Callable[[], Store]) -> None:
    """The server answers such a COMMIT with ROLLBACK, and calls it no error."""
    store = open_one()
    with pytest.raises(StoreError, match="nothing was written"), store.write() as connection:
        connection.exec_driver_sql("INSERT INTO heads (session, n, chain) VALUES (1, 1, 'x')")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.connection.cursor().execute("SELECT * FROM nowhere")
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM heads").scalar() == 0


def test_the_chain_goes_on_after_what_was_not_written(open_one: Callable[[], Store]) -> None:
    """As if that transaction had never been: the next row is linked to the last one that is there."""
    store = open_one()
    payroll = [("payroll", "", Fact(n, 0, "paused", "", "test")) for n in (1, 2)]
    with store.write() as connection:
        journal.append(connection, store, payroll[:1])
    with pytest.raises(StoreError, match="nothing was written"), store.write() as connection:
        journal.append(connection, store, payroll[1:])
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.connection.cursor().execute("SELECT * FROM nowhere")
    with store.write() as connection:
        journal.append(connection, store, payroll[1:])
    result = Verification()
    check_chains(store, result, lambda count: None)
    assert (result.facts, result.findings) == (2, [])
