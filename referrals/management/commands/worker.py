"""`manage.py worker run|status|purge`: the background work."""

import signal

from django.core.management.base import CommandError

from permissions.database.aliases import JOBS
from permissions.health import log_lines
from permissions.health.heartbeats import Heartbeat, JobHealth, heartbeats, job_healths
from permissions.management.noun import NounCommand, Options
from referrals import worker as job_worker
from referrals.deadlines import purge

PURGED = {
    "draft": "drafts, 24 hours after their last change",
    "packet": "packets that no agency accepted, 24 hours after the referral's end",
    "unopened": "recipients' keys to packets they never opened",
    "sent": "senders' parts of referrals, after their agency's retention",
    "received": "recipients' parts of referrals, after their agency's retention",
    "tell_from": "senders notified that their part is purged in seven days",
    "tell_to": "recipients notified that their part is purged in seven days",
    "ask": "recipients asked about referrals that were idle for 14 days",
    "end": "referrals ended as `unable` after 21 idle days",
    "keys": "agencies' keys rotated, so that no backup opens what was purged",
}


class Command(NounCommand):
    help = "Run the background work, say how it is getting on, or run its purge alone."

    def add_verbs(self) -> None:
        """`run` is a process of its own; the others are for looking and for trouble."""
        run = self.verb(
            "run",
            self._run,
            "Do the background work until SIGTERM or Ctrl-C.",
            "Each job finishes its current step before the process ends. Any number of these"
            " processes may run at once, each with all jobs or with some. A job that fails is"
            " logged and retried, and the others go on.",
            examples="  manage.py worker run\n"
            "  manage.py worker run --only mail --only sms\n"
            "  manage.py worker run --once\n",
        )
        run.add_argument(
            "--only",
            action="append",
            choices=[job.name for job in job_worker.JOBS],
            metavar="JOB",
            help="run this job only; repeat for several: %(choices)s",
        )
        run.add_argument(
            "--once", action="store_true", help="do what is due now, then end the process"
        )
        self.verb(
            "status",
            self._status,
            "Say of each job when it was last done, on which machines, and whether it fails.",
            "It is read from the heartbeats of `worker run`, wherever that runs. The exit status is"
            " 1 if a job fails, or if no machine has been heard of in time. A machine is named by"
            " CAIRN_HOST_NAME, else by a code made of its name.",
        )
        once = self.verb(
            "purge",
            self._purge,
            "Purge now what is due (R13), and say what was purged.",
            "`worker run` does this every hour. Purging also notifies agencies of what is purged in"
            " seven days, and asks about idle referrals. If the command is killed, the next run"
            " finishes the work.",
        )
        once.add_argument(
            "--dry-run", action="store_true", help="list what is due now, and change nothing"
        )

    def _run(self, options: Options) -> None:
        jobs = job_worker.jobs_named(options["only"] or ())
        if options["once"]:
            if failed := job_worker.run_until_idle(jobs):
                raise CommandError(f"These jobs failed: {', '.join(failed)}. The log says why.")
            return
        log_lines.never_wait()
        worker = job_worker.Worker(jobs)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.end())
        worker.run()

    def _status(self, options: Options) -> None:
        found = heartbeats(JOBS)
        jobs = job_healths([job.name for job in job_worker.JOBS], found)
        for one in jobs:
            on = [row for row in found if row.job == one.job]
            self.stdout.write(f"{one.job:12} {_state(one):40} {', '.join(map(_machine, on))}")
        if wrong := [one.job for one in jobs if one.state != "ok"]:
            raise CommandError(
                f"{len(wrong)} of {len(jobs)} jobs are not done: {', '.join(wrong)}. The log of"
                " `worker run` says why (deploy/RUNBOOK.md, Alerts)."
            )

    def _purge(self, options: Options) -> None:
        if options["dry_run"]:
            self._report(purge.preview(), "due")
        else:
            self._report(purge.run(self._show_progress), "done")

    def _report(self, counts: dict[str, int], word: str) -> None:
        for name, count in counts.items():
            if count:
                self.stdout.write(f"{count} {word}: {PURGED[name]}")
        if not any(counts.values()):
            self.stdout.write("Nothing is due." if word == "due" else "Nothing was due.")

    def _show_progress(self, agency: str, done: int) -> None:
        self.stderr.write(f"{agency}: {done} so far")


def _state(one: JobHealth) -> str:
    if one.state == "never":
        return "never done"
    done = "never done" if one.done_s is None else f"done {one.done_s:.0f} s ago"
    if one.state == "failing":
        return f"FAILING for {one.failing_s:.0f} s ({one.error}), {done}"
    return f"LATE, {done}" if one.state == "late" else done


def _machine(one: Heartbeat) -> str:
    return f"{one.host} ({'not heard of' if one.late else one.error or 'well'})"
