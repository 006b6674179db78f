"""The restored cluster of a drill: nothing but a socket leads to it, and nothing leads out of it.

It keeps no setting of the server that was backed up, replays the archive to its end, and says how
far it came.
"""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg2

from api.backup.repositories import SAY_EVERY_S, Kept, Repository, repository_settings
from api.backup.scratch import BackupBroken, DrillFailed, Scratch, end_cluster, run, start
from api.postgres_binaries import PostgresError, binaries_of, readable_copy

SUPERUSER = "postgres"

# Nothing of the restored settings is kept: they name an archive, a primary, libraries to load.
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
port = 5432
archive_mode = off
max_wal_senders = 0
max_logical_replication_workers = 0
shared_preload_libraries = ''
hot_standby = off
ssl = off
max_prepared_transactions = 20
restore_command = '{restore}'
recovery_target_timeline = 'latest'
log_destination = 'stderr'
logging_collector = off
log_min_messages = warning
log_line_prefix = '%t '
"""
# Anyone who reaches the socket, which is in a folder of the cluster's user alone.
LETS_IN = "local all all trust\n"


class Reached(NamedTuple):
    """How far a recovery came: the time of the last transaction that it replayed, None if there was
    none to replay; the position in the WAL; bytes of a segment."""

    newest: datetime | None
    position: int
    segment_bytes: int


class RestoredCluster:
    """The server of one drill. It ends with this process."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self._process: subprocess.Popen[str] | None = None

    def begin(self, repository: Repository, say: Callable[[str], None]) -> None:
        """Let it replay the archive, and open for reading and writing. Raises DrillFailed."""
        binaries = self._binaries()
        self._verify_base(binaries)
        self._write_settings(repository)
        with self.scratch.log.open("w") as log:
            self._process = start(
                [binaries / "postgres", "-D", self.scratch.data],
                as_cluster_user=True,
                on_our_end=signal.SIGQUIT,
                environment=repository_settings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        told = time.monotonic()
        while not self._answers():
            if self._process.poll() is not None:
                raise BackupBroken(f"The backup does not start. {self._why()}")
            if time.monotonic() - told > SAY_EVERY_S:
                told = time.monotonic()
                restored = re.findall(r'restored log file "(\w+)"', self._log())
                say(f"Replaying the WAL: {len(restored)} segments, up to {[*restored, '-'][-1]}")
            time.sleep(0.1)

    def end(self) -> None:
        """End it. Twice is safe."""
        if self._process is not None:
            end_cluster(self.scratch.data)
            self._process.kill()  # where it had not come so far as to name itself in its folder
            self._process.wait()

    def reached(self) -> Reached:
        """How far the recovery came. Raises psycopg2.Error."""
        with closing(self.session("postgres")) as session, session.cursor() as cursor:
            cursor.execute(
                "SELECT pg_last_xact_replay_timestamp(),"
                " coalesce(pg_last_wal_replay_lsn(), pg_current_wal_lsn()) - '0/0'::pg_lsn,"
                " setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'"
            )
            newest, position, size = cursor.fetchone()
        return Reached(newest, int(position), size)

    def session(self, database: str, role: str = SUPERUSER) -> Any:
        """A session in autocommit. Raises DrillFailed: there is no such database."""
        try:
            session = psycopg2.connect(
                host=str(self.scratch.sockets), port=5432, user=role, dbname=database
            )
        except psycopg2.OperationalError as error:
            raise BackupBroken(f"The backup does not let us in: {str(error).strip()}") from error
        session.autocommit = True
        return session

    def url(self, role: str, database: str) -> str:
        """Where the drill's own Django finds it."""
        host = quote(str(self.scratch.sockets), safe="")
        return f"postgresql://{role}@/{quote(database)}?host={host}&port=5432"

    def _answers(self) -> bool:
        try:
            psycopg2.connect(
                host=str(self.scratch.sockets), port=5432, user=SUPERUSER, dbname="postgres"
            ).close()
        except psycopg2.OperationalError as error:
            if f'role "{SUPERUSER}" does not exist' in str(error):
                raise DrillFailed(
                    f"The backup has no role {SUPERUSER}: it is not of a server that Cairn's"
                    " runbook made."
                ) from error
            return False
        return True

    def _binaries(self) -> Path:
        made_by = self.scratch.data / "PG_VERSION"
        try:
            binaries = binaries_of(int(made_by.read_text()))
            if run([binaries / "postgres", "--version"], as_cluster_user=True).returncode != 0:
                binaries = readable_copy(binaries)
        except (OSError, ValueError):
            raise BackupBroken("The backup is no data folder of PostgreSQL.") from None
        except (PostgresError, DrillFailed) as error:
            raise DrillFailed(str(error)) from error
        return binaries

    def _verify_base(self, binaries: Path) -> None:
        """Compare a base backup with the list that pg_basebackup put into it. pgBackRest has
        compared its own."""
        if not (self.scratch.data / "backup_manifest").exists():
            return
        words: list[Path | str] = ["--no-parse-wal", "--quiet", self.scratch.data]
        result = run([binaries / "pg_verifybackup", *words], as_cluster_user=True)
        if result.returncode != 0:
            why = next(iter(result.stderr.splitlines()), "")
            raise BackupBroken(f"The base backup is not as it was made: {why}")

    def _write_settings(self, repository: Repository) -> None:
        data = self.scratch.data
        for name in ("standby.signal", "postmaster.pid", "postmaster.opts"):
            (data / name).unlink(missing_ok=True)
        restore = repository.restore_command(self.scratch).replace("'", "''")
        texts = {
            "postgresql.conf": SETTINGS.format(sockets=self.scratch.sockets, restore=restore),
            "postgresql.auto.conf": "",
            "pg_hba.conf": LETS_IN,
            "pg_ident.conf": "",
            "recovery.signal": "",
        }
        for name, text in texts.items():
            (data / name).write_text(text)
            self.scratch.give(data / name)

    def _log(self) -> str:
        return self.scratch.log.read_text(errors="replace")

    def _why(self) -> str:
        """What the server says of its end, in our words where we know them."""
        log = self._log()
        for sign, words in WORDS.items():
            if sign in log:
                return words
        told = re.findall(r"(?:FATAL|PANIC): +(.*)", log)
        return f"PostgreSQL says: {told[-1] if told else log.strip()[-300:]}"


WORDS = {
    "before end of online backup": "WAL that the base backup needs is missing or damaged.",
    "before consistent recovery point": "WAL that the base backup needs is missing or damaged.",
    "WAL ends before": "WAL that the base backup needs is missing or damaged.",
    "could not locate required checkpoint record": (
        "The WAL in which the base backup begins is missing from the archive, or damaged."
    ),
    "could not locate a valid checkpoint record": (
        "The WAL in which the base backup begins is missing from the archive, or damaged."
    ),
    "incompatible with operating system": (
        "The database's locale is not installed on this machine (locale-gen, or the package"
        " locales-all)."
    ),
    "incompatible with server": "It was made by another version of PostgreSQL.",
}


def lost_between(kept: Kept, reached: Reached) -> str | None:
    """Where the archive breaks off before its newest segment; None: all of it was replayed. The
    server ends its recovery at a segment that is missing or damaged, and says nothing."""
    if kept.wal is None:
        return "No WAL was archived: the backup ends with itself."
    per_file = 0x1_0000_0000 // reached.segment_bytes
    newest = int(kept.wal[8:16], 16) * per_file + int(kept.wal[16:24], 16)
    if reached.position > newest * reached.segment_bytes:
        return None
    stopped = reached.position // reached.segment_bytes
    name = f"{stopped // per_file:08X}{stopped % per_file:08X}"
    return (
        f"The archive goes on to {kept.wal}, but segment {kept.wal[:8]}{name} is missing or"
        " damaged: what came after it is lost."
    )
