"""manage.py messages status|retry"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from permissions.identity.contact_channels import KINDS
from referrals.notifications import mail_copies, message_queue

EXAMPLES = """\
examples:
  manage.py messages status            # what waits, what was sent, what is dead, and why
  manage.py messages retry             # every dead one again, from the start
  manage.py messages retry --kind sms
"""


class Command(BaseCommand):
    help = (
        "Mail, SMS and calls that tell agencies what waits: how many, by kind, state and outcome;\n"
        "and the dead ones once more. Shows no address, no person and no referral."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        what = parser.add_subparsers(dest="what", required=True)
        what.add_parser("status", help="how many of each, and who sends them")
        retry = what.add_parser("retry", help="try the dead ones again")
        retry.add_argument("--kind", choices=KINDS, help="of this kind alone")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "retry":
            self.stdout.write(f"{message_queue.retry_dead(options['kind'])} will be tried again")
            return
        for name, provider in settings.SENDERS.items():
            self.stdout.write(f"{name:6} by {provider or 'nobody: nothing is sent'}")
        if settings.MAIL_COPIES:
            sent, found = mail_copies.count_recent_copies()
            said = "the mailbox does not answer" if found is None else f"{found} have their copy"
            self.stdout.write(f"copies of the newest {sent} mails: {said}")
        for kind, state, outcome, number in message_queue.counts():
            self.stdout.write(f"{kind:6} {state:8} {outcome:20} {number:8}")
