"""The demo's processes on one machine: one `run` at a time; only our own are found and ended."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.core.management.base import CommandError

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "gunicorn.conf.py"
STOPPED_WITHIN_S = 40
READY_WITHIN_S = 60


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold `home`/run.lock, which names our process. Raises CommandError if another holds it."""
    with open(home / "run.lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError("The demo is already running. `make stop` ends it.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def stop_running(home: Path) -> bool:
    """End the running `run` and wait for it. Returns False if none runs; raises CommandError."""
    try:
        file = open(home / "run.lock", "r+")  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        return False
    with file:
        if _free(file.fileno()):
            return False
        # Only the lock's holder writes here, and it is alive: the number is its own.
        text = file.read().strip()
        if text.isdigit():
            os.kill(int(text), signal.SIGTERM)
        deadline = time.monotonic() + STOPPED_WITHIN_S
        while time.monotonic() < deadline:
            if _free(file.fileno()):
                return True
            time.sleep(0.05)
    raise CommandError(f"The demo did not stop within {STOPPED_WITHIN_S} s. Look at its terminal.")


def _free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def check_port_is_free(base_url: str) -> None:
    """Raise CommandError if the port is taken, before anything is started."""
    host, port = urlsplit(base_url).hostname or "", urlsplit(base_url).port or 80
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise CommandError(
                f"Port {port} is taken. Use another one: make run PORT={port + 1}"
            ) from None


def wait_until_ready(base_url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until /health/ready answers 200. Raises CommandError if `server` ended, does not answer,
    is not ready in time, or has a database with another schema."""
    deadline = time.monotonic() + READY_WITHIN_S
    failed: list[str] = []
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CommandError("The server did not start. The reason is above.")
        try:
            answer = requests.get(f"{base_url}/health/ready", timeout=5)
            if answer.status_code == 200:
                return
            if answer.status_code == 503:
                states = answer.json().get("checks", {})
                failed = [name for name, state in states.items() if state == "failed"]
                if "schema" in failed:
                    raise CommandError(
                        "This server's database has to be upgraded. `manage.py schema` says how."
                    )
        except requests.RequestException:
            pass
        time.sleep(0.05)
    if failed:
        raise CommandError(f"The server is not ready: {', '.join(failed)}. Its log says why.")
    raise CommandError(f"The server did not answer within {READY_WITHIN_S} s.")


def worker() -> list[str]:
    """Return the command that does the background work."""
    return [sys.executable, "manage.py", "worker", "run"]


def gunicorn(base_url: str) -> list[str]:
    """Return the command that serves on this machine."""
    parts = urlsplit(base_url)
    return [
        *(sys.executable, "-m", "gunicorn", "api.wsgi", "--config", str(CONFIG)),
        *("--bind", f"{parts.hostname}:{parts.port}"),
        *("--workers", "2", "--threads", "4", "--no-control-socket"),
        *("--log-level", "warning"),
    ]
