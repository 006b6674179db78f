"""Cairn's own PostgreSQL: one cluster under CAIRN_HOME, its roles and its databases.

For development, evaluation and tests; production names a server in DATABASE_URL instead.
Imports no Django, so that the settings may import it.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import connection, encrypt_password
from psycopg2.sql import SQL, Identifier

from api.dev.postgres_server import (
    DEPLOY,
    PORT,
    SUPERUSER,
    WAIT_S,
    Server,
    new_password,
    read_json,
    write_json,
)
from api.postgres_binaries import PostgresError

__all__ = ["LOGIN_ROLES", "Cluster", "PostgresError"]

LOGIN_ROLES = ("owner", "app", "signin", "editor", "jobs", "auditor", "sealer", "backup")


class Dsn(TypedDict):
    host: str
    port: int
    user: str
    password: str
    dbname: str


class Cluster:
    """The PostgreSQL cluster of one CAIRN_HOME. Making this object touches nothing.

    `binaries` is a bin directory; without it CAIRN_POSTGRES decides (see find_binaries).
    """

    def __init__(self, home: Path, binaries: Path | None = None) -> None:
        self.home = Path(os.path.abspath(home))
        self.folder = self.home / "postgres"
        self._server = Server(self.folder, binaries)

    # -- Getting in

    def passwords(self) -> dict[str, str]:
        """Return role → password, the superuser's included; empty before the first start."""
        return read_json(self.folder / "passwords.json")

    def dsn(self, role: str, database: str = "cairn") -> Dsn:
        """Return connection parameters for psycopg2, valid from the first start on."""
        return {
            "host": str(self._server.sockets),
            "port": PORT,
            "user": role,
            "password": self.passwords().get(role, ""),
            "dbname": database,
        }

    def url(self, role: str, database: str = "cairn") -> str:
        """Return the same as a postgresql:// URL, password included."""
        password = quote(self.passwords().get(role, ""), safe="")
        host = quote(str(self._server.sockets), safe="")
        return f"postgresql://{role}:{password}@/{quote(database)}?host={host}&port={PORT}"

    def connect_superuser(self, database: str = "postgres") -> connection:
        """Connect without any row security, in autocommit: for this launcher and for tests only."""
        return self._connect(SUPERUSER, database)

    # -- Running

    def is_running(self) -> bool:
        """Whether a server answers on our socket: a process id would prove nothing."""
        return bool(self._answer())

    def start(self) -> None:
        """Make the cluster if needed, start it, repair roles and passwords. Twice is safe.

        Returns when connections are accepted and the database `cairn` is there.
        Raises PostgresError.
        """
        with self._lock():
            if not self.is_running():
                known = self.passwords()
                password = known.get(SUPERUSER) or new_password()
                binaries = self._server.prepare(password, password_is_new=SUPERUSER not in known)
                write_json(self.folder / "passwords.json", known | {SUPERUSER: password})
                self._server.launch(binaries)
            self._wait_until(self._is_ready, "accept connections")
            self._repair_roles()
            self._make_cairn()

    def stop(self) -> None:
        """End every session, then the server, losing nothing. Twice is safe."""
        if not self.is_running():
            return
        with self._lock():
            if self.is_running():
                self._server.interrupt()
                self._wait_until(self._server.has_left, "stop")

    def erase(self) -> None:
        """Stop, then delete data, passwords and sockets for good. Twice is safe."""
        self.stop()
        self._server.erase()

    # -- Databases

    def create_database(self, name: str) -> None:
        """Make an empty database that belongs to `owner` and lets in our roles only."""
        with closing(self._connect("owner", "postgres")) as owner:
            command = SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name))
            owner.cursor().execute(command)
        self._close_to_public(name)

    def drop_database(self, name: str) -> None:
        """End all its sessions and drop it. Twice is safe."""
        with closing(self.connect_superuser()) as superuser:  # `owner` may not end others' sessions
            command = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
            superuser.cursor().execute(command)

    def _make_cairn(self) -> None:
        with closing(self._connect("owner", "postgres")) as owner, owner.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = 'cairn'")
            exists = cursor.rowcount == 1
        if exists:
            self._close_to_public("cairn")
        else:
            self.create_database("cairn")

    def _close_to_public(self, name: str) -> None:
        with closing(self.connect_superuser(name)) as superuser:
            superuser.cursor().execute((DEPLOY / "server_functions.sql").read_text())
        with closing(self._connect("owner", name)) as owner:
            owner.cursor().execute((DEPLOY / "database.sql").read_text())

    # -- Roles

    def _repair_roles(self) -> None:
        passwords = {role: new_password() for role in LOGIN_ROLES} | self.passwords()
        write_json(self.folder / "passwords.json", passwords)
        with closing(self.connect_superuser()) as superuser:
            superuser.autocommit = False  # all at once: no session sees a half-repaired role
            with superuser, superuser.cursor() as cursor:
                cursor.execute((DEPLOY / "roles.sql").read_text())
                cursor.execute("ALTER ROLE owner CREATEDB")  # for test databases
                cursor.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
                cursor.execute("GRANT CONNECT ON DATABASE postgres TO owner")
                for role in LOGIN_ROLES:
                    # Hashed on this side: the password itself never reaches the server.
                    secret = encrypt_password(passwords[role], role, superuser, "scram-sha-256")
                    command = SQL("ALTER ROLE {} PASSWORD %s").format(Identifier(role))
                    cursor.execute(command, [secret])

    # -- Asking the server

    def _connect(self, role: str, database: str) -> connection:
        session: connection = psycopg2.connect(**self.dsn(role, database), connect_timeout=10)
        session.autocommit = True
        return session

    def _answer(self) -> str:
        """Return `ready`, or the server's refusal in its own words, or '' if no server answers."""
        if not self._server.has_sockets():
            return ""
        try:
            self.connect_superuser().close()
        except psycopg2.OperationalError as error:
            refusals = ("FATAL:", "no password supplied")
            return str(error) if any(words in str(error) for words in refusals) else ""
        return "ready"

    def _is_ready(self) -> bool:
        answer = self._answer()
        if "password" in answer:
            raise PostgresError(
                f"The server refuses the password of {SUPERUSER} in {self.folder}/passwords.json. "
                "Stop it, delete that file and start again: new passwords are made."
            )
        return answer == "ready"

    def _wait_until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not done():
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"The server did not {what} within {WAIT_S} s: see {self._server.log}."
                )
            time.sleep(0.02)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Allow one start or stop at a time; the next waits. A killed one's lock ends with it."""
        if not self.folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o711)  # the server's user must get through, not look around
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
