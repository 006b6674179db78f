"""A real streaming standby of the tests' own cluster: a base backup, started read-only."""

import os
import shutil
import signal
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg2

from api.dev.postgres import Cluster
from tests.support.ground.waiting import until

PORT = 5432  # names the socket file alone


class Standby:
    """Follows `cluster`, with files next to its data. The same programs as the primary's, and its
    user: PostgreSQL does not run as root."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        dsn = cluster.dsn("postgres", "postgres")
        self.password, self.primary = dsn["password"], dsn["host"]
        with closing(cluster.connect_superuser()) as session, session.cursor() as cursor:
            cursor.execute("SELECT current_setting('data_directory'), current_setting('hba_file')")
            data, hba = (Path(text) for text in cursor.fetchone() or ())
            if "replication" not in hba.read_text():
                with hba.open("a") as rules:
                    rules.write("local replication postgres scram-sha-256\n")
                cursor.execute("SELECT pg_reload_conf()")
        owner = data.stat()
        self.user, self.group = owner.st_uid, owner.st_gid
        pid = int((data / "postmaster.pid").read_text().split()[0])
        self.programs = Path(os.readlink(f"/proc/{pid}/exe")).parent
        self.place = Path(mkdtemp(prefix="standby-", dir=data.parent))  # that user may go there
        self.data, self.sockets = self.place / "data", self.place / "run"

    def make(self) -> None:
        """Copy the primary, and follow it."""
        self.sockets.mkdir()
        for made in (self.place, self.sockets):
            os.chown(made, self.user, self.group)
        where = f"host={self.primary} port={PORT} user=postgres password={self.password}"
        self._run("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-d", where)
        self.start()

    def start(self) -> None:
        """Twice is safe only after `kill`."""
        said = f"-c unix_socket_directories='{self.sockets}' -c fsync=off"
        self._run("pg_ctl", "-D", self.data, "-l", self.place / "log", "-w", "-o", said, "start")

    def kill(self) -> None:
        """kill -9 of all of it."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        with closing(self.connect()) as session, session.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity")
            others = [row[0] for row in cursor.fetchall()]
        for one in (pid, *others):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists())

    def erase(self) -> None:
        """Stop and delete it."""
        with suppress(RuntimeError):
            self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.place)

    def connect(self) -> Any:
        """As the superuser, in autocommit."""
        session = psycopg2.connect(
            host=self.sockets, port=PORT, user="postgres", password=self.password, dbname="postgres"
        )
        session.autocommit = True
        return session

    def tell(self, statement: str) -> Any:
        """The first value of a statement there."""
        with closing(self.connect()) as session, session.cursor() as cursor:
            cursor.execute(statement)
            return (cursor.fetchone() or [None])[0]

    def _run(self, program: str, *words: Path | str) -> None:
        inside = self.programs / program
        ended = subprocess.run(
            [str(inside) if inside.exists() else program, *map(str, words)],
            user=self.user,
            group=self.group,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server keeps it open
            stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"{program}: {(ended.stderr or b'').decode()}")
