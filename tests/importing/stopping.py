"""A verb of `directory` in a process of its own, which a test kills."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from permissions.database.advisory_locks import IMPORTING, try_lock
from permissions.database.aliases import JOBS
from tests.support.ground.cluster import HOME
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import SOON, until

SOURCE = "test"
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
    return starts_verb(database, "import", str(folder), "--source", SOURCE, *options)


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
    source_is_free()


def stops(process: "subprocess.Popen[str]") -> None:
    """Kill it now. Its session at the server ends a little later: source_is_free."""
    process.send_signal(signal.SIGKILL)
    process.wait(SOON)
    assert process.stderr
    process.stderr.close()


def source_is_free() -> None:
    """Wait until the server has ended the session of an import that was killed. Until then the
    source is locked, and its next import is refused."""

    def free() -> bool:
        with try_lock(JOBS, IMPORTING, SOURCE) as taken:
            return taken

    until(free, "the end of the killed import's session")
