"""`manage.py walkthrough`: run the story over HTTP against the running server."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from api.dev import walkthrough
from api.dev.parties import Differs


class Command(BaseCommand):
    help = (
        "Play one referral from start to end over HTTP against the running server. Prints each"
        " request and answer, and what that party can and cannot see. The exit status is 1 if"
        " anything differs from the design."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo",
            type=Path,
            metavar="FILE",
            help="the demo.json to use (default: CAIRN_HOME/demo.json)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["demo"] or settings.HOME / "demo.json"
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            raise CommandError("There is no demo network here. Start it: make run") from None
        try:
            walkthrough.walk(content, self._say)
        except Differs as difference:
            raise CommandError(f"Differs from the design: {difference}") from None
        except requests.ConnectionError:
            raise CommandError(
                f"No server answers at {content['base_url']}. Start it: make run"
            ) from None

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
