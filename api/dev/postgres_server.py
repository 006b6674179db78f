"""The server's process, user and files, for api/dev/postgres.py. It opens no sessions."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from api.postgres_binaries import (
    PostgresError,
    find_binaries,
    readable_copy,
    safe_major,
    server_user,
)

SUPERUSER = "postgres"
PORT = 5432  # only names the socket file: nothing listens on the network
SOCKET_PATH_BYTES = 107  # what Linux allows
WAIT_S = 60  # for a start or a stop: recovery after a crash takes a while
DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"

OUR_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
port = {port}
log_checkpoints = off
"""
HBA = "local all all scram-sha-256\n"


class Server:
    """One server whose files are in `folder`, or where `folder`/where.json says.

    PostgreSQL refuses to run as root, so for root it runs as the user postgres or nobody. If that
    user cannot enter `folder`, the files are put elsewhere: no existing folder is opened to them.
    """

    def __init__(self, folder: Path, binaries: Path | None) -> None:
        self.folder = folder
        self._binaries = binaries

    @property
    def data(self) -> Path:
        return self._place / "data"

    @property
    def sockets(self) -> Path:
        return Path(self._where().get("sockets", self._place / "run"))

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def has_sockets(self) -> bool:
        """Whether the sockets' folder is the server's own: in /tmp it might be anyone's."""
        user = self._user() or (os.geteuid(), os.getegid())
        return self.sockets.exists() and self.sockets.stat().st_uid == user[0]

    def prepare(self, password: str, *, password_is_new: bool) -> Path:
        """Make missing folders and data; return the binaries to launch.

        `password` is the superuser's. Twice is safe. Raises PostgresError.
        """
        binaries = self._usable_binaries()
        self._make_folders()
        self._forget_stale_pids()
        if not (self.data / "PG_VERSION").exists():
            self._make_data(binaries, password)
        elif password_is_new:
            self._set_password(binaries, self.data, password)
        self._write_settings()
        return binaries

    def launch(self, binaries: Path) -> None:
        """Start it in its own session, so that it outlives us and our terminal's Ctrl-C.

        Raises PostgresError with the end of its log.
        """
        options = ("-D", self.data, "-l", self.log, "-t", str(WAIT_S))
        deadline = time.monotonic() + WAIT_S
        while self._run(binaries / "pg_ctl", "start", *options).returncode != 0:
            last_words = self.log.read_text(errors="replace")[-500:] if self.log.exists() else ""
            # Sessions of a killed server finish their work, then release its memory.
            if "still in use" not in last_words or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start. {self.log} ends:\n{last_words}")
            time.sleep(0.2)

    def interrupt(self) -> None:
        """Ask for PostgreSQL's "fast" shutdown. Only for a server that has just answered.

        Another server's pid file may be stale, and its number another process's.
        """
        os.kill(int(self._pid_file.read_text().split()[0]), signal.SIGINT)

    def has_left(self) -> bool:
        return not self._pid_file.exists()

    def erase(self) -> None:
        """Delete all files of a stopped server. Twice is safe."""
        for path in (*self._where().values(), str(self.folder)):
            shutil.rmtree(path, ignore_errors=True)

    # -- The steps of a start

    def _usable_binaries(self) -> Path:
        binaries = self._binaries or find_binaries()
        major = safe_major(binaries)
        made_by = self.data / "PG_VERSION"
        if made_by.exists() and (theirs := made_by.read_text().strip()) != str(major):
            raise PostgresError(
                f"The data in {self.data} were made by PostgreSQL {theirs}, but {binaries} holds "
                f"PostgreSQL {major}. Set CAIRN_POSTGRES to the bin directory of a PostgreSQL "
                f"{theirs}, or move the data over with pg_dumpall, or choose another CAIRN_HOME."
            )
        if self._run(binaries / "postgres", "--version").returncode != 0:
            return readable_copy(binaries)
        return binaries

    def _make_folders(self) -> None:
        where = self._where()
        if "place" in where and not self.data.exists():
            raise PostgresError(
                f"{self.data} is gone, where {self.folder / 'where.json'} says the data are. "
                "Restore it, or delete that file to begin with an empty database."
            )
        if self._run("test", "-x", self._place).returncode != 0:
            if self.data.exists():
                raise PostgresError(
                    f"The server can no longer reach its data in {self.data}: let its user enter "
                    "the folders above it again."
                )
            where["place"] = tempfile.mkdtemp(prefix="cairn-", dir="/var/lib")
            os.chmod(where["place"], 0o711)  # noqa: S103 (to pass through, not to look around)
        sockets = Path(where.get("place", self.folder)) / "run"
        too_deep = len(os.fsencode(sockets / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES
        # A comma would make it a list for server and clients: allow plain letters only.
        if not too_deep and re.fullmatch(r"[\w./-]+", str(sockets), re.ASCII):
            where.pop("sockets", None)
            if not sockets.exists():
                sockets.mkdir(mode=0o700)
                self._give(sockets)
        elif "sockets" not in where or not self.has_sockets():
            where["sockets"] = tempfile.mkdtemp(prefix="cairn-", dir="/tmp")
            self._give(Path(where["sockets"]))
        if where != self._where():
            write_json(self.folder / "where.json", where)

    def _forget_stale_pids(self) -> None:
        """Remove a killed server's lock files if another process has its number by now.

        Without a reaper (in containers) the number stays with the dead process. PostgreSQL would
        take either for the server. If the server is alive after all, or sessions outlived it,
        PostgreSQL still finds them by their shared memory and refuses to start.
        """
        if not Path("/proc/self").exists():
            return
        for file in (self._pid_file, self.sockets / f".s.PGSQL.{PORT}.lock"):
            if file.exists():
                pid, *_ = [*file.read_text().split(), "none"]
                works_in = self._run("readlink", f"/proc/{pid}/cwd").stdout.strip()
                if works_in != os.path.realpath(self.data):
                    file.unlink()

    def _make_data(self, binaries: Path, password: str) -> None:
        """Run initdb in a folder that is renamed when complete: a killed start begins again."""
        draft = self._place / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._give(draft)
        options = ("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--auth=reject")
        command = (binaries / "initdb", f"--pgdata={draft}", f"--username={SUPERUSER}", *options)
        result = self._run(*command)
        if result.returncode != 0:
            raise PostgresError(f"initdb could not make {draft}: {result.stderr.strip()}")
        self._set_password(binaries, draft, password)
        draft.rename(self.data)

    def _set_password(self, binaries: Path, data: Path, password: str) -> None:
        """Set it in single-user mode, which needs no server and no former password."""
        command = f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n"
        self._run(binaries / "postgres", "--single", "-D", data, "postgres", typed=command)

    def _write_settings(self) -> None:
        ours = OUR_SETTINGS.format(sockets=self.sockets, port=PORT)
        settings = (DEPLOY / "postgresql.conf").read_text() + ours
        for name, text in (("postgresql.conf", settings), ("pg_hba.conf", HBA)):
            write(self.data / name, text)
            self._give(self.data / name)

    # -- Files and users

    @property
    def _place(self) -> Path:
        return Path(self._where().get("place", self.folder))

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _where(self) -> dict[str, str]:
        return read_json(self.folder / "where.json")

    def _user(self) -> tuple[int, int] | None:
        """Return the user and group that the server runs as; None if they are ours."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and (owner := self.data.stat()).st_uid != 0:
            return owner.st_uid, owner.st_gid
        return server_user()

    def _give(self, path: Path) -> None:
        """Make the server's user the owner of what we have just made."""
        if user := self._user():
            os.chown(path, *user, follow_symlinks=False)

    def _run(
        self, program: Path | str, *arguments: Path | str, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, with none of our secrets in its environment."""
        user = self._user()
        command = [str(program), *map(str, arguments)]
        kept = {
            name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ
        }
        try:
            return subprocess.run(
                command,
                input=typed,
                check=False,
                capture_output=True,
                text=True,
                cwd="/",  # ours may be closed to that user
                env=kept | {"LC_ALL": "C"},
                start_new_session=True,
                user=user and user[0],
                group=user and user[1],
                extra_groups=user and [],
            )
        except OSError as error:  # missing, or closed to that user
            return subprocess.CompletedProcess(command, 127, "", str(error))


def new_password() -> str:
    return secrets.token_urlsafe(32)


def read_json(path: Path) -> dict[str, str]:
    """Read a JSON file of ours; {} if there is none. Raises PostgresError."""
    try:
        said: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise PostgresError(f"{path} is another user's: run this as that user.") from None
    return said


def write_json(path: Path, what: dict[str, str]) -> None:
    write(path, json.dumps(what, indent=2) + "\n")


def write(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it (0600)."""
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    os.replace(draft, path)
