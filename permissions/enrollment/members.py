"""An agency's administrator and the agency's members: who they are, their roles, and their end.

Each change is one transaction with its access entry, and a right that is taken away ends the
member's sign-ins with it. An agency keeps at least one administrator.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from permissions.audit import writer
from permissions.database.advisory_locks import lock_agency
from permissions.enrollment import agency_links, invitations
from permissions.enrollment import invitation_rows as rows
from permissions.enrollment.administration import ADMIN, administered, code_of
from permissions.enrollment.invitations import Open
from permissions.errors import NotPermitted, NotPossible, NotVisible
from permissions.identity import credentials, provisioning, row_macs
from permissions.models import Membership
from permissions.policy.rules import require_administrator
from permissions.principal import Principal
from permissions.staff import staff_refs

ROLE_NOT_GIVEN = (
    "An identity provider invites workers, removes roles and ends people. It gives no one a role:"
    " the agency's administrator does, at the desk."
)


class Staff(NamedTuple):
    """An agency's members, those who left last, and the invitations that wait."""

    members: Sequence[Membership]
    invitations: Sequence[Open]


def staff(principal: Principal) -> Staff:
    """The caller's agency's members and open invitations. Writes one access entry. Raises
    NotPermitted."""
    with writer.logged_act(principal, "members.read") as attempt:
        require_administrator(principal)
        attempt.record()
        members = Membership.objects.filter(agency_id=principal.agency_id)
        found = list(members.order_by("-active", "name", "id"))
    return Staff(found, invitations.open_invitations(principal))


def one(principal: Principal, member_id: UUID) -> Membership:
    """One member of the caller's agency. Raises NotPermitted, NotVisible."""
    found = [member for member in staff(principal).members if member.id == member_id]
    if not found:
        raise NotVisible
    return found[0]


def change_roles(principal: Principal, member_id: UUID, roles: Sequence[str]) -> None:
    """Replace a member's roles. One that is taken away ends the member's sign-ins. Twice is safe.

    Raises BadRequest (roles that no one holds together), NotPossible (the last administrator),
    NotVisible, NotPermitted, Unavailable.
    """
    with administered(principal, "staff.change_roles") as codes:
        codes += replace_roles(principal.agency_id, member_id, roles)


def replace_roles(
    agency_id: UUID, member_id: UUID, roles: Sequence[str], *, only_fewer: bool = False
) -> list[str]:
    """Replace a member's roles in the open transaction of `signin`; return the entry's codes.
    `only_fewer`: by a caller who gives none. Twice is safe.

    Raises BadRequest, NotPossible, NotVisible, NotPermitted (`role_not_given`), Unavailable.
    """
    with _changing(agency_id, member_id) as member:
        if only_fewer and not set(roles) <= set(member.roles):
            raise NotPermitted("role_not_given", ROLE_NOT_GIVEN)
        provisioning.check_known_roles(roles)
        taken = set(member.roles) - set(roles)
        if ADMIN in taken:
            _keep_one_administrator(member)
        member.roles = sorted(set(roles))
        member.save(using="signin", update_fields=["roles"])
        if taken:
            row_macs.sign(member, "signin", closing=True)
            credentials.end_all_of_person(member.person, member.agency_id)
    if ADMIN in taken:
        rows.end_of_inviter(member.id)
    return [code_of("member", member.id), *member.roles]


def set_staff_ref(principal: Principal, member_id: UUID, staff_ref: str | None) -> None:
    """Set the staff number by which the agency's systems may name this member; None: they have
    none. Twice is safe. The entry says that it was set or cleared, not the number.

    A number that is replaced or cleared ends: no older copy of the row is accepted, and a restored
    database does not know the number again.

    Raises BadRequest (not a staff number), NotPossible (`staff_ref_taken`), NotVisible (also a
    member who left), NotPermitted, Unavailable.
    """
    staff_refs.check(staff_ref)
    with administered(principal, "staff.set_ref") as codes:
        lock_agency(principal.agency_id, "signin")
        with _changing(principal.agency_id, member_id) as member:
            if not member.active:
                raise NotVisible
            if member.staff_ref != staff_ref:
                staff_refs.require_free(principal.agency_id, [staff_ref])
            staff_refs.replace(member, staff_ref)
        codes += [code_of("member", member.id), staff_refs.code_of(staff_ref)]


def end(principal: Principal, member_id: UUID) -> None:
    """End a membership: sign-ins, assignments and open invitations end at once. Twice is safe.

    Raises NotPossible (the last administrator), NotVisible, NotPermitted, Unavailable.
    """
    with administered(principal, "staff.end") as codes:
        codes += end_member(principal.agency_id, member_id)


def end_member(agency_id: UUID, member_id: UUID) -> list[str]:
    """End a membership in the open transaction of `signin`; return the entry's codes. Twice is
    safe. Raises NotPossible, NotVisible, Unavailable."""
    with _changing(agency_id, member_id) as member:
        _keep_one_administrator(member)
        member.active = False
        member.roles = [role for role in member.roles if role != "directory_editor"]
        member.save(using="signin", update_fields=["active", "roles"])
        row_macs.sign(member, "signin", closing=True)
        credentials.end_all_of_person(member.person, member.agency_id)
    rows.end_of_inviter(member.id)
    return [code_of("member", member.id)]


def bring_back(principal: Principal, member_id: UUID) -> None:
    """Let a member who left sign in again, to nothing of before. Twice is safe. Raises NotVisible,
    NotPermitted, Unavailable."""
    with administered(principal, "staff.return") as codes:
        with _changing(principal.agency_id, member_id) as member:
            staff_refs.replace(member, None)  # another member may have the number by now
            member.active = True
            member.save(using="signin", update_fields=["active"])
        codes += [code_of("member", member.id), *member.roles]


@contextmanager
def _changing(agency_id: UUID, member_id: UUID) -> Iterator[Membership]:
    """A member of the agency, in the open transaction of `signin`. All members of the
    agency are locked, in one order: two administrators who end each other wait, and the second is
    refused."""
    members = Membership.objects.using("signin").filter(agency_id=agency_id)
    locked = members.select_related("person").order_by("id").select_for_update(of=("self",))
    found = [member for member in locked if member.id == member_id]
    if not found:
        raise NotVisible
    row_macs.require_bound(found[0])
    yield found[0]


def _keep_one_administrator(member: Membership) -> None:
    """Raise NotPossible if the agency would have no administrator without this member, or none who
    signs in without the agency's own sign-in."""
    if not (member.active and ADMIN in member.roles):
        return
    live = Membership.objects.using("signin").filter(agency_id=member.agency_id, live=True)
    others = live.filter(roles__contains=[ADMIN]).exclude(id=member.id)
    if not others.exists():
        raise NotPossible(
            "last_administrator",
            "Your agency would have no administrator. Make another member one first.",
        )
    agency_links.keep_one_way_in(member.agency_id, member.person_id)
