"""`manage.py code USERNAME`: print a demo member's password and current one-time code."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from api.dev.parties import one_time_code


class Command(BaseCommand):
    help = "Print the password and the current one-time code of a member of the demo network."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="for example ywca.worker")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = json.loads((settings.HOME / "demo.json").read_text())
        except FileNotFoundError:
            raise CommandError("There is no demo network here. Start it: make run") from None
        for member in content["members"]:
            if member["username"] == options["username"]:
                self.stdout.write(f"{member['password']}  {one_time_code(member['totp_secret'])}")
                return
        names = ", ".join(member["username"] for member in content["members"])
        raise CommandError(f"The demo has no member of this name. Its members are: {names}.")
