"""Invitations: one-time links by which a person joins an agency and brings what they sign in with.

The inviter never learns what the person signs in with: the link goes to the person's own mail or
phone, or is shown once as a picture that their phone reads. It lives 48 hours and is used once.
Bound like all that lets someone in (permissions/identity/row_macs.py): a writer of the database
makes no invitation, and brings back none that was used or ended.

The operator invites an agency's first administrator and no one else. That one joins only with a
code that Cairn speaks over the agency's registered number (registered_numbers.py).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from permissions.audit.operator_tries import operator_try
from permissions.audit.writer import log_operator_change
from permissions.database.clock import database_now
from permissions.enrollment import invitation_rows as rows
from permissions.enrollment import sealed_messages, spoken_codes
from permissions.enrollment.administration import administered, code_of, log_change
from permissions.enrollment.join_links import link_of
from permissions.enrollment.sealed_messages import Address
from permissions.errors import BadRequest, NotPossible, NotVisible
from permissions.identity import brakes, own_account, provisioning, row_macs
from permissions.identity.brakes import Limit
from permissions.keys import closings
from permissions.models import Agency, Client, Invitation, Membership, Person, SealedMessage
from permissions.principal import Principal
from permissions.staff import staff_refs

LIVES = timedelta(hours=48)
OF_AGENCY = Limit("invitations_of_agency", 200, timedelta(hours=24))
OF_LINK = Limit("persons_of_link", 5, LIVES)  # who loses their way chooses another name


class Made(NamedTuple):
    """A new invitation, and its link: shown once, and nowhere kept."""

    invitation: Invitation
    link: str


class Open(NamedTuple):
    """An invitation that waits, as the agency's administrator sees it."""

    id: UUID
    name: str
    roles: Sequence[str]
    expires_at: datetime
    sent: str | None  # waiting, handed_over or failed; None: it was shown as a picture


# -- Inviting --------------------------------------------------------------------------------------


def invite(principal: Principal, name: str, roles: Sequence[str], to: Address | None) -> Made:
    """Invite one person to the caller's agency. `to` None: the link is shown on the screen.

    Twice makes two invitations. Raises BadRequest, NotPermitted, TooOften, Unavailable.
    """
    with administered(principal, "staff.invite") as codes:
        brakes.require_turn(OF_AGENCY, principal.agency_id, using="signin")
        made = _make(principal.agency_id, name, roles, principal.member_id, to, "signin")
        codes += [code_of("invitation", made.invitation.id), *made.invitation.roles]
    return made


class Wanted(NamedTuple):
    """One person of a list to be invited."""

    name: str
    roles: Sequence[str]
    to: Address
    staff_ref: str | None = None


def invite_all(principal: Principal, wanted: Sequence[Wanted]) -> int:
    """Invite everyone on a list, or no one: one transaction with one entry that names each
    invitation. Returns how many. Raises BadRequest, NotPermitted, NotPossible (a staff number that
    another member has), TooOften, Unavailable."""
    with administered(principal, "staff.invite") as codes:
        staff_refs.require_free(principal.agency_id, [one.staff_ref for one in wanted])
        for one in wanted:
            brakes.require_turn(OF_AGENCY, principal.agency_id, using="signin")
            made = _make(
                principal.agency_id,
                one.name,
                one.roles,
                principal.member_id,
                one.to,
                "signin",
                staff_ref=one.staff_ref,
            )
            codes.append(code_of("invitation", made.invitation.id))
    return len(wanted)


def invite_by_system(system: Client, name: str, to: Address) -> Invitation:
    """Invite one person as a worker of the agency of this identity provider's system, in the open
    transaction of `signin`. Twice makes two. Raises BadRequest, TooOften, Unavailable."""
    brakes.require_turn(OF_AGENCY, system.agency_id, using="signin")
    roles = rows.SYSTEM_INVITES
    return _make(system.agency_id, name, roles, None, to, "signin", system).invitation


def check(wanted: Wanted) -> None:
    """Raise BadRequest if this person cannot be invited like that."""
    provisioning.check_text("name", wanted.name)
    provisioning.check_known_roles(wanted.roles)
    sealed_messages.checked(wanted.to)
    staff_refs.check(wanted.staff_ref)


def invite_first(agency: Agency, name: str, to: Address) -> Invitation:
    """Invite, as the operator, the first administrator of an agency that never had a member. The
    link is sent and shown to no one. Raises BadRequest, Unavailable."""
    with operator_try("member.invite", agency.id), transaction.atomic(using="jobs"):
        if rows.had_a_member(agency.id, "jobs"):
            raise BadRequest(
                provisioning.NOT_OPERATORS,
                detail="The agency has, or had, members of its own: its administrator invites"
                " others. The operator invites the first one only.",
            )
        made = _make(agency.id, name, ["agency_admin"], None, to, "jobs").invitation
        log_operator_change("member.invite", agency.id, fields=[code_of("invitation", made.id)])
    return made


