"""A real server process on the test database: one for all files of a worker.

Each file has processes of its own, so that none knows a database or a key of before; and between
two files none runs, because a server writes by itself: its keys' place, what it checked.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.dev import processes
from tests.support.ground.cluster import HOME
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import stop, until

LOADED_BEFORE = ("--config", "python:tests.support.ground.gunicorn_conf")


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


@contextmanager
def server_of_its_own(database: str, network: dict[str, Any]) -> Iterator[Server]:
    """One that begins with today's environment, and loads Cairn in each process."""
    base_url, process = begin(database)
    try:
        yield served(base_url, network, process)
    finally:
        stop(process)


def served(base_url: str, network: dict[str, Any], process: "subprocess.Popen[bytes]") -> Server:
    urls = {"base_url": base_url, "token_url": f"{base_url}/oauth/token"}
    return Server(base_url, network | urls, process)


def children(process: "subprocess.Popen[bytes]") -> set[int]:
    """The processes that answer."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return set(map(int, text.split()))


def state_of(pid: int) -> str:
    """Z: it has ended, and its parent has not asked how; T: it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


class OneServer:
    """What is started when the first file asks for it, and runs until the last has ended."""

    def __init__(self) -> None:
        self._running: tuple[str, str, subprocess.Popen[bytes]] | None = None

    def on(self, database: str) -> tuple[str, "subprocess.Popen[bytes]"]:
        """Return its URL and its process, with new processes on this database."""
        if self._running is not None:
            begun, base_url, process = self._running
            if begun == database and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                processes.wait_until_ready(base_url, process)
                return base_url, process
            self.end()
        base_url, process = begin(database, *LOADED_BEFORE)
        self._running = database, base_url, process
        return base_url, process

    def rest(self) -> None:
        """End what answers, and hold the process that would start others until `on`."""
        if self._running is None or self._running[2].poll() is not None:
            return
        process = self._running[2]
        process.send_signal(signal.SIGSTOP)
        until(lambda: state_of(process.pid) == "T", "a server that rests")
        for pid in (answering := children(process)):
            os.kill(pid, signal.SIGKILL)
        until(lambda: {state_of(pid) for pid in answering} <= {"Z"}, "the end of its processes")

    def end(self) -> None:
        """Twice is safe."""
        if self._running is not None:
            self._running[2].send_signal(signal.SIGCONT)
            stop(self._running[2])
            self._running = None
