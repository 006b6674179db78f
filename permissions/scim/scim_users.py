"""What an agency's identity provider may do about the agency's people, over SCIM: see who they are,
invite a worker, take roles away, and end someone.

It gives no one a role, brings back no one and sees no other agency (R9). A user is a member, or an
invitation that waits; who was a member stays one, not active, if the provider has a name for them.
It never finds an account by mail: who opens the link joins. Runs as `signin`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from permissions.database.clock import database_now
from permissions.enrollment import invitation_rows as rows
from permissions.enrollment import invitations, members
from permissions.enrollment.administration import code_of
from permissions.enrollment.invitations import Wanted as Invited
from permissions.enrollment.sealed_messages import Address
from permissions.errors import NotPermitted, NotPossible, NotVisible
from permissions.models import Client, Invitation, Membership, ScimUser
from permissions.scim import scim_rows
from permissions.scim.scim_rows import Names
from permissions.scim.scim_tokens import Attempt, provisioning


class User(NamedTuple):
    """A person as the provider sees them. Without a name from the provider they are called by
    their id."""

    id: UUID
    names: Names
    name: str
    roles: Sequence[str]
    active: bool


class Wanted(NamedTuple):
    """What a user shall be."""

    names: Names
    roles: Sequence[str]
    active: bool


class _Found(NamedTuple):
    """A user's rows: a member or an invitation that waits, and the provider's names if any."""

    id: UUID
    row: ScimUser | None
    member: Membership | None
    invitation: Invitation | None

    @property
    def user(self) -> User:
        """The user as shown. Raises Unavailable (`binding`) for names of another's making."""
        names = scim_rows.names_of(self.row) if self.row else Names("")
        names = names if names.user_name else names._replace(user_name=str(self.id))
        if self.member is not None:
            active = self.member.live
            return User(self.id, names, self.member.name, self.member.roles, active)
        assert self.invitation is not None
        return User(self.id, names, self.invitation.name, self.invitation.roles, True)


# -- Seeing ----------------------------------------------------------------------------------------


def users(system: Client) -> list[User]:
    """The agency's users, the earliest first. One access entry. Raises Unavailable."""
    with provisioning(system, "scim.list"):
        return [one.user for one in _all(system.agency_id)]


def user(system: Client, user_id: UUID) -> User:
    """One user of the agency. One access entry. Raises NotVisible, also for one of another agency;
    Unavailable."""
    with provisioning(system, "scim.read") as attempt:
        found = _find(system, user_id)
        attempt.codes += _codes(found)
        return found.user


def _all(agency_id: UUID) -> list[_Found]:
    waiting = {one.id: one for one in rows.waiting().filter(agency_id=agency_id, kind="join")}
    kept = ScimUser.objects.using("signin").filter(agency_id=agency_id)
    found = []
    for row in kept.select_related("member", "invitation__member"):
        member = row.member or (row.invitation.member if row.invitation else None)
        invitation = waiting.get(row.invitation_id) if member is None else None
        if member is not None or invitation is not None:
            found.append(_Found(row.id, row, member, invitation))
    named = {one.member.id for one in found if one.member}
    named |= {one.invitation.id for one in found if one.invitation}
    live = Membership.objects.using("signin").filter(agency_id=agency_id, live=True)
    found += [_Found(one.id, None, one, None) for one in live if one.id not in named]
    found += [_Found(one.id, None, None, one) for one in waiting.values() if one.id not in named]
    return sorted(found, key=lambda one: one.id)


def _find(system: Client, user_id: UUID) -> _Found:
    for one in _all(system.agency_id):
        if one.id == user_id:
            return one
    raise NotVisible


def _codes(found: _Found) -> list[str]:
    if found.member is not None:
        return [code_of("member", found.member.id)]
    assert found.invitation is not None
    return [code_of("invitation", found.invitation.id)]


# -- Changing --------------------------------------------------------------------------------------


