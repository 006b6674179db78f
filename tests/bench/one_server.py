"""A server of WSGI as a process: its start, its end, its memory, and one question to it."""

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Server:
    name: str
    command: list[str]
    port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    figures: dict[str, str] = field(default_factory=dict)

    def start(self, log: Path) -> None:
        with log.open("ab") as out:
            self.process = subprocess.Popen(self.command, env=self.env, stdout=out, stderr=out)
        wait_for(self.answers_or_ended, 120)

    def answers_or_ended(self) -> bool:
        """Raises SystemExit if the server did not start."""
        assert self.process
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} did not start: see its log.")
        return answers(self.port)

    def stop(self) -> float:
        """Seconds until it has ended after TERM."""
        assert self.process
        began = time.monotonic()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        self.process.kill()
        return time.monotonic() - began

    def workers(self) -> list[int]:
        assert self.process
        return [pid for pid, parent in processes() if parent == self.process.pid]

    def memory_mib(self) -> float:
        """What all its processes hold; shared pages count once (PSS)."""
        assert self.process
        total = 0
        for pid in (self.process.pid, *self.workers()):
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
        return total / 1024


def processes() -> Iterator[tuple[int, int]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            yield int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])


def wait_for(so: Callable[[], Any], seconds: float) -> float:
    """Until it is so; how long that took. Raises SystemExit."""
    began = time.monotonic()
    while not so():
        if time.monotonic() - began > seconds:
            raise SystemExit("It did not come to that in time.")
        time.sleep(0.02)
    return time.monotonic() - began


def answers(port: int, within: float = 5) -> bool:
    return ask(port, "/waits/0", within) is not None


def ask(port: int, path: str, within: float = 30, head: str = "") -> int | None:
    """The status, or None where no whole answer came."""
    try:
        with socket.create_connection(("127.0.0.1", port), within) as line:
            line.settimeout(within)
            line.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n".encode()
            )
            line.sendall(f"{head}\r\n".encode())
            received = b""
            while piece := line.recv(65536):
                received += piece
        return int(received.split(b" ", 2)[1]) if b"\r\n\r\n" in received else None
    except (OSError, ValueError, IndexError):
        return None
