"""`manage.py messages status|retry`: the queue of mail, text messages and calls."""

from django.conf import settings
from django.core.management.base import CommandError

from permissions.database.aliases import JOBS
from permissions.identity.contact_channels import KINDS
from permissions.management.noun import NounCommand, Options
from referrals.notifications import mail_copies, sent_messages
from referrals.operation import deliveries


class Command(NounCommand):
    help = "Look at the mail, text messages (SMS) and calls that notify agencies, and retry them."

    def add_verbs(self) -> None:
        """Neither shows an address, a person or a referral."""
        self.verb(
            "status",
            self._status,
            "Count the messages by kind, state and outcome, and name the provider of each kind.",
            "No address, no person and no referral is shown. The exit status is 1 if a kind of"
            " message does not get through: its first has waited for more than five minutes, or the"
            " last that ended was given up.",
        )
        retry = self.verb(
            "retry",
            self._retry,
            "Try the dead messages again from the start.",
            examples="  manage.py messages retry\n  manage.py messages retry --kind sms\n",
        )
        retry.add_argument("--kind", choices=KINDS, help="only messages of this kind")

    def _status(self, options: Options) -> None:
        wrong = []
        for name, provider in settings.SENDERS.items():
            self.stdout.write(f"{name:6} sent by {provider or 'no provider: nothing is sent'}")
        if settings.MAIL_COPIES:
            sent, found = mail_copies.count_recent_copies()
            arrived = (
                "the mailbox of copies does not answer" if found is None else f"{found} have a copy"
            )
            self.stdout.write(f"copies of the newest {sent} mails: {arrived}")
            if found is None:
                wrong.append("the mailbox of copies does not answer")
        for kind, state, outcome, number in sent_messages.counts():
            self.stdout.write(f"{kind:6} {state:8} {outcome:20} {number:8}")
        stuck = deliveries.stuck_kinds(deliveries.queues(JOBS))
        wrong += [f"{kind} does not get through" for kind in stuck]
        if wrong:
            raise CommandError(f"In trouble: {'; '.join(wrong)}. deploy/RUNBOOK.md, Messages.")

    def _retry(self, options: Options) -> None:
        count = sent_messages.retry_dead(options["kind"])
        self.stdout.write(f"{count} messages will be tried again.")
