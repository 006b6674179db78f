"""Finds agencies at which no phone answers now, and says so: to their leads and administrators once
a gap, and to the sender before an emergency.

Runs as `jobs`, a step of the background work. Killed at any point it has sent word of a gap with
the row that says so, or not begun.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from permissions.audit import writer
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.errors import NotPermitted
from permissions.principal import Principal
from referrals import models as m
from referrals.notifications.recipients import Channel, query, queue_general_messages
from referrals.on_call import rows
from referrals.on_call.coverage import Person, Staffing, is_covered

TEMPLATE = "no_line"
# A gap that ended this long ago and begins again is the same one: a switch that is pressed to and
# fro makes one message.
SAME = "interval '10 minutes'"
REFERENCE = "LINE"

_AGENCIES = (
    "SELECT a.id FROM permissions_agency a WHERE a.active AND a.takes_notices AND EXISTS ("
    "SELECT FROM directory_listing l WHERE l.answered_by = a.id AND l.status = 'active')"
    " ORDER BY a.id"
)
_PEOPLE = (
    "SELECT m.agency_id, m.id, m.duty, EXISTS (SELECT FROM channel c WHERE c.membership_id = m.id"
    " AND c.kind IN ('sms', 'voice') AND c.proven_at IS NOT NULL) FROM permissions_membership m"
    " WHERE m.agency_id = ANY (%s) AND m.live AND m.roles && ARRAY['worker', 'lead']"
    " ORDER BY m.id"
)
_DUTY = (
    "SELECT DISTINCT agency_id FROM channel WHERE agency_id = ANY (%s) AND use = 'duty'"
    " AND kind IN ('sms', 'voice') AND proven_at IS NOT NULL"
)


class Uncovered(NamedTuple):
    """An agency at which no phone answers, since when."""

    agency_id: UUID
    name: str
    since: datetime


def step() -> bool:
    """Begin and end gaps as they are now. There is never more at once."""
    known = agencies()
    now = database_now(JOBS)
    staffing = _staffing(known)
    rotas = rows.rotas(known, now, JOBS)
    uncovered = {one for one in known if not is_covered(staffing[one], rotas[one], now)}
    for agency_id in sorted(uncovered):
        _begin(agency_id, now)
    over = m.Gap.objects.using(JOBS).filter(ended_at=None).exclude(agency_id__in=uncovered)
    over.update(ended_at=now)
    return False


def agencies() -> list[UUID]:
    """Return the agencies that have to be covered: they answer for a service of the directory and
    take referrals here."""
    return [agency_id for (agency_id,) in query(_AGENCIES, [])]


def people(of: list[UUID]) -> dict[UUID, list[Person]]:
    """Return the live workers and leads of these agencies."""
    found: dict[UUID, list[Person]] = {one: [] for one in of}
    for agency_id, member_id, duty, has_phone in query(_PEOPLE, [of]):
        found[agency_id].append(Person(member_id, duty, has_phone))
    return found


def _staffing(of: list[UUID]) -> Mapping[UUID, Staffing]:
    known = people(of)
    duty_phones = {agency_id for (agency_id,) in query(_DUTY, [of])}
    return {one: Staffing(one in duty_phones, known[one]) for one in of}


def _begin(agency_id: UUID, now: datetime) -> None:
    with transaction.atomic(using=JOBS):
        if _goes_on(agency_id, now):
            return
        begun = query(
            "INSERT INTO on_call_gap (id, agency_id, began_at)"
            " VALUES (gen_random_uuid(), %s, %s) ON CONFLICT (agency_id) WHERE ended_at IS NULL"
            " DO NOTHING RETURNING id",
            [agency_id, now],
        )
        for (gap_id,) in begun:
            queue_general_messages(gap_id, TEMPLATE, REFERENCE, _those_who_see_to_it(agency_id))


def _goes_on(agency_id: UUID, now: datetime) -> bool:
    """Whether a gap lasts, or one that has just ended goes on."""
    return bool(
        query(
            "SELECT FROM on_call_gap WHERE agency_id = %(id)s AND ended_at IS NULL",
            {"id": agency_id},
        )
        or query(
            "UPDATE on_call_gap SET ended_at = NULL WHERE id = (SELECT id FROM on_call_gap"  # noqa: S608 (of fixed parts)
            f" WHERE agency_id = %(id)s AND ended_at > %(now)s - {SAME}"
            " ORDER BY ended_at DESC LIMIT 1) RETURNING id",
            {"id": agency_id, "now": now},
        )
    )


def _those_who_see_to_it(agency_id: UUID) -> list[Channel]:
    """The leads' and administrators' own confirmed lines. Who is off duty gets a mail: a
    gap is no reason to wake someone who sleeps."""
    found = query(
        "SELECT c.id, c.agency_id, c.membership_id, c.use, c.kind, c.address FROM channel c"
        " JOIN permissions_membership m ON m.id = c.membership_id"
        " WHERE c.agency_id = %s AND c.proven_at IS NOT NULL AND m.live"
        " AND m.roles && ARRAY['lead', 'agency_admin']"
        " AND (m.duty <> 'off_duty' OR c.kind = 'mail')"
        " ORDER BY c.position, c.created_at, c.id",
        [agency_id],
    )
    return [Channel._make(row) for row in found]


# -- Who is shown it -------------------------------------------------------------------------------


def is_uncovered(agency_id: UUID) -> bool:
    """Whether no phone answers at this agency now, as the last step found it. Runs as `signin`."""
    return m.Gap.objects.using("signin").filter(agency_id=agency_id, ended_at=None).exists()


def list_uncovered(principal: Principal) -> list[Uncovered]:
    """The agencies at which no phone answers now, for the coordinator, by name. One access entry.
    Raises NotPermitted."""
    with writer.logged_act(principal, "rota.list_uncovered") as attempt:
        if principal.is_client or not principal.has_role("coordinator"):
            raise NotPermitted("role_missing", "Your role in this agency does not include this.")
        attempt.record()
        kept = m.Gap.objects.using("signin").select_related("agency").filter(ended_at=None)
        return [
            Uncovered(one.agency_id, one.agency.name, one.began_at)
            for one in kept.order_by("agency__name", "agency_id")
        ]