def invite(system: Client, names: Names, name: str, to: Address, roles: Iterable[str]) -> User:
    """Invite one person as a worker. `roles`: what was asked for besides nothing; anything but
    worker is refused. Twice for one name is refused.

    Raises BadRequest, NotPermitted (`role_not_given`), Conflict, TooOften, Unavailable.
    """
    with provisioning(system, "scim.invite") as attempt:
        if set(roles) - set(rows.SYSTEM_INVITES):
            raise NotPermitted("role_not_given", members.ROLE_NOT_GIVEN)
        invitations.check(Invited(name, rows.SYSTEM_INVITES, to))
        _free_names(system.agency_id)
        invitation = invitations.invite_by_system(system, name, to)
        row = ScimUser(agency_id=system.agency_id, invitation=invitation)
        scim_rows.put(row, names)
        attempt.codes += [code_of("invitation", invitation.id), *invitation.roles]
        return _Found(row.id, row, None, invitation).user


def change(system: Client, user_id: UUID, wanted_of: Callable[[User], Wanted]) -> User:
    """Make the user what `wanted_of` says of what they are now; who is to end only ends. Twice is
    safe.

    Raises NotVisible, NotPermitted (`role_not_given`), NotPossible (`not_brought_back`, the last
    administrator, roles of an invitation), Conflict, Unavailable, and what `wanted_of` raises.
    """
    with provisioning(system, "scim.read") as attempt:
        found = _locked(system, user_id)
        before = found.user
        wanted = wanted_of(before)
        attempt.codes += _codes(found)
        if not wanted.active:
            if before.active:
                _end(system, found, attempt)
            return (
                _named(found, before.names).user if found.member else before._replace(active=False)
            )
        if not before.active:
            attempt.act = "scim.end"
            raise NotPossible("not_brought_back", NOT_BROUGHT_BACK)
        if set(wanted.roles) != set(before.roles):
            attempt.act = "scim.take_roles"
            attempt.codes = _take_roles(system, found, wanted.roles)
        if wanted.names != before.names:
            attempt.act = "scim.set_names" if attempt.act == "scim.read" else attempt.act
            _named(found, wanted.names)
        return _find(system, user_id).user


NOT_BROUGHT_BACK = (
    "An identity provider brings no one back. Delete this user and create it again, which invites"
    " them again, or let the agency's administrator bring them back at the desk."
)


def remove(system: Client, user_id: UUID) -> None:
    """End the user and forget what the provider calls them. Raises NotVisible, also the second
    time; NotPossible (the last administrator), Unavailable."""
    with provisioning(system, "scim.end") as attempt:
        found = _locked(system, user_id)
        attempt.codes += _codes(found)
        if found.user.active:
            _end(system, found, attempt)
        if found.row is not None:
            found.row.delete(using="signin")


def _locked(system: Client, user_id: UUID) -> _Found:
    """The user; an invitation is locked, so that it is not used meanwhile."""
    found = _find(system, user_id)
    if found.invitation is not None:
        waiting = rows.waiting().select_for_update(of=("self",))
        if not waiting.filter(id=found.invitation.id).exists():
            return _find(system, user_id)  # they have joined just now, or it is over
    return found


def _end(system: Client, found: _Found, attempt: Attempt) -> None:
    attempt.act = "scim.end"
    if found.member is not None:
        members.end_member(system.agency_id, found.member.id)
        found.member.refresh_from_db(using="signin")
    elif found.invitation is not None:
        rows.end(found.invitation, ended_at=database_now("signin"))


def _take_roles(system: Client, found: _Found, roles: Sequence[str]) -> list[str]:
    if found.member is not None:
        return members.replace_roles(system.agency_id, found.member.id, roles, only_fewer=True)
    assert found.invitation is not None
    if set(roles) - set(found.invitation.roles):
        raise NotPermitted("role_not_given", members.ROLE_NOT_GIVEN)
    raise NotPossible("not_joined", "This person has not joined yet. End the invitation instead.")


def _named(found: _Found, names: Names) -> _Found:
    """The user with these names from the provider."""
    row = found.row
    if row is None:
        agency_id = (found.member or found.invitation).agency_id  # type: ignore[union-attr]
        row = ScimUser(id=found.id, agency_id=agency_id)
        row.member, row.invitation = found.member, found.invitation
    _free_names(row.agency_id)
    scim_rows.put(row, names)
    return found._replace(row=row)


def _free_names(agency_id: UUID) -> None:
    """Forget the names of invitations that are over and were not used."""
    over = ScimUser.objects.using("signin").filter(agency_id=agency_id, member=None)
    over = over.filter(invitation__used_at=None)
    over.exclude(invitation__in=rows.waiting().filter(agency_id=agency_id)).delete()
