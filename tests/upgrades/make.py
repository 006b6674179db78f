"""A small dump of a lived-in demo network, kept for each release: `python -m tests.upgrades.make`.

Run it once, at the release (docs/release-checklist.md). It serves this checkout in a home of its
own, with the whole walkthrough, and writes into `tests/upgrades/<version>/`:

    database.sql.gz   the database, as INSERT statements that any PostgreSQL from 15 on takes
    home.tar.gz       what belongs to it: the demo's keys, secrets and passwords, the log's witness

All of it is the invented demo network; the keys open nothing else.
"""

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.dev.postgres import Cluster
from api.postgres_binaries import find_binaries
from tests.support.ground.ports import free_port

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
KEPT = ("demo.json", "keys", "secret_key", "witness")
SERVING = "Ctrl-C stops everything"
# What psql alone understands, and a setting that PostgreSQL 15 and 16 do not know.
_SKIPPED = ("\\", "SET transaction_timeout")


@contextmanager
def served(home: Path, checkout: Path = REPOSITORY) -> Iterator[str]:
    """`manage.py run` of `checkout` on `home`, until it serves; its address. Stopped at the end.

    Raises AssertionError with all that it printed where it does not come to serve.
    """
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("CAIRN_")}
    env |= {"CAIRN_HOME": str(home), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run"],
        cwd=checkout,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = []
    try:
        for line in process.stdout:
            printed.append(line)
            if SERVING in line:
                break
        else:
            raise AssertionError("".join(printed))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()  # as Ctrl-C, which a process in the background may ignore
        process.communicate(timeout=150)


def dump(cluster: Cluster, file: Path) -> None:
    """The database `cairn` of a running cluster, compressed, the same bytes for the same rows."""
    dsn = cluster.dsn("postgres")
    words = [*("--inserts", "--rows-per-insert=100", "--host", str(dsn["host"])), "--username"]
    words += [dsn["user"], "--port", str(dsn["port"]), "cairn"]
    binary = find_binaries() / "pg_dump"
    env = {**os.environ, "PGPASSWORD": dsn["password"]}
    sql = subprocess.run([binary, *words], env=env, capture_output=True, check=True).stdout
    lines = (line for line in sql.decode().splitlines(keepends=True))
    kept = "".join(line for line in lines if not line.startswith(_SKIPPED))
    file.write_bytes(gzip.compress(kept.encode(), mtime=0))


def main() -> None:
    from django.conf import settings

    home = REPOSITORY / "var" / "upgrade-dump"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    folder = HERE / settings.VERSION
    folder.mkdir(exist_ok=True)
    with served(home):
        dump(Cluster(home), folder / "database.sql.gz")
    with tarfile.open(folder / "home.tar.gz", "w:gz") as archive:
        for name in KEPT:
            archive.add(home / name, name)
    Cluster(home).erase()
    shutil.rmtree(home)
    print(*(f"{one.name}: {one.stat().st_size:,} bytes" for one in folder.iterdir()), sep="\n")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
    main()
