"""`manage.py deadlines show|set`: when an agency owes an answer to a referral."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import transaction

from permissions.audit.writer import log_operator_change
from permissions.database.aliases import JOBS
from permissions.management.lookup import find_agency
from permissions.management.noun import NounCommand, Options
from permissions.models import Agency
from referrals.deadlines import due_times
from referrals.management.deadline_lines import STEPS, deadline_lines, unit

EXAMPLES = """\
  manage.py deadlines set "Campus Advocacy" --urgent 30,60,240,480
  manage.py deadlines set "Campus Advocacy" --holidays 2026-12-25,2027-01-01
  manage.py deadlines set "Campus Advocacy" --hours \\
      08:00-16:00,08:00-16:00,08:00-16:00,08:00-16:00,08:00-14:00,closed,closed
"""


class Command(NounCommand):
    help = "Show or set when an agency owes an answer to a referral."

    def add_verbs(self) -> None:
        """`show` prints what `set` would change."""
        show = self.verb("show", self._show, "Show the deadlines of an agency that count now.")
        show.add_argument("agency", metavar="AGENCY", help="its id or exact name")
        change = self.verb(
            "set",
            self._set,
            "Set an agency's own deadlines, where they differ from the network's.",
            "A referral that was sent before keeps the deadlines it was sent with. The value"
            " `network` takes the network's durations or hours again.",
            examples=EXAMPLES,
        )
        change.add_argument("agency", metavar="AGENCY", help="its id or exact name")
        for urgency, usual in due_times.DURATIONS.items():
            change.add_argument(
                f"--{urgency}",
                metavar="N,N,N,N",
                help=f"{unit(urgency)} to {STEPS}; the network's are {','.join(map(str, usual))}",
            )
        change.add_argument(
            "--hours",
            metavar="MON,…,SUN",
            help="seven days, each like 09:00-17:00, or closed; the network's are Monday to"
            " Friday, nine to five",
        )
        change.add_argument(
            "--holidays",
            metavar="DATES",
            help="all holidays, such as 2026-12-25,2027-01-01; '' for none",
        )
        change.add_argument("--time-zone", metavar="ZONE", help="such as America/Denver")

    def _show(self, options: Options) -> None:
        self._print(find_agency(options["agency"]))

    def _set(self, options: Options) -> None:
        agency = find_agency(options["agency"])
        changed = _changed(agency, options)
        if not changed:
            raise CommandError(
                "Nothing to change: give at least one option. `manage.py deadlines show` prints"
                " what counts now."
            )
        _save(agency, changed)
        self._print(agency)

    def _print(self, agency: Agency) -> None:
        for line in deadline_lines(agency):
            self.stdout.write(line)


def _changed(agency: Agency, options: Options) -> list[str]:
    """Change the agency without saving it; return the changed fields. Raises CommandError."""
    changed = set()
    own = dict(agency.durations or {})
    for urgency in due_times.DURATIONS:
        if (text := options[urgency]) is None:
            continue
        own.pop(urgency, None)
        if text != "network":
            with _named(urgency):
                own[urgency] = due_times.read_durations(urgency, text.split(","))
        changed.add("durations")
    if "durations" in changed:
        agency.durations = own or None
    if (text := options["hours"]) is not None:
        with _named("hours"):
            agency.opening_hours = (
                None if text == "network" else due_times.read_week(text.split(","))
            )
        changed.add("opening_hours")
    if (text := options["holidays"]) is not None:
        with _named("holidays"):
            agency.holidays = due_times.read_holidays([one for one in text.split(",") if one])
        changed.add("holidays")
    if (text := options["time_zone"]) is not None:
        with _named("time-zone"):
            agency.time_zone = due_times.read_zone(text)
        changed.add("time_zone")
    return sorted(changed)


def _save(agency: Agency, changed: list[str]) -> None:
    """Save with its access entry, or not at all: a long deadline silences an agency's alarm. Raises
    Unavailable."""
    with transaction.atomic(using=JOBS):
        agency.save(using=JOBS, update_fields=changed)
        log_operator_change("agency.change", agency.id, fields=changed)


@contextmanager
def _named(option: str) -> Iterator[None]:
    """Turn a ValueError into a CommandError that names the option."""
    try:
        yield
    except ValueError as error:
        raise CommandError(f"Nothing was changed. --{option}: {error}.") from None
