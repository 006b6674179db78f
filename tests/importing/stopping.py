"""A verb of `directory` in a process of its own, which a test kills."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.ground.cluster import HOME
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import SOON

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


def stops(process: "subprocess.Popen[str]") -> None:
    """Kill it now."""
    process.send_signal(signal.SIGKILL)
    process.wait(SOON)
    assert process.stderr
    process.stderr.close()
