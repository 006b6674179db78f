"""Whether a phone line of an agency is called in this hour, and what follows where none does.

A gap is an hour for which an agency has named no phone: its first lines are mailboxes, or no one.
An emergency still goes to its members' phones then (referrals/notifications/recipients.py), but no
one has said that they will answer. The background work finds gaps; the leads and administrators
are notified once of each.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from referrals.on_call.who_is_on import Rota, who_is_on


class Person(NamedTuple):
    """An active worker or lead. `has_phone`: a confirmed number of their own, for SMS or calls."""

    member_id: UUID
    duty: str
    has_phone: bool


class Staffing(NamedTuple):
    """Which phones an agency has. `duty_phone`: a confirmed shared number."""

    duty_phone: bool
    people: Collection[Person]


def is_covered(staffing: Staffing, rota: Rota, moment: datetime) -> bool:
    """Return whether someone has said that they answer a phone there at `moment`: a shared number,
    who is on by the rota, or a member who set themselves on call. In an agency of one its only
    member answers unless they are off duty or away."""
    if staffing.duty_phone:
        return True
    awake = {one.member_id: one for one in staffing.people if one.duty != "off_duty"}
    if any(one.duty == "on_call" and one.has_phone for one in awake.values()):
        return True
    if len(staffing.people) == 1 and not rota.is_set:
        away = {one.member_id for one in rota.shifts if one.kind == "away" and one.covers(moment)}
        return any(one.has_phone and one.member_id not in away for one in awake.values())
    first = who_is_on(rota, moment, awake.__contains__).first
    return first is not None and awake[first].has_phone
