"""manage.py set_clocks"""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from permissions.audit.writer import log_operator_change
from permissions.database.aliases import JOBS
from permissions.errors import Refused
from permissions.models import Agency
from referrals.deadlines import due_times


class Command(BaseCommand):
    help = (
        "Set when an agency owes an answer, where it differs from the network's: its durations by"
        " urgency, its hours, holidays and time zone. What was sent keeps the deadlines it was sent"
        " with. Without options it says what counts now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("agency", help="its name, or its id")
        for urgency, usual in due_times.DURATIONS.items():
            unit = "business days" if urgency in due_times.IN_BUSINESS_DAYS else "minutes"
            parser.add_argument(
                f"--{urgency}",
                metavar="ACK,ACCEPT,HANDOFF,EXPIRES",
                help=f"{unit}; the network's: {','.join(map(str, usual))}; 'network' for those",
            )
        parser.add_argument(
            "--hours",
            metavar="MON,…,SUN",
            help="seven of 09:00-17:00 or closed; 'network' for Monday to Friday, nine to five",
        )
        parser.add_argument("--holidays", metavar="DATES", help="such as 2026-12-25,2027-01-01")
        parser.add_argument("--time-zone", help="such as America/Denver")

    def handle(self, *args: Any, **options: Any) -> None:
        agency = self._agency(options["agency"])
        if changed := _changed(agency, options):
            _keep(agency, changed)
        for urgency, own in due_times.durations(agency).items():
            self.stdout.write(f"{urgency}: {','.join(map(str, own))}")
        of = due_times.calendar(agency)
        days = [f"{day[0]:%H:%M}-{day[1]:%H:%M}" if day else "closed" for day in of.week]
        self.stdout.write(f"hours: {','.join(days)}")
        self.stdout.write(f"holidays: {','.join(map(str, sorted(of.holidays))) or 'none'}")
        self.stdout.write(f"time zone: {of.zone.key}")

    def _agency(self, text: str) -> Agency:
        known = Agency.objects.using(JOBS).order_by("id")
        found = [one for one in known if text in (one.name, str(one.id))]
        if len(found) != 1:
            raise CommandError("There is not one agency of that name or id.")
        return found[0]


def _changed(agency: Agency, options: dict[str, Any]) -> list[str]:
    """Change the agency without saving it; return the changed fields. Raises CommandError."""
    changed = set()
    own = dict(agency.durations or {})
    for urgency in due_times.DURATIONS:
        if (text := options[urgency]) is None:
            continue
        own.pop(urgency, None)
        if text != "network":
            with _told_of(urgency):
                own[urgency] = due_times.read_durations(urgency, text.split(","))
        changed.add("durations")
    if "durations" in changed:
        agency.durations = own or None
    if (text := options["hours"]) is not None:
        with _told_of("hours"):
            agency.opening_hours = (
                None if text == "network" else due_times.read_week(text.split(","))
            )
        changed.add("opening_hours")
    if (text := options["holidays"]) is not None:
        with _told_of("holidays"):
            agency.holidays = due_times.read_holidays([one for one in text.split(",") if one])
        changed.add("holidays")
    if (text := options["time_zone"]) is not None:
        with _told_of("time-zone"):
            agency.time_zone = due_times.read_zone(text)
        changed.add("time_zone")
    return sorted(changed)


def _keep(agency: Agency, changed: list[str]) -> None:
    """Save with its access entry, or not at all: a long deadline silences an agency's alarm. Raises
    CommandError."""
    try:
        with transaction.atomic(using=JOBS):
            agency.save(using=JOBS, update_fields=changed)
            log_operator_change("agency.change", agency.id, fields=changed)
    except Refused as refusal:
        raise CommandError(refusal.detail) from None


@contextmanager
def _told_of(option: str) -> Iterator[None]:
    """Turn a ValueError into a CommandError that names the option."""
    try:
        yield
    except ValueError as error:
        raise CommandError(f"Nothing was changed. --{option}: {error}.") from None
