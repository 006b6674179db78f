"""What an agency's own people are shown of its rota."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from permissions.database.clock import database_now
from permissions.enrollment.administration import administered
from permissions.models import ROLES, Membership
from permissions.principal import Principal
from referrals import models as m
from referrals.on_call import feeds, rows
from referrals.on_call.who_is_on import Able, OnCall, Rota, Span, plan, who_is_on

READERS = tuple(one for one in ROLES if one not in ("auditor", "coordinator"))
AHEAD = timedelta(days=28)


class Overview(NamedTuple):
    """The rota for some weeks. `names`: live workers and leads, by id. `asked`: questions to the
    caller that wait; `asking`: the caller's own. `gap_since`: no phone answers since then."""

    rota: Rota
    on: OnCall
    spans: list[Span]
    names: Mapping[UUID, str]
    shifts: list[m.Shift]
    asked: list[m.Swap]
    asking: list[m.Swap]
    has_feed: bool
    gap_since: datetime | None


def read(principal: Principal) -> Overview:
    """The rota of the caller's agency. One access entry. Raises NotPermitted, Unavailable."""
    with administered(principal, "rota.read", *READERS):
        assert principal.member_id is not None  # a member in person
        agency_id, now = principal.agency_id, database_now("signin")
        staff = rows.staff(agency_id)
        able = able_now(staff)
        found = m.Shift.objects.using("signin").select_related("member")
        shifts = list(found.filter(agency_id=agency_id, ends_at__gt=now).order_by("id"))
        kept = Rota(rows.rotation(agency_id), tuple(rows.shift_of(one) for one in shifts))
        swaps = m.Swap.objects.using("signin").select_related("asked_by", "asked_of")
        waiting = list(
            swaps.filter(agency_id=agency_id, state="asked", ends_at__gt=now).order_by("begins_at")
        )
        gaps = m.Gap.objects.using("signin").filter(agency_id=agency_id, ended_at=None)
        return Overview(
            kept,
            who_is_on(kept, now, able),
            plan(kept, now, now + AHEAD, staff.__contains__) if kept.is_set else [],
            {one.id: one.name for one in staff.values()},
            sorted(shifts, key=lambda one: (one.begins_at, one.id)),
            [one for one in waiting if one.asked_of_id == principal.member_id],
            [one for one in waiting if one.asked_by_id == principal.member_id],
            feeds.has_one(principal.member_id),
            gaps.values_list("began_at", flat=True).first(),
        )


def able_now(staff: Mapping[UUID, Membership]) -> Able:
    """Who may be on call at this moment: live, and not off duty."""
    return {one.id for one in staff.values() if one.duty != "off_duty"}.__contains__


def names_on(agency_id: UUID, now: datetime) -> tuple[str, str]:
    """Return the names of the first and the second person on call; '' for none. Three queries."""
    staff = rows.staff(agency_id)
    first, second = on_at(agency_id, now, staff)
    return staff[first].name if first else "", staff[second].name if second else ""


def on_at(agency_id: UUID, now: datetime, staff: Mapping[UUID, Membership] | None = None) -> OnCall:
    """Return who is on call at this agency at this moment, as its people are on duty now."""
    found = rows.staff(agency_id) if staff is None else staff
    return who_is_on(rows.rota(agency_id, now), now, able_now(found))
