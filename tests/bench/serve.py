"""Two servers with the same worker settings, a client that costs next to nothing, and CPU time."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from api.dev import processes
from api.dev.postgres import SUPERUSER, Cluster
from tests.support.ground.ports import free_port

READY_WITHIN_S = 60


@dataclass
class Served:
    """One running gunicorn; its database sessions bear `name`."""

    name: str
    database: str
    port: int
    process: subprocess.Popen[bytes]

    def workers(self) -> list[int]:
        """The process that was started, which serves or does next to nothing, and its children."""
        children = [
            int(path.name)
            for path in Path("/proc").glob("[0-9]*")
            if _parent(path) == self.process.pid
        ]
        return [self.process.pid, *children]


@contextmanager
def serve(
    cluster: Cluster,
    home: Path,
    application: str,
    name: str,
    database: str,
    *,
    exempt: bool = False,
    threads: int | None = None,
    peers: Path | None = None,
    workers: int = 1,
) -> Iterator[Served]:
    """gunicorn with `application` on `database`, as `make run` starts it, but for the workers.

    `exempt`: its requests go to the database as the superuser, whom no policy concerns. `threads`:
    1 is gunicorn's sync worker. `peers`: the environment of a peer, served as its users do.
    """
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    command = [
        application if word == "api.wsgi" else word for word in processes.gunicorn(base_url)
    ] + ["--workers", str(workers), *(("--threads", str(threads)) if threads else ())]
    if peers is not None:
        command = [
            str(peers / "bin/python"),
            "-m",
            *_peer(application, port, workers, threads or 4),
        ]
    acts = home / "open_acts.json"
    env = os.environ | {
        "CAIRN_DATABASE": database,
        "CAIRN_BASE_URL": base_url,
        "CAIRN_LOG_LEVEL": "INFO",
        "PGAPPNAME": name,
        "BENCH_DSN": cluster.url(SUPERUSER, database),
        "BENCH_KEYS": str(home / "keys"),
        # Written for the referrals, if they are asked for.
        "BENCH_ACTS": str(acts) if acts.exists() else os.devnull,
    }
    if peers is not None:  # pytest, which `tests` imports, is not in it
        env["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    if exempt:
        env["DATABASE_URL"] = cluster.url(SUPERUSER, database)
    with (home / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        try:
            _wait_for(port, process, name)
            yield Served(name, database, port, process)
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def jobs(database: str, *names: str) -> Iterator[None]:
    """Run these jobs of the background work on a database."""
    command = [sys.executable, "manage.py", "worker", "run", "--only", *names]
    process = subprocess.Popen(command, env=os.environ | {"CAIRN_DATABASE": database})
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _peer(application: str, port: int, workers: int, threads: int) -> list[str]:
    if "fastapi" in application:
        command = ["uvicorn", f"{application}:app", "--host", "127.0.0.1", "--port", str(port)]
        return [*command, "--workers", str(workers), "--log-level", "warning", "--no-access-log"]
    command = ["gunicorn", application, "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    return [*command, "--worker-class", "gthread", "--threads", str(threads), "--no-control-socket"]


def _wait_for(port: int, process: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: see its log.") from None
            time.sleep(0.05)


class Line:
    """A kept-alive connection: one request, one answer, as bytes. http.client costs 0.1 ms."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. Only for answers that state their Content-Length."""
        self._socket.sendall(request)
        received = self._socket.recv(262144)
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._more()
        return int(head.split(b" ", 2)[1]), body

    def _more(self) -> bytes:
        received = self._socket.recv(262144)
        if not received:
            raise ConnectionError("The server hung up.")
        return received

    def close(self) -> None:
        self._socket.close()


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """An HTTP/1.1 request, ready to send."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        kind = [] if "Content-Type" in headers else ["Content-Type: application/json"]
        lines += [*kind, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# -- CPU time --------------------------------------------------------------------------------------

Cpu = dict[str, int]  # thread → nanoseconds on a CPU, in the kernel and out of it


def cpu_of(pids: list[int]) -> Cpu:
    """schedstat counts nanoseconds where /proc/…/stat counts hundredths of a second."""
    found = {}
    for pid in pids:
        with suppress(FileNotFoundError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                    found[task.name] = int((task / "schedstat").read_text().split()[0])
    return found


def used(before: Cpu, after: Cpu) -> float:
    """Seconds of CPU between two readings. A thread that began in between counts whole, and one
    that ended not at all: idle ones end."""
    return sum(value - before.get(one, 0) for one, value in after.items()) / 1e9


def back_ends(cluster: Cluster, name: str) -> list[int]:
    """The PostgreSQL processes that serve `name`."""
    with closing(cluster.connect_superuser()) as superuser:
        cursor = superuser.cursor()
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [name])
        return [row[0] for row in cursor.fetchall()]


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


if not sys.platform.startswith("linux"):
    raise SystemExit("The benchmark reads CPU time from /proc: Linux only.")
