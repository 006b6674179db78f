"""Minutes covered by a line that answered: counted as they pass, for each agency and month.

A minute is covered if someone who was on call in it, or a shared line, had answered the latest test
no more than 14 days before. Runs as `jobs`, a step of the background work. Who is on duty is kept
nowhere but as it is now, so a minute is judged when it is counted and not again: a rota that is
changed later changes no figure. One transaction counts an agency's minutes and says until when they
are counted: killed at any point, twice and at once, no minute counts twice.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from permissions.database.advisory_locks import lock_agency
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from referrals import models as m
from referrals.notifications import gaps
from referrals.notifications.line_tests import lines, silence
from referrals.notifications.line_tests.lines import Line, of_line
from referrals.notifications.line_tests.verdicts import PastTest, answers_at
from referrals.notifications.recipients import query
from referrals.on_call import rows
from referrals.on_call.coverage import Person, Staffing, is_covered
from referrals.on_call.who_is_on import Rota

MINUTE = timedelta(minutes=1)
# What passed longer ago, while no background work ran, is left out of the month.
CATCHES_UP = timedelta(days=1)
MONTHS_KEPT = "interval '25 months'"
MONTHS_SHOWN = 3


class Month(NamedTuple):
    """A month's figure, by the agency's clock. `minutes`: those counted so far."""

    month: date
    minutes: int
    covered: int

    @property
    def percent(self) -> int:
        """The share of covered minutes, in whole percent; 100 only where all are."""
        return self.covered * 100 // self.minutes if self.minutes else 0


def step() -> bool:
    """Find silent lines, and count the minutes that have passed. There is never more at once."""
    now = database_now(JOBS)
    found, tests = lines.lines(), lines.sent_tests()
    silence.look(found, tests, now)
    minute = now.replace(second=0, microsecond=0)
    agencies = gaps.agencies()
    rotas = rows.rotas(agencies, minute - CATCHES_UP - MINUTE, JOBS)
    people = gaps.people(agencies)
    zones = dict(query("SELECT id, time_zone FROM permissions_agency", []))
    by_agency: dict[UUID, list[Line]] = {}
    for line in found:
        by_agency.setdefault(line.channel.agency_id, []).append(line)
    for agency_id in agencies:
        at = _At(rotas[agency_id], people[agency_id], by_agency.get(agency_id, []), tests)
        _count(agency_id, ZoneInfo(zones[agency_id]), minute, at)
    query(f"DELETE FROM line_cover WHERE until < sec.clock() - {MONTHS_KEPT} RETURNING id", [])  # noqa: S608
    return False


class _At:
    """An agency, asked about one minute after the other."""

    def __init__(
        self,
        rota: Rota,
        people: Iterable[Person],
        found: Iterable[Line],
        tests: Mapping[UUID, list[PastTest]],
    ) -> None:
        self.rota, self.people = rota, list(people)
        self.tests = [(one.channel.member_id, of_line(one, tests)) for one in found]

    def is_covered(self, minute: datetime) -> bool:
        """As coverage.py asks, of lines that answered instead of all that are confirmed."""
        answer = {member_id for member_id, tests in self.tests if answers_at(tests, minute)}
        people = [one._replace(has_phone=one.member_id in answer) for one in self.people]
        return is_covered(Staffing(None in answer, people), self.rota, minute)


def _count(agency_id: UUID, zone: ZoneInfo, now: datetime, at: _At) -> None:
    """Count an agency's minutes up to now. The first time none has passed: it begins now."""
    with transaction.atomic(using=JOBS):
        lock_agency(agency_id, JOBS)
        ((until,),) = query("SELECT max(until) FROM line_cover WHERE agency_id = %s", [agency_id])
        minute = max(until, now - CATCHES_UP) if until else now
        counted: dict[date, list[bool]] = {_month(now, zone): []} if minute <= now else {}
        while minute < now:
            counted.setdefault(_month(minute, zone), []).append(at.is_covered(minute))
            minute += MINUTE
        for month, covered in sorted(counted.items()):
            query(
                "INSERT INTO line_cover (id, agency_id, month, minutes, covered, until)"
                " VALUES (gen_random_uuid(), %s, %s, %s, %s, %s)"
                " ON CONFLICT (agency_id, month) DO UPDATE SET"
                " minutes = line_cover.minutes + excluded.minutes,"
                " covered = line_cover.covered + excluded.covered, until = excluded.until"
                " RETURNING id",
                [agency_id, month, len(covered), sum(covered), now],
            )


def _month(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date().replace(day=1)


# -- Who is shown it -------------------------------------------------------------------------------


def of_agency(agency_id: UUID) -> list[Month]:
    """The agency's newest months, the running one first. Runs as `signin`."""
    kept = m.LineCover.objects.using("signin").filter(agency_id=agency_id).order_by("-month")
    return [Month(one.month, one.minutes, one.covered) for one in kept[:MONTHS_SHOWN]]


def of_all() -> dict[UUID, list[Month]]:
    """The same of every agency. Runs as `signin`; one query."""
    found: dict[UUID, list[Month]] = {}
    kept = m.LineCover.objects.using("signin").order_by("agency_id", "-month")
    for one in kept:
        months = found.setdefault(one.agency_id, [])
        if len(months) < MONTHS_SHOWN:
            months.append(Month(one.month, one.minutes, one.covered))
    return found
