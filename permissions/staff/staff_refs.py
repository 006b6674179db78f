"""The staff number of a member (`staff_ref`): a badge, NPI or HR number by which the agency's own
systems may name who acts, instead of by the member's id.

It decides who acts, so the membership's MAC covers it (permissions/identity/row_macs.py). It is
unique among the active members of one agency and compared with those of no other (R3). It is no
secret, and is shown inside the agency only.
"""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from permissions.database.advisory_locks import lock_agency
from permissions.errors import BadRequest, NotPossible
from permissions.identity import row_macs
from permissions.models import STAFF_REF, Membership

MOST_CHARACTERS = 64
_PATTERN = re.compile(STAFF_REF)


def is_one(text: str) -> bool:
    """Whether the text may be a staff number: 1 to 64 printable ASCII characters, without a space
    at either end."""
    return len(text) <= MOST_CHARACTERS and _PATTERN.fullmatch(text) is not None


def check(text: str | None) -> None:
    """Raise BadRequest unless the text may be a staff number; None: a member without one."""
    if text is not None and not is_one(text):
        raise BadRequest(
            "invalid",
            "A staff number has 1 to 64 plain letters, digits and signs, and no space at either"
            " end.",
            "/staff_ref",
        )


def code_of(staff_ref: str | None) -> str:
    """What an access entry says of it: whether there is one, never which."""
    return "no_staff_ref" if staff_ref is None else "staff_ref"


def require_free(agency_id: UUID, wanted: Iterable[str | None]) -> None:
    """Raise NotPossible (`staff_ref_taken`) unless each of these numbers is named once, and no
    active member of the agency has one of them. No one else gives one to a member of this agency
    until the open transaction of `signin` ends."""
    given = [one for one in wanted if one is not None]
    if len(set(given)) < len(given) or _taken(agency_id, given):
        raise NotPossible("staff_ref_taken", "Another member of your agency has this staff number.")


def if_free(agency_id: UUID, staff_ref: str | None) -> str | None:
    """The number, or None if an active member of the agency has it; else as `require_free`."""
    return staff_ref if staff_ref is not None and not _taken(agency_id, [staff_ref]) else None


def _taken(agency_id: UUID, given: Sequence[str]) -> bool:
    if not given:
        return False
    lock_agency(agency_id, "signin")
    members = Membership.objects.using("signin").filter(agency_id=agency_id, active=True)
    return bool(members.filter(staff_ref__in=given).exists())


def replace(member: Membership, staff_ref: str | None) -> None:
    """Give the member this number instead of theirs, in the open transaction of `signin`. First the
    old number goes, as the journal of closings notes, and no older copy of the row is accepted;
    then the new one comes. Twice is safe. Raises Unavailable."""
    if member.staff_ref == staff_ref:
        return
    if member.staff_ref is not None:
        member.staff_ref = None
        member.save(using="signin", update_fields=["staff_ref"])
        row_macs.sign(member, "signin", closing=True)
    if staff_ref is not None:
        member.staff_ref = staff_ref
        member.save(using="signin", update_fields=["staff_ref"])
