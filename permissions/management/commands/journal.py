"""`manage.py journal status|begin`: the journal of closings outside the database."""

from django.core.management.base import CommandError

from permissions.health import checks
from permissions.management.noun import NounCommand, Options
from permissions.recovery import journal, outbox
from permissions.recovery.journal import JournalFault


class Command(NounCommand):
    help = "Check the journal of what was taken away, or begin it again after its disk was lost."
    refusals = (JournalFault, OSError)

    def add_verbs(self) -> None:
        """Both work on the file of the machine on which the command runs, and on the database."""
        self.verb(
            "status",
            self._status,
            "Verify the journal of every machine, and count what waits for it.",
            "The exit status is 1 if something is not as it was written, or has waited for more"
            " than half a minute.",
        )
        self.verb(
            "begin",
            self._begin,
            "Begin this machine's file again, with all that the database holds.",
            "Only where its file is lost for good: after a restore of the database, what the file"
            " said and the database has lost would be lost with it. What is left of the file is"
            " put aside.",
        )

    def _status(self, options: Options) -> None:
        entries, last = journal.read(), journal.last()
        waiting, lag_s = outbox.waiting(), checks.journal_lag_s()
        number = last.number if last else 0
        self.stdout.write(
            f"{len(entries)} closings are in the journal, as they were written; the last one of"
            f" this machine is entry {number}."
        )
        if waiting:
            self.stdout.write(f"{waiting} wait for it, the oldest for {lag_s:.0f} seconds.")
        if lag_s > checks.JOURNAL_LATE_S:
            raise CommandError(
                "The journal is not written: does `worker run` run, is CAIRN_JOURNAL mounted, and"
                " has its disk room?"
            )

    def _begin(self, options: Options) -> None:
        self.stdout.write(f"{outbox.begin_again()} closings were written. The journal goes on.")
