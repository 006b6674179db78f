"""manage.py work"""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from referrals import worker as job_worker


class Command(BaseCommand):
    help = (
        "Do the background work until SIGTERM or Ctrl-C; each job then finishes its step. All jobs"
        " in one process, or some of them with --only. Any number of these may run at once. A job"
        " that fails says so in the log, is tried again, and stops no other."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [job.name for job in job_worker.JOBS]
        parser.add_argument(
            "--only", action="append", choices=names, help="this job alone; more than once: these"
        )
        parser.add_argument(
            "--once", action="store_true", help="do what is due now, until nothing is, and end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        jobs = job_worker.jobs_named(options["only"] or ())
        if options["once"]:
            if failed := job_worker.run_until_idle(jobs):
                raise CommandError(f"Failed, see the log: {', '.join(failed)}.")
            return
        worker = job_worker.Worker(jobs)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.end())
        worker.run()
