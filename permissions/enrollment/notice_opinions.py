"""A lawyer's opinion that lets an agency send notices without a signature, until a day.

Whether a notice that names no one is "individual information" (34 U.S.C. 12291(b)(2)) is for the
agency's own lawyer to say. Its administrator records who said so, when, and until when it counts: a
year at most. It ends by itself, or at once when they take it back.

It loosens what may leave, so each row is bound (permissions/identity/row_macs.py): one that a
writer of the database made, changed or brought back counts for nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog

from permissions.audit import writer
from permissions.database.clock import database_now
from permissions.enrollment.administration import ADMIN, administered
from permissions.errors import BadRequest, NotPermitted, NotPossible
from permissions.identity import row_macs
from permissions.models import Agency, NoticeOpinion
from permissions.policy import disclosure
from permissions.principal import Principal

log = structlog.get_logger()

LONGEST = timedelta(days=366)
LONGEST_NAME = 100


class Recorded(NamedTuple):
    """One opinion: whose, of which day, until the end of which, recorded by whom, ended or not. One
    that is not bound counts for nothing, and is shown as ended."""

    lawyer: str
    dated: date
    until: date
    by: str
    ended: bool


def record(principal: Principal, lawyer: str, dated: date, until: date) -> None:
    """Record an opinion for the caller's agency, as its administrator. Twice is two records, which
    say the same. Raises BadRequest (no name, days that cannot be), NotPossible (the agency is not
    bound), NotPermitted, Unavailable."""
    with administered(principal, "agency.loosen_notice") as codes:
        if not disclosure.notice_needs_release(principal.duties):
            raise NotPossible("not_bound", "Your agency sends notices without a signature already.")
        lawyer, now = lawyer.strip(), database_now("signin")
        zone = Agency.objects.using("signin").only("time_zone").get(id=principal.agency_id)
        today = _day(now, zone)
        if not lawyer or len(lawyer) > LONGEST_NAME:
            raise BadRequest("invalid", "Name the lawyer.", "/lawyer")
        if dated > today:
            raise BadRequest("invalid", "The opinion's day is in the future.", "/dated")
        if not today <= until <= today + LONGEST:
            raise BadRequest("invalid", "It ends within a year from today.", "/until")
        assert principal.member_id is not None  # a member in person
        opinion = NoticeOpinion(
            agency_id=principal.agency_id,
            lawyer=lawyer,
            dated=dated,
            until=until,
            member_id=principal.member_id,
            recorded_at=now,
        )
        opinion.save(using="signin", force_insert=True)
        codes.append(f"until:{until:%Y%m%d}")


def end(principal: Principal) -> None:
    """End every opinion of the caller's agency at once, as its administrator. Twice is safe. Raises
    NotPermitted, Unavailable."""
    with administered(principal, "agency.end_loosened_notice"):
        now = database_now("signin")
        kept = NoticeOpinion.objects.using("signin")
        for one in kept.filter(agency_id=principal.agency_id, ended_at=None):
            bound = row_macs.is_bound(one)
            kept.filter(id=one.id).update(ended_at=now)
            if bound:  # what is not ours is ended, and not made good
                one.ended_at = now
                row_macs.sign(one, "signin", closing=True)


def opinions(principal: Principal) -> Sequence[Recorded]:
    """What the caller's agency has recorded, the newest first, for its administrator. Raises
    NotPermitted."""
    with writer.log_refusals(principal, "agency.read_settings"):
        if not principal.has_role(ADMIN):
            raise NotPermitted("role_missing", "Your role in this agency does not include this.")
    kept = NoticeOpinion.objects.using("signin").filter(agency_id=principal.agency_id)
    found = kept.select_related("member").order_by("-recorded_at")
    return [
        Recorded(
            one.lawyer,
            one.dated,
            one.until,
            one.member.name,
            one.ended_at is not None or not row_macs.is_bound(one),
        )
        for one in found
    ]


def must_sign(principal: Principal) -> bool:
    """Whether the caller's agency sends a notice only under a signed release: its duties say so,
    and no lawyer's opinion counts today, by the agency's own day. No query for those who are not
    bound. Raises Unavailable."""
    if not disclosure.notice_needs_release(principal.duties):
        return False
    now = database_now("signin")
    live = NoticeOpinion.objects.using("signin").select_related("agency")
    for one in live.filter(agency_id=principal.agency_id, ended_at=None):
        if one.until < _day(now, one.agency):
            continue
        if row_macs.is_bound(one):
            return False
        log.error("row_not_bound", kind="noticeopinion", row=str(one.id))
    return True


def _day(now: datetime, agency: Agency) -> date:
    return now.astimezone(ZoneInfo(agency.time_zone)).date()
