"""Lines that left two weekly tests unanswered: found, shown to the agency's leads and
administrators, and over with the next answer.

`look` runs as `jobs`, a part of the step of cover.py. Killed at any point it has sent word of a
line with the row that says so, or not begun.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count

from permissions.database.aliases import JOBS
from referrals import models as m
from referrals.notifications.line_tests.lines import Line, of_line
from referrals.notifications.line_tests.verdicts import PastTest, is_silent
from referrals.notifications.recipients import Channel, query, queue_general_messages

TEMPLATE = "silent_line"
REFERENCE = "LINE"
_OLD = "interval '90 days'"


class Silent(NamedTuple):
    """A line that does not answer, for its agency. `name`: whose own it is; '' for a shared one."""

    name: str
    kind: str
    since: datetime


def look(found: list[Line], tests: Mapping[UUID, list[PastTest]], now: datetime) -> None:
    """Begin and end silences as the tests say now."""
    silent = [line for line in found if is_silent(of_line(line, tests), now)]
    known = {
        channel_id
        for (channel_id,) in query("SELECT channel_id FROM silent_line WHERE ended_at IS NULL", [])
    }
    for line in silent:
        if line.channel.channel_id not in known:
            _begin(line, now)
    query(
        "UPDATE silent_line SET ended_at = %s WHERE ended_at IS NULL AND channel_id <> ALL (%s)"
        " RETURNING id",
        [now, [line.channel.channel_id for line in silent]],
    )
    query(f"DELETE FROM silent_line WHERE ended_at < sec.clock() - {_OLD} RETURNING id", [])  # noqa: S608


def _begin(line: Line, now: datetime) -> None:
    of = line.channel
    with transaction.atomic(using=JOBS):
        begun = query(
            "INSERT INTO silent_line (id, agency_id, member_id, channel_id, kind, began_at)"
            " VALUES (gen_random_uuid(), %s, %s, %s, %s, %s)"
            " ON CONFLICT (channel_id) WHERE ended_at IS NULL DO NOTHING RETURNING id",
            [of.agency_id, of.member_id, of.channel_id, of.kind, now],
        )
        if begun:
            _notify(of, now)


def _notify(silent: Channel, now: datetime) -> None:
    """Queue the message about a silent line: one a day to each of those who see to it, and to whose
    line it is, by a line of theirs that is another one."""
    ((zone,),) = query("SELECT time_zone FROM permissions_agency WHERE id = %s", [silent.agency_id])
    cause = uuid5(silent.agency_id, f"silent {now.astimezone(ZoneInfo(zone)).date()}")
    queue_general_messages(cause, TEMPLATE, REFERENCE, _others(silent))


def _others(silent: Channel) -> list[Channel]:
    """The confirmed lines of leads and administrators, and of whose line it is: mail and text
    messages, and a call where a person has nothing else. Who is off duty gets mail alone."""
    rows = query(
        "SELECT c.id, c.agency_id, c.membership_id, c.use, c.kind, c.address FROM channel c"
        " JOIN permissions_membership m ON m.id = c.membership_id"
        " WHERE c.agency_id = %s AND c.proven_at IS NOT NULL AND m.live AND c.address <> %s"
        " AND (m.roles && ARRAY['lead', 'agency_admin'] OR m.id = %s)"
        " AND (m.duty <> 'off_duty' OR c.kind = 'mail')"
        " ORDER BY c.position, c.created_at, c.id",
        [silent.agency_id, silent.address, silent.member_id],
    )
    found = [Channel._make(row) for row in rows]
    quiet = {one.member_id for one in found if one.kind != "voice"}
    return [one for one in found if one.kind != "voice" or one.member_id not in quiet]


# -- Who is shown it -------------------------------------------------------------------------------


def of_agency(agency_id: UUID) -> list[Silent]:
    """The agency's lines that do not answer, the longest silent first, for its leads and
    administrators. Never a number. Runs as `signin`."""
    kept = m.SilentLine.objects.using("signin").select_related("member")
    return [
        Silent(one.member.name if one.member else "", one.kind, one.began_at)
        for one in kept.filter(agency_id=agency_id, ended_at=None).order_by("began_at", "id")
    ]


def counts() -> dict[UUID, int]:
    """How many lines do not answer, by agency, without whose. Runs as `signin`."""
    kept = m.SilentLine.objects.using("signin").filter(ended_at=None)
    return dict(kept.values_list("agency_id").annotate(Count("id")))
