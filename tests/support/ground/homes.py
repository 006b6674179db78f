"""A demo network of its own, which may be killed: cluster, server process, partner systems."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests

from api.dev import processes
from api.dev.parties import PartnerSystem
from api.dev.postgres import Cluster
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import SOON


class Home:
    """A demo network on a free port: `start`, `kill`, and start again."""

    def __init__(self, folder: Path) -> None:
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self.cluster = Cluster(folder)
        self.folder = folder
        others = {"DATABASE_URL", "CAIRN_KEY_FOLDER"}
        self.env = {name: value for name, value in os.environ.items() if name not in others}
        self.env |= {"CAIRN_HOME": str(folder), "CAIRN_BASE_URL": self.base_url}
        self.env |= {"CAIRN_LOG_LEVEL": "CRITICAL"}
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        self.cluster.start()
        subprocess.run(
            [sys.executable, "manage.py", "prepare"],
            env=self.env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self._serve()
        content: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return content

    def resume(self) -> None:
        """Start again what was killed."""
        self.cluster.start()
        self._serve()

    def _serve(self) -> None:
        self.server = subprocess.Popen(
            processes.gunicorn(self.base_url),
            env=self.env,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        processes.wait_until_ready(self.base_url, self.server)

    def kill(self) -> None:
        """Both at once, without a chance to finish anything."""
        assert self.server is not None
        os.kill(postmaster(self.cluster), signal.SIGKILL)
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()

    def end(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            self.server.wait(SOON)
        self.cluster.erase()


@pytest.fixture
def home() -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(prefix="cairn-killed-"))
    folder.chmod(0o755)  # the database's own user looks in
    made = Home(folder)
    yield made
    made.end()
    shutil.rmtree(folder, ignore_errors=True)


def system(demo: dict[str, Any], key: str) -> PartnerSystem:
    client = next(one for one in demo["clients"] if one["agency"] == key)
    staff = next(one["id"] for one in demo["members"] if one["username"] == f"{key}.worker")
    return PartnerSystem(key, demo["base_url"], client, demo["token_url"], staff)


def service_of(demo: dict[str, Any], key: str) -> str:
    """The first service of the directory that this agency answers for."""
    agency = next(one["id"] for one in demo["agencies"] if one["key"] == key)
    listed = requests.get(
        f"{demo['base_url']}/v1/directory/services", {"answered_by": agency}, timeout=30
    )
    return str(listed.json()["contents"][0]["id"])


def ask(cluster: Cluster, role: str, question: str, database: str = "cairn") -> list[tuple]:
    with closing(psycopg2.connect(**cluster.dsn(role, database))) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchall() if cursor.description else []


def data_of(cluster: Cluster) -> Path:
    [(data,)] = ask(cluster, "postgres", "SHOW data_directory", "postgres")
    return Path(data)


def postmaster(cluster: Cluster) -> int:
    """The server's process id: for killing it only."""
    return int((data_of(cluster) / "postmaster.pid").read_text().split()[0])
