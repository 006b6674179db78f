"""A verb of `directory` in a process of its own, which a test kills."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from django.db import connections

from permissions.database.advisory_locks import IMPORTING
from permissions.database.aliases import JOBS
from tests.support.ground.cluster import HOME
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import SOON, until

# As the command runs it, with a few organizations a transaction, so that many are left.
COMMAND = """
import sys
import django
django.setup()
from django.core.management import execute_from_command_line
from directory.importing import import_package, sources
import_package.BATCH = sources.ORGANIZATIONS = 5
execute_from_command_line(["manage.py", "directory", *sys.argv[1:]])
"""


def starts(folder: Path, database: str, *options: str) -> "subprocess.Popen[str]":
    """Import the folder as the source `test`."""
    return starts_verb(database, "import", str(folder), "--source", "test", *options)


def starts_verb(database: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "CAIRN_HOME": str(HOME),
            "CAIRN_DATABASE": database,
            "DJANGO_SETTINGS_MODULE": "api.settings",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def stops_after(process: "subprocess.Popen[str]", said: str) -> None:
    """Kill it as soon as it has said this."""
    assert process.stderr
    for line in process.stderr:
        if line.startswith(said):
            break
    else:
        raise AssertionError(f"it never said {said!r}")
    stops(process)
    sources_are_free()


def stops(process: "subprocess.Popen[str]") -> None:
    """Kill it now. Its session at the server ends a little later: sources_are_free."""
    process.send_signal(signal.SIGKILL)
    process.wait(SOON)
    assert process.stderr
    process.stderr.close()


def sources_are_free() -> None:
    """Wait until the server has ended the session of an import that was killed. Until then its
    source is locked, and the next import is refused."""
    with connections[JOBS].cursor() as cursor:

        def free() -> bool:
            cursor.execute(
                "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                [IMPORTING],
            )
            ((so,),) = cursor.fetchall()
            return bool(so)

        until(free, "the end of the killed import's session")
