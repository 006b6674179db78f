"""`python -m tests.support.ground.forked_workers`: a process that has loaded all of Cairn and forks
a worker for each line that it reads, so that a hundred can be killed without waiting for a hundred
to load.

Each is `manage.py worker run --only JOB`, in a process of its own; a line names the jobs, the
answer is the process's id.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from tests.support.ground.waiting import SOON


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
    import django
    from django.core.management import call_command

    django.setup()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who is killed is gone, and waits for nobody
    for line in sys.stdin:
        if child := os.fork():
            sys.stdout.write(f"{child}\n")
            sys.stdout.flush()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        call_command("worker", "run", *[f"--only={name}" for name in line.split()])
        os._exit(0)


class ForkedWorkers:
    """The other end of it, for tests: `start` workers, `kill` them."""

    def __init__(self, env: dict[str, str]) -> None:
        self._alive: set[int] = set()
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ground.forked_workers"],
            env=os.environ | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *jobs: str) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(f"{' '.join(jobs)}\n")
        self._parent.stdin.flush()
        worker = int(self._parent.stdout.readline())
        self._alive.add(worker)
        return worker

    def kill(self, worker: int) -> None:
        """kill -9, and wait until it is gone."""
        self._alive.discard(worker)
        os.kill(worker, signal.SIGKILL)
        while _is_there(worker):
            time.sleep(0.001)

    def __enter__(self) -> "ForkedWorkers":
        return self

    def __exit__(self, *_: Any) -> None:
        for worker in [*self._alive]:
            self.kill(worker)
        self._parent.communicate(timeout=SOON)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
