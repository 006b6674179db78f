"""A reset: a member who lost what they sign in with sets it up again, without the operator.

A second person of the agency asks for it: an administrator or a lead, or the outside reviewer. The
link goes to channels that the member proved 72 hours ago or longer, and to nowhere else; no one
else ever sees it. Until a person who did not ask confirms that it was the member, they open no
packet and no note in any agency. That wait is kept outside the database, in the journal of
closings: an odd version is a wait, an even one is none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import connections, transaction

from permissions.audit import writer
from permissions.database.clock import database_now
from permissions.enrollment import invitation_rows as rows
from permissions.enrollment import sealed_messages
from permissions.enrollment.administration import administered, code_of
from permissions.enrollment.join_links import link_of
from permissions.enrollment.sealed_messages import Address
from permissions.errors import NotPermitted, NotPossible, NotVisible
from permissions.identity import brakes, credentials, own_account, row_macs
from permissions.identity.brakes import Limit
from permissions.keys import closings
from permissions.models import ROLES, Agency, Invitation, Membership, Person
from permissions.principal import Principal

LIVES = timedelta(hours=24)
OF_MEMBER = Limit("resets_of_member", 3, timedelta(hours=24))
SECOND_PERSONS = ("agency_admin", "lead")


class Waiting(NamedTuple):
    """A member whose reset a person who did not ask for it has to confirm."""

    member_id: UUID
    name: str
    agency: str
    asked_by: str
    at: datetime
    may_confirm: bool


class Overview(NamedTuple):
    """What the caller sees of resets: what waits, and for whom they may ask."""

    waiting: Sequence[Waiting]
    may_ask_for: Sequence[Membership]


def may_ask(principal: Principal, member: Membership) -> bool:
    """Whether the caller is a second person for this member: an administrator or lead of the
    agency who is another person, or the agency's outside reviewer."""
    if principal.is_client or principal.person_id == member.person_id:
        return False
    if principal.agency_id == member.agency_id:
        return principal.has_role(*SECOND_PERSONS)
    agency = Agency.objects.using("signin").get(id=member.agency_id)
    return agency.outside_reviewer_id is not None and (
        agency.outside_reviewer_id == principal.member_id
    )


def ask(principal: Principal, member_id: UUID) -> int:
    """Send the member a link by which they set up again what they sign in with. Returns how many
    channels it goes to. Ends an earlier link of theirs.

    Raises NotVisible, NotPermitted, NotPossible (no channel that is old enough), TooOften,
    Unavailable.
    """
    member = _member(principal, member_id)
    with administered(principal, "staff.reset", *ROLES) as codes:
        if not may_ask(principal, member):
            raise NotPermitted("second_person", "Someone else of your agency asks for your reset.")
        if not member.live:
            raise NotPossible("not_live", "They have left. Let them come back first.")
        to = _channels(member.id)
        if not to:
            raise NotPossible(
                "no_old_channel",
                "They have no mail address or number that they confirmed three days ago or"
                " earlier. End this membership, and invite them again.",
            )
        brakes.require_turn(OF_MEMBER, member.id, using="signin")
        earlier = rows.waiting().filter(kind="reset", member_id=member.id)
        for one in earlier.select_for_update(of=("self",)):
            rows.end(one, ended_at=database_now("signin"))
        made, secret = rows.make(
            *(member.agency_id, member.name, member.roles, principal.member_id, LIVES, "signin"),
            kind="reset",
            member=member,
        )
        link = link_of(secret)
        for address in to:
            sealed_messages.add(made.id, address, "reset", link, made.expires_at, "signin")
        codes.append(code_of("member", member.id))
    return len(to)


def take(secret: str, password: str) -> Person:
    """Set the member's new password, and end all they signed in with before: passkeys, apps,
    recovery codes, every open sign-in. They add a new second factor next. Twice is safe, until
    `finish`.

    Raises NotVisible (no such link), Unavailable.
    """
    with transaction.atomic(using="signin"):
        found = rows.lock(secret, "reset")
        assert found.member is not None
        with own_account.changing(found.member.person, "staff.take_reset") as person:
            person.set_password(password)
            person.save(using="signin", update_fields=["password"])
            Authenticator.objects.using("signin").filter(user=person).delete()
            credentials.end_all_of_person(person)
        members = Membership.objects.using("signin").filter(person=person).order_by("id")
        begun = [(_taken(found.id), 2), *(_next(_wait(one.id), odd=True) for one in members)]
        transaction.on_commit(lambda: closings.close(begun), using="signin")
    return person


def is_taken(invitation_id: UUID) -> bool:
    """Whether the new password of this reset was set, and what was there before is gone."""
    return closings.least_version(_taken(invitation_id)) >= 2


def to_tell(member_id: UUID) -> Sequence[UUID]:
    """The persons who are notified of a member's reset: the member, and the agency's leads and
    administrators."""
    live = Membership.objects.using("signin").filter(live=True)
    agency_id = live.filter(id=member_id).values("agency_id")
    heads = live.filter(agency_id__in=agency_id, roles__overlap=list(SECOND_PERSONS))
    found = live.filter(id=member_id).union(heads)
    return sorted({one.person_id for one in found})


