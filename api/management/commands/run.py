"""`manage.py run`: the demo on this machine, from an empty folder to a served, proven network."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from api.dev import processes
from api.dev.demo import TERMS_FILE
from api.dev.postgres import Cluster, PostgresError


class Command(BaseCommand):
    help = (
        "Run the demo on this machine: start the database, migrate, load the demo network once, and"
        " serve on 127.0.0.1:PORT. The first run also plays the walkthrough. Ctrl-C stops"
        " everything that it started."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOOPBACK:
            raise CommandError(
                "`run` serves the demo on this machine only. For a server see deploy/RUNBOOK.md."
            )
        began = time.monotonic()
        home: Path = settings.HOME
        home.mkdir(parents=True, exist_ok=True)
        self.server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.started = False  # whether we started the database
        cluster = None if os.environ.get("DATABASE_URL") else Cluster(home)
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, _interrupt)
        # Release the lock last: `stop` waits for it, and by then everything has ended.
        with processes.only_one(home):
            try:
                self._serve(home, cluster, began)
            except KeyboardInterrupt:
                self.stdout.write("")
            except PostgresError as error:
                raise CommandError(str(error)) from error
            finally:
                self._end(cluster)

    def _end(self, cluster: Cluster | None) -> None:
        """Stop what this process started. A second Ctrl-C does not interrupt this."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        for process in (self.worker, self.server):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(30)
        if cluster is not None and self.started:
            self._say("Stopping the database …")
            cluster.stop()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _serve(self, home: Path, cluster: Cluster | None, began: float) -> None:
        processes.check_port_is_free(settings.BASE_URL)
        if cluster is not None:
            self._say("Starting the database …")
            self.started = True
            cluster.start()
        os.environ.setdefault("CAIRN_TERMS", str(TERMS_FILE))
        # A separate process: its settings read the passwords that the first start has made.
        if subprocess.run([sys.executable, "manage.py", "prepare"], check=False).returncode:
            raise CommandError("The database could not be prepared. The reason is above.")
        self._say(f"Serving on {settings.BASE_URL} …")
        # Leave out the log line for each request: the story below is to be read (CAIRN_LOG_LEVEL).
        env = {"CAIRN_LOG_LEVEL": "WARNING"} | os.environ
        self.server = subprocess.Popen(
            processes.gunicorn(settings.BASE_URL), preexec_fn=_die_with_parent, env=env
        )
        processes.wait_until_ready(settings.BASE_URL, self.server)
        self.worker = subprocess.Popen(processes.worker(), preexec_fn=_die_with_parent, env=env)
        self._say(f"Ready after {time.monotonic() - began:.1f} s.")
        self._walk_once(home)
        self._say(_banner(home))
        code = self.server.wait()
        raise CommandError(f"The server ended with status {code}.")

    def _walk_once(self, home: Path) -> None:
        """Run the walkthrough over HTTP, unless it has passed before in this home."""
        passed = home / "walkthrough-passed"
        if passed.exists():
            return
        if subprocess.run([sys.executable, "manage.py", "walkthrough"], check=False).returncode:
            raise CommandError("The walkthrough differs from the design. The difference is above.")
        passed.touch()


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _die_with_parent() -> None:
    """On Linux, end the server if this process is killed, so that it does not keep the port."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is ours to handle: we end it in order
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _banner(home: Path) -> str:
    return f"""
  Desk       {settings.BASE_URL}/
  API page   {settings.BASE_URL}/docs
  Sandbox    {settings.BASE_URL}/demo (for partner systems: clock, scenarios, webhooks)
  Messages   {settings.BASE_URL}/demo/messages (what a server would have sent)
  Who can sign in, with which password and one-time code secret: {home / "demo.json"}
             for example police.worker (an officer), ywca.worker (an advocate), ywca.auditor.
             Password and code:  .venv/bin/python manage.py code ywca.worker
  Ctrl-C stops everything. `make stop` from elsewhere does the same; `make reset` deletes all.
"""
