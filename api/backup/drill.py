"""A drill: the newest backup becomes a cluster that is thrown away, and is asked whether it is what
it should be. Nothing of the live system is written: not its database, its keys, its journal or its
witness's file.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import Error, connections

from api.backup import isolation, verdicts
from api.backup.repositories import Repository
from api.backup.restored_cluster import RestoredCluster, lost_between
from api.backup.scratch import DrillFailed, Scratch, run, start
from api.backup.verdicts import Checkpoint, Report, Verdict
from permissions.database.aliases import SEALER
from permissions.health.heartbeats import host_name

Say = Callable[[str], None]
LEAVES_WITHIN_S = 5.0  # the process of a session that has ended
NEWEST = "SELECT seq, size, body FROM log_checkpoint ORDER BY seq DESC LIMIT 1"


class Beside(NamedTuple):
    """What a restore needs besides the database: the folder of keys, the witness's file, and the
    folders of every host's journal of closings."""

    keys: Path
    witness: Path
    journals: list[Path]


def drill(repository: Repository, beside: Beside, scratch: Scratch, say: Say) -> Report:
    """Restore the newest backup and check it. Raises BackupBroken (it does not
    even start), DrillFailed (nothing was learned of the backup).

    Killed at any point it leaves a folder behind, which the next drill removes.
    """
    if settings.KEY_STORE["class"].endswith("VaultKeyStore"):
        raise DrillFailed(
            "The keys are in Vault, which a drill does not reach: restore its snapshot to one that"
            " is thrown away, and follow RUNBOOK.md, Restore."
        )
    database = str(connections["default"].settings_dict["NAME"])
    with scratch.opened(say):
        _must_reach(scratch)
        kept = repository.kept()
        began, clock = datetime.now(UTC), time.monotonic()
        say(f"The newest backup: {kept.label}, finished {kept.finished:%Y-%m-%d %H:%M:%S} UTC.")
        scratch.must_have_room(kept.size)
        _copy_beside(beside, scratch.private)
        repository.restore(kept, scratch, say)
        say(f"Restored after {time.monotonic() - clock:.1f} s; starting PostgreSQL …")
        cluster = RestoredCluster(scratch)
        try:
            cluster.begin(repository, say)
            reached, ended = cluster.reached(), datetime.now(UTC)
            say(f"Recovered after {time.monotonic() - clock:.1f} s; checking …")
            gap = lost_between(kept, reached)
            found = [Verdict("wal", gap is None, gap or f"Replayed to its end, {kept.wal}.")]
            found.append(_alone(cluster, database))
            sealed = _newest_seal(cluster, database)  # before the recovery adds its own
            rto_s = None
            for verdict in _checked(cluster, database, scratch):
                say(f"{verdict.check}: {verdict.says}")
                found.append(verdict)
                if verdict.check == "answers" and verdict.well:
                    rto_s = time.monotonic() - clock
            found += _compared(cluster, database, sealed)
        finally:
            cluster.end()
    newest = reached.newest or kept.finished
    return Report(kept.label, began, newest, rto_s, _seconds(newest, ended), found)


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())


def _must_reach(scratch: Scratch) -> None:
    if run(["test", "-x", scratch.cluster], as_cluster_user=True).returncode != 0:
        raise DrillFailed(
            f"The user who runs the copy cannot enter {scratch.place}: use a folder that every user"
            " may pass through, such as /var/tmp/cairn-drill."
        )


def _copy_beside(beside: Beside, private: Path) -> None:
    """Copy the keys, the witness's file and the journal to where they are erased. Raises
    DrillFailed."""
    try:
        if not (beside.keys / "root.key").exists():
            raise DrillFailed(f"{beside.keys} is no folder of keys: it has no root.key.")
        shutil.copytree(beside.keys, private / "keys", ignore=_drafts)
        (private / "witness").mkdir(mode=0o700)
        if beside.witness.exists():
            shutil.copyfile(beside.witness, private / "witness" / "log.ndjson")
        _copy_journals(beside.journals, private)
    except (OSError, shutil.Error) as error:
        raise DrillFailed(
            f"The keys, the witness's file or the journal cannot be copied: {error}."
        ) from error


