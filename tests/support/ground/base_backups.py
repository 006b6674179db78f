"""A base backup of a cluster of the tests, and the WAL behind it, as a folder that a drill takes.

The cluster archives nothing: the copy is made by PostgreSQL's low-level backup functions, and its
segments are copied out of pg_wal.
"""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

LEFT_OUT = ("postmaster.pid", "postmaster.opts", "server.log", "pg_wal", "pg_replslot")


def take_base(cluster: Any, folder: Path) -> None:
    """Make `folder`/base/one of the cluster, and `folder`/wal with what it needs."""
    base = folder / "base" / "one"
    (folder / "wal").mkdir(parents=True)
    with closing(cluster.connect_superuser()) as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_backup_start('tests', fast => true)")
        shutil.copytree(_data(cluster), base, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (base / "pg_wal").mkdir(mode=0o700)
        (base / "pg_replslot").mkdir(mode=0o700)
        cursor.execute("SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)")
        (base / "backup_label").write_text(cursor.fetchone()[0])
    archive(cluster, folder / "wal")


def archive(cluster: Any, wal: Path) -> None:
    """Begin a new segment of WAL, and copy those before it that are not in the archive."""
    with closing(cluster.connect_superuser()) as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_switch_wal()")
        cursor.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        (current,) = cursor.fetchone()
    for one in sorted((_data(cluster) / "pg_wal").iterdir()):
        if len(one.name) == 24 and one.name < current and not (wal / one.name).exists():
            shutil.copyfile(one, wal / one.name)


def _data(cluster: Any) -> Path:
    with closing(cluster.connect_superuser()) as session, session.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        return Path(cursor.fetchone()[0])
