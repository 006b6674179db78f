"""A real server process on the test database: one for all files of a worker.

Between two files its processes are replaced, so that none knows a database or a key of before.
"""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.dev import processes
from tests.support.ground.cluster import HOME
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import stop, until

LOADED_BEFORE = ("--config", "python:tests.support.ground.gunicorn_conf")
PROCESSES = 2


@dataclass
class Server:
    """A real gunicorn on the test database; `demo` is what demo.json would say of it."""

    base_url: str
    demo: dict[str, Any]
    process: subprocess.Popen[bytes]

    def member(self, who: str) -> dict[str, Any]:
        return next(one for one in self.demo["members"] if one["username"] == who)

    def client(self, key: str) -> dict[str, Any]:
        return next(one for one in self.demo["clients"] if one["agency"] == key)


def begin(database: str, *options: str) -> tuple[str, "subprocess.Popen[bytes]"]:
    """Start gunicorn on this database. Return its URL and its process, once it is ready."""
    base_url = f"http://127.0.0.1:{free_port()}"
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.support.ground.settings",
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": database,
        "CAIRN_BASE_URL": base_url,
        "CAIRN_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([*processes.gunicorn(base_url), *options], env=env)
    try:
        processes.wait_until_ready(base_url, process)
    except BaseException:
        stop(process)
        raise
    return base_url, process


def children(process: "subprocess.Popen[bytes]") -> set[int]:
    """The processes that answer."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return set(map(int, text.split()))


class OneServer:
    """What is started when the first file asks for it, and runs until the last has ended."""

    def __init__(self) -> None:
        self._running: tuple[str, str, subprocess.Popen[bytes]] | None = None

    def on(self, database: str) -> tuple[str, "subprocess.Popen[bytes]"]:
        """Return its URL and its process, with new processes on this database."""
        if self._running is not None:
            begun, base_url, process = self._running
            if begun == database and process.poll() is None:
                self._replace(process)
                processes.wait_until_ready(base_url, process)
                return base_url, process
            self.end()
        base_url, process = begin(database, *LOADED_BEFORE)
        self._running = database, base_url, process
        return base_url, process

    def _replace(self, process: "subprocess.Popen[bytes]") -> None:
        old = children(process)
        for pid in old:
            os.kill(pid, signal.SIGQUIT)  # at once: no one waits for an answer
        until(
            lambda: not children(process) & old and len(children(process)) == PROCESSES,
            "a new process of the server",
        )

    def end(self) -> None:
        """Twice is safe."""
        if self._running is not None:
            stop(self._running[2])
            self._running = None