def _make(
    agency_id: UUID,
    name: str,
    roles: Sequence[str],
    invited_by: UUID | None,
    to: Address | None,
    using: str,
    system: Client | None = None,
    staff_ref: str | None = None,
) -> Made:
    provisioning.check_text("name", name)
    provisioning.check_known_roles(roles)
    staff_refs.check(staff_ref)
    to = sealed_messages.checked(to) if to else None
    invitation, secret = rows.make(
        agency_id, name, roles, invited_by, LIVES, using, system=system, staff_ref=staff_ref
    )
    link = link_of(secret)
    if to is not None:
        sealed_messages.queue(invitation.id, to, "invitation", link, invitation.expires_at, using)
    return Made(invitation, link)


def open_invitations(principal: Principal) -> list[Open]:
    """The invitations of the caller's agency that wait, the newest first. The caller has the right
    to see them, and a page that shows them has its entry."""
    own = rows.waiting().filter(agency_id=principal.agency_id, kind="join")
    waiting = list(own.order_by("-created_at"))
    messages = SealedMessage.objects.filter(about_id__in=[one.id for one in waiting])
    sent = dict(messages.values_list("about_id", "outcome"))
    return [Open(one.id, one.name, one.roles, one.expires_at, sent.get(one.id)) for one in waiting]


def end_invitation(principal: Principal, invitation_id: UUID) -> None:
    """End an invitation of the caller's agency that waits. Raises NotVisible, also if it was used
    or ended before; NotPermitted, Unavailable."""
    with administered(principal, "staff.end_invitation") as codes:
        found = rows.waiting().select_for_update(of=("self",))
        invitation = found.filter(agency_id=principal.agency_id, id=invitation_id).first()
        if invitation is None:
            raise NotVisible
        rows.end(invitation, ended_at=database_now("signin"))
        codes.append(code_of("invitation", invitation.id))


# -- Joining ---------------------------------------------------------------------------------------


def find(secret: str) -> Invitation | None:
    """The invitation of this link that waits; None for any other text. Raises Unavailable
    (`binding`) for a row that this server did not write."""
    invitation = rows.waiting().filter(token_hash=rows.hash_secret(secret)).first()
    return invitation if invitation and rows.is_good(invitation) else None


def enroll(secret: str, username: str, password: str | None) -> Person:
    """Make the person who comes by this link. They join once they have a second factor. `password`
    None: they have none, and sign in by their agency's provider.

    Raises BadRequest for a user name that cannot be or is taken, NotVisible if the link has ended,
    TooOften, Unavailable.
    """
    found = find(secret)
    if found is None or found.kind != "join":
        raise NotVisible
    provisioning.check_username(username)
    if provisioning.find_person(username) is not None:
        raise BadRequest("taken", "Someone has this user name. Choose another.", "/username")
    with transaction.atomic(using="signin"):
        brakes.require_turn(OF_LINK, found.id, using="signin")
        return Person.objects.create_user(username, password)


def join(secret: str, person: Person) -> Membership:
    """Make the person a member of the agency that invited them, and use the invitation up. A staff
    number that another member was given meanwhile stays theirs: the entry says `no_staff_ref`, and
    the administrator sets another one.

    Raises NotVisible (no such link: also if it was used meanwhile), NotPossible (no second factor;
    the call is still due; already a member), Unavailable.
    """
    if not own_account.has_factor(person):
        raise NotPossible("no_second_factor", "Add a passkey or an authenticator app first.")
    row_macs.require_bound(person)
    with transaction.atomic(using="signin"):
        found = rows.lock(secret, "join")
        if found.is_first and not spoken_codes.is_given(found.id):
            raise NotPossible("not_vouched", "Enter the code that Cairn spoke to your agency.")
        member = _member_of(found, person)
        rows.end(found, used_at=database_now("signin"), member_id=member.id)
        agency = rows.agency_subject(found.agency_id)
        transaction.on_commit(lambda: closings.close([(agency, rows.HAD_A_MEMBER)]), using="signin")
        codes = [code_of("invitation", found.id), *member.roles]
        if found.staff_ref is not None:
            codes.append(staff_refs.code_of(member.staff_ref))
        log_change("staff.join", member.agency_id, member.id, codes)
    return member


def _member_of(found: Invitation, person: Person) -> Membership:
    members = Membership.objects.using("signin").select_for_update()
    member = members.filter(agency_id=found.agency_id, person_id=person.id).first()
    if member is None:
        member = Membership(agency_id=found.agency_id, person_id=person.id)
    elif member.active:
        raise NotPossible("already_a_member", "You are a member of this agency already.")
    staff_ref = staff_refs.if_free(found.agency_id, found.staff_ref)
    if member._state.adding:
        member.staff_ref = staff_ref
    else:  # the number of before ended with the membership
        staff_refs.replace(member, None)
        staff_refs.replace(member, staff_ref)
    member.name, member.roles, member.active = found.name, found.roles, True
    fields = None if member._state.adding else ["name", "roles", "active"]
    member.save(using="signin", update_fields=fields)
    return member