def _copy_journals(folders: list[Path], private: Path) -> None:
    """Each to a folder of its own, and this host's file, which the recovery goes on with, also to
    where the copy's settings look for it."""
    own = private / "journal"
    own.mkdir(mode=0o700)
    for number, folder in enumerate(folders):
        if not folder.is_dir():
            raise DrillFailed(f"{folder} is no folder of a journal.")
        copy = private / "journals" / str(number)
        shutil.copytree(folder, copy, ignore=_drafts)
        for file in copy.glob(f"{host_name()}.*"):
            if not (there := own / file.name).exists() or (
                there.stat().st_size < file.stat().st_size
            ):
                shutil.copyfile(file, there)


def _drafts(folder: str, names: list[str]) -> list[str]:
    """What a writer is about to rename: it may be gone at any moment."""
    return [one for one in names if one.count(".") > 1]


def _alone(cluster: RestoredCluster, database: str) -> Verdict:
    """The copy listens on its socket only, archives nothing, and no one is in it."""
    until = time.monotonic() + LEAVES_WITHIN_S
    with closing(cluster.session(database)) as session, session.cursor() as cursor:
        session.autocommit = True
        while True:
            cursor.execute(
                "SELECT current_setting('listen_addresses'), current_setting('archive_mode'),"
                " current_setting('shared_preload_libraries'),"
                " (SELECT count(*) FROM pg_stat_activity"
                "   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),"
                " (SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'logical%apply%')"
            )
            found = cursor.fetchone()
            # A session of ours that has ended is listed until its process has.
            if found[3] == 0 or time.monotonic() > until:
                break
            time.sleep(0.05)
    if found != ("", "off", "", 0, 0):
        return Verdict("alone", False, "The copy is open to others, or sends something itself.")
    return Verdict("alone", True, "The copy has one socket, no archive, and no one else in it.")


def _checked(cluster: RestoredCluster, database: str, scratch: Scratch) -> Iterator[Verdict]:
    """The verdicts of the process that looks at the copy, as they come."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "api.settings",
        "DATABASE_URL": cluster.url("app", database),
        "CAIRN_HOME": str(scratch.private / "home"),
        "CAIRN_KEY_FOLDER": str(scratch.private / "keys"),
        "CAIRN_LOG_WITNESS": str(scratch.private / "witness" / "log.ndjson"),
        "CAIRN_JOURNAL": str(scratch.private / "journal"),
        "CAIRN_HOST_NAME": host_name(),
        "CAIRN_SECRET_KEY": settings.SECRET_KEY,
        "CAIRN_LOG_LEVEL": "CRITICAL",
        "CAIRN_TIME_ZONE": settings.NETWORK_TIME_ZONE,
    }
    with start(
        [*isolation.namespace(), sys.executable, "-m", "api.backup.restored_checks"],
        as_cluster_user=False,
        environment=environment,
        folder=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            for line in process.stdout or ():
                yield Verdict(*json.loads(line))
        finally:  # what asked may have been interrupted
            if sys.exc_info()[0] is not None:
                process.kill()
    if process.wait() != 0:
        yield Verdict("checks", False, f"The checks ended with status {process.returncode}.")


def _newest_seal(cluster: RestoredCluster, database: str) -> Checkpoint | None:
    with closing(cluster.session(database)) as session, session.cursor() as cursor:
        cursor.execute(NEWEST)
        row = cursor.fetchone()
    return Checkpoint(*row) if row else None


def _compared(cluster: RestoredCluster, database: str, sealed: Checkpoint | None) -> list[Verdict]:
    """The copy next to the live database."""
    with closing(cluster.session(database)) as session, session.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1"
        )
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM public."{name}"')  # noqa: S608 (the catalogue's)
            found[name] = cursor.fetchone()[0]
    estimates, live, same = _live(sealed)
    return [verdicts.compare_tables(found, estimates), verdicts.compare_logs(sealed, live, same)]


def _live(copy: Checkpoint | None) -> tuple[dict[str, int], Checkpoint | None, str | None]:
    """The live database's estimates by table, its newest checkpoint, and its text of the copy's;
    nothing where it does not answer."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT c.relname, c.reltuples::bigint FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'public' AND c.relkind = 'r'"
            )
            estimates = dict(cursor.fetchall())
        with connections[SEALER].cursor() as cursor:
            cursor.execute(NEWEST)
            row = cursor.fetchone()
            cursor.execute("SELECT body FROM log_checkpoint WHERE seq = %s", [copy and copy.seq])
            same = cursor.fetchone()
    except Error:
        return {}, None, None
    return estimates, Checkpoint(*row) if row else None, same[0] if same else None
