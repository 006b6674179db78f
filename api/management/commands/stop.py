"""`manage.py stop`: stop what `manage.py run` started."""

import os
import shutil
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from api.dev import processes
from api.dev.postgres import Cluster

FILES = (
    *("demo.json", "secret_key", "walkthrough-passed", "run.lock", "demo-messages.jsonl"),
    "demo-webhooks.jsonl",
)


class Command(BaseCommand):
    help = "Stop the demo's server and database. Safe to run twice."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--erase",
            action="store_true",
            help="also delete its database, keys, secrets, messages, and the files of the witness"
            " and of the journal",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        ran = processes.stop_running(settings.HOME)
        if not os.environ.get("DATABASE_URL"):
            Cluster(settings.HOME).stop()
        self.stdout.write("The demo is stopped." if ran else "The demo was not running.")
        if not options["erase"]:
            return
        if not os.environ.get("DATABASE_URL"):
            Cluster(settings.HOME).erase()
            # It belongs to that database's log. The next log would be reported as forked.
            shutil.rmtree(settings.HOME / "witness", ignore_errors=True)
            shutil.rmtree(settings.HOME / "journal", ignore_errors=True)
        for name in FILES:
            (settings.HOME / name).unlink(missing_ok=True)
        for name in ("keys", "keys-copy"):
            shutil.rmtree(settings.HOME / name, ignore_errors=True)
        self.stdout.write(
            "Deleted: database, keys, secrets, messages, the witness's file, the journal."
        )