def finish(secret: str) -> None:
    """Use the link up: the member has a new second factor. Raises NotVisible, Unavailable."""
    with transaction.atomic(using="signin"):
        found = rows.lock(secret, "reset")
        rows.end(found, used_at=database_now("signin"))


def waits(member_id: UUID | None) -> bool:
    """Whether this member opens nothing until their reset is confirmed. No query: it is read from
    the journal of closings. Raises Unavailable."""
    return member_id is not None and closings.least_version(_wait(member_id)) % 2 == 1


def require_confirmed(principal: Principal) -> None:
    """Raise NotPossible if the acting member's reset waits to be confirmed."""
    if waits(principal.member_id):
        raise NotPossible(
            "reset_waits",
            "Your sign-in was set up again. A lead or administrator who did not ask for that"
            " confirms it before you open a packet or a note.",
        )


def overview(principal: Principal) -> Overview:
    """The members of the caller's agency, and of those that the caller reviews from outside: whose
    reset waits to be confirmed, and for whom the caller may ask. Writes one access entry. Raises
    NotPermitted for a caller who has no say in any."""
    with writer.logged_act(principal, "members.read") as attempt:
        agencies = _agencies_of(principal)
        if not agencies:
            raise NotPermitted("role_missing", "Administrators, leads and reviewers see this.")
        attempt.record()
    live = Membership.objects.using("signin").filter(agency_id__in=agencies, live=True)
    members = list(live.select_related("agency").order_by("name", "id"))
    return Overview(
        [_waiting(principal, one) for one in members if waits(one.id)],
        [one for one in members if may_ask(principal, one)],
    )


def name_of(principal: Principal, member_id: UUID) -> str:
    """The name of a member for whom the caller may ask. Raises NotVisible, NotPermitted."""
    found = {one.id: one.name for one in overview(principal).may_ask_for}
    if member_id not in found:
        raise NotVisible
    return found[member_id]


def _agencies_of(principal: Principal) -> list[UUID]:
    reviewed = Agency.objects.using("signin").filter(outside_reviewer_id=principal.member_id)
    own = [principal.agency_id] if principal.has_role(*SECOND_PERSONS) else []
    return [*own, *(one.id for one in reviewed if principal.member_id is not None)]


def _waiting(principal: Principal, member: Membership) -> Waiting:
    reset = _newest_of(member.person_id)
    assert reset is not None
    assert reset.invited_by is not None
    may = _may_confirm(principal, member, reset)
    return Waiting(
        member.id, member.name, member.agency.name, reset.invited_by.name, reset.created_at, may
    )


def confirm(principal: Principal, member_id: UUID) -> None:
    """Confirm that it was the member who set up their sign-in again: they open packets again. Twice
    is safe. Raises NotVisible, NotPermitted (they asked for it themselves, or it is their own),
    Unavailable."""
    member = _member(principal, member_id)
    with administered(principal, "staff.confirm_reset", *ROLES) as codes:
        reset = _newest_of(member.person_id)
        if reset is None or not waits(member.id):
            return
        if not _may_confirm(principal, member, reset):
            raise NotPermitted(
                "second_person", "Someone confirms it who did not ask for the reset."
            )
        codes.append(code_of("member", member.id))
        subject = _next(_wait(member.id), odd=False)
        transaction.on_commit(lambda: closings.close([subject]), using="signin")


def _may_confirm(principal: Principal, member: Membership, reset: Invitation) -> bool:
    asked = reset.invited_by.person_id if reset.invited_by else None
    return may_ask(principal, member) and principal.person_id != asked


def _newest_of(person_id: UUID) -> Invitation | None:
    """The person's newest reset in any agency: who asked for it confirms it nowhere."""
    resets = Invitation.objects.using("signin").filter(kind="reset", member__person_id=person_id)
    return resets.select_related("invited_by").order_by("-created_at", "-id").first()


def _member(principal: Principal, member_id: UUID) -> Membership:
    """A member of the caller's agency, or of one that the caller reviews. Raises NotVisible."""
    member = Membership.objects.using("signin").filter(id=member_id).first()
    if member is None or not (
        member.agency_id == principal.agency_id or may_ask(principal, member)
    ):
        raise NotVisible
    row_macs.require_bound(member)
    return member


def _channels(member_id: UUID) -> list[Address]:
    with connections["signin"].cursor() as cursor:
        cursor.execute("SELECT * FROM sec.reset_channels(%s)", [member_id])
        return [Address(*row) for row in cursor.fetchall()]


def _wait(member_id: UUID) -> str:
    return closings.subject_of("reset waits", member_id)


def _taken(invitation_id: UUID) -> str:
    return closings.subject_of("reset taken", invitation_id)


def _next(subject: str, *, odd: bool) -> tuple[str, int]:
    """The subject's next version of this kind; 1 is left out, which the journal forgets in time."""
    version = max(closings.least_version(subject), 1) + 1
    return subject, version + (version % 2 != odd)
