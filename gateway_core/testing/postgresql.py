"""A PostgreSQL server for tests: the one that is there, or one of its own in a temporary folder.

    python -m gateway_core.testing.postgresql start      prints the address of a server that was found or started
    python -m gateway_core.testing.postgresql stop URL   stops it if it was started, and removes its folder

`GATEWAY_CORE_TEST_POSTGRESQL` names a server whose user may create databases; else this machine's is tried.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.pool import NullPool

from ..store import tables as t

VARIABLE = "GATEWAY_CORE_TEST_POSTGRESQL"
HERE = ("postgresql+psycopg://127.0.0.1:5432/postgres", "postgresql+psycopg:///postgres")
BINARIES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
# A folder of ours is known by its name, so that `stop` never removes another.
PREFIX = "gateway-core-postgresql-"
SERVER_USER = "postgres"


class Missing(Exception):
    """Why there is no server; the text names what is missing."""


@contextmanager
def connected(url: str | URL) -> Iterator[Connection]:
    """A connection in autocommit, closed at the end."""
    engine = sa.create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    with engine.connect() as connection:
        yield connection


def find() -> str:
    """The address of a server in which databases can be made. Raises Missing."""
    named = os.environ.get(VARIABLE)
    said = []
    for url in (named,) if named else HERE:
        try:
            with connected(url) as connection:
                may = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                if connection.exec_driver_sql(may).scalar():
                    return url
                said.append(f"{url}: its user may not create databases")
        except (ImportError, sa.exc.DBAPIError) as error:
            said.append(f"{url}: {str(getattr(error, 'orig', error)).partition(chr(10))[0]}")
    raise Missing("; ".join(said))


class Schemas:
    """Stores beside one another in a database of their own, which is removed at the end.

    A schema costs some sixty files, and many of them seconds: one that is given back serves again.
    """

    def __init__(self, server: str, name: str) -> None:
        self._server, self._name = make_url(server), name
        self._url = self._server.set(database=name)
        self._given: dict[str, str] = {}
        self._free: list[str] = []
        self._made = itertools.count(1)
        with connected(self._server) as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.exec_driver_sql(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")

    @property
    def names(self) -> set[str]:
        """Of the stores that have a schema now."""
        return set(self._given)

    def store(self, name: str) -> str:
        """The address of the store of this name, in a schema without a store if it is asked for the first time."""
        if name not in self._given:
            self._given[name] = self._free.pop() if self._free else self._another()
        return self._address(self._given[name])

    def _another(self) -> str:
        schema = f"store_{next(self._made)}"
        with connected(self._url) as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        return schema

    def _address(self, schema: str) -> str:
        found = self._url.update_query_dict({"options": f"-csearch_path={schema}"})
        return found.render_as_string(hide_password=False)

    def give_back(self, name: str, *, again: bool = True) -> None:
        """The store is not needed any more. `again`: its tables are as they were made, and may serve another."""
        schema = self._given.pop(name)
        if again and self._emptied(schema):
            self._free.append(schema)

    def _emptied(self, schema: str) -> bool:
        tables = t.metadata.sorted_tables
        numbered = [table.name for table in tables if "id" in table.c and isinstance(table.c.id.type, sa.Integer)]
        orders = ["SET LOCAL lock_timeout = '2s'", *(str(sa.delete(table)) for table in tables)]
        orders += [f"ALTER SEQUENCE {name}_id_seq RESTART" for name in numbered]
        try:
            with connected(self._address(schema)) as connection:
                connection.exec_driver_sql("; ".join(["BEGIN", *orders, "DROP TABLE meta", "COMMIT"]))
        except sa.exc.DBAPIError:
            return False
        return True

    def remove(self) -> None:
        """Drop the database, whoever is connected."""
        with connected(self._server) as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')


class Cluster:
    """A server of one's own, reached by a socket in its folder. It can be killed and started again."""

    def __init__(self, folder: Path | None = None) -> None:
        self._run = _runner()
        self._bin = binaries()
        self.folder = folder or Path(tempfile.mkdtemp(prefix=PREFIX))
        if folder is None:
            try:
                self._make()
            except BaseException:
                shutil.rmtree(self.folder)
                raise

    def _make(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, SERVER_USER)
        self._do("initdb", "--auth=trust", f"--username={SERVER_USER}", "--encoding=UTF8", "--no-locale", "--no-sync")
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nmax_connections = 200\n")

    @property
    def url(self) -> str:
        """Its address, with the database `postgres`."""
        return f"postgresql+psycopg://{SERVER_USER}@/postgres?host={self.folder}"

    def start(self) -> Cluster:
        """Start it and wait until it takes connections, after recovery if need be."""
        self._do("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}")
        return self

    def stop(self, mode: str = "fast") -> None:
        """fast: in order. immediate: as if it had been killed, with its connections."""
        self._do("pg_ctl", "stop", f"--mode={mode}", "--wait")

    def promote(self) -> None:
        """It was a standby, and is the primary from now on."""
        self._do("pg_ctl", "promote", "--wait")

    def remove(self) -> None:
        """Stop it if it runs, and remove its folder."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def _do(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), f"--pgdata={self.folder / 'data'}", *arguments]
        # What it starts goes on, and must not hold our pipes open.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run([*self._run, *command], stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd="/")
            if done.returncode:
                said.seek(0)
                raise Missing(f"{program} failed: {said.read().decode(errors='replace').strip()}")


def binaries() -> Path:
    """The folder of initdb and pg_ctl, the newest if there are several. Raises Missing."""
    known = shutil.which("initdb")
    if known:
        return Path(known).parent
    found = [path for pattern in BINARIES for path in Path("/").glob(pattern.lstrip("/")) if (path / "initdb").exists()]
    if not found:
        raise Missing("PostgreSQL's own programs (initdb, pg_ctl) are not installed: apt-get install postgresql")
    return max(found, key=lambda path: [int(part) for part in str(path).split("/") if part.isdigit()])


def _runner() -> list[str]:
    """What must stand before a command: the server refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise Missing(f"as root, a server needs a user {SERVER_USER!r} to run it") from None
    if (setpriv := shutil.which("setpriv")) is None:
        raise Missing("as root, a server needs setpriv (of util-linux) to run it as another user")
    return [setpriv, f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--init-groups", "--"]


def main(arguments: list[str]) -> int:
    """Start or stop, for scripts."""
    match arguments:
        case ["start"]:
            try:
                url = find()
            except Missing:
                url = Cluster().start().url
            sys.stdout.write(f"{url}\n")
        case ["stop", url]:
            folder = Path(str(make_url(url).query.get("host", "")))
            if folder.name.startswith(PREFIX):
                Cluster(folder).remove()
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Missing as error:
        sys.exit(f"no PostgreSQL server: {error}")
