"""manage.py purge"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from permissions.errors import Refused
from referrals.deadlines import purge

SAYS = {
    "draft": "drafts, 24 hours after their last change",
    "packet": "packets that nobody accepted, 24 hours after the end",
    "unopened": "recipients' keys to packets they never opened",
    "sent": "senders' parts, after their agency's retention",
    "received": "recipients' parts, after their agency's retention",
    "tell_from": "senders told that their part goes in seven days",
    "tell_to": "recipients told that their part goes in seven days",
    "ask": "recipients asked about what lies idle for 14 days",
    "end": "referrals that lay idle for 21 days, ended as `unable`",
    "keys": "agencies' keys that wrapped what is gone, ended",
}


class Command(BaseCommand):
    help = (
        "Purge what is due (R13): keys with rows, then what wrapped them; tell agencies what"
        " goes in seven days; ask about what lies idle. `work` does it every hour; a run that was"
        " killed is made good by the next."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what is due now")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self._say(purge.preview(), "due")
            return
        try:
            self._say(purge.run(self._progress), "done")
        except Refused as error:
            raise CommandError(error.detail) from error

    def _say(self, counts: dict[str, int], word: str) -> None:
        for name, count in counts.items():
            if count:
                self.stdout.write(f"{count} {word}: {SAYS[name]}")
        if not any(counts.values()):
            self.stdout.write(f"Nothing {word}.")

    def _progress(self, agency: str, done: int) -> None:
        self.stderr.write(f"{agency}: {done} so far")
