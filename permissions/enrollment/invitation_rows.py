"""The rows of invitations: which of them wait, which are good, and how one ends.

Runs as `signin`. permissions/enrollment/invitations.py says what an invitation is.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from permissions.database.clock import database_now
from permissions.errors import NotVisible
from permissions.identity import row_macs
from permissions.keys import closings
from permissions.models import Client, Invitation, Membership, SealedMessage

ENDED = 2  # the version from which on an invitation is used or ended; a new one has version 1
SECRET_BYTES = 32
SYSTEM_INVITES = ["worker"]  # the roles of whom an identity provider invites: R9
HAD_A_MEMBER = 2  # of an agency: that it once had a member, known outside the database


def waiting() -> Any:
    """The invitations that are neither used nor ended nor over, as `signin`."""
    invitations = Invitation.objects.using("signin").select_related(
        "agency", "invited_by", "member"
    )
    return invitations.filter(used_at=None, ended_at=None, expires_at__gt=database_now("signin"))


def make(
    agency_id: UUID,
    name: str,
    roles: Sequence[str],
    invited_by: UUID | None,
    lives: timedelta,
    using: str,
    *,
    kind: str = "join",
    member: Membership | None = None,
    system: Client | None = None,
    staff_ref: str | None = None,
) -> tuple[Invitation, str]:
    """A new row with its MAC, in the open transaction of `using`, and the secret of its link."""
    secret, now = secrets.token_urlsafe(SECRET_BYTES), database_now(using)
    made = Invitation(
        kind=kind,
        token_hash=hash_secret(secret),
        agency_id=agency_id,
        name=name,
        roles=sorted(set(roles)),
        staff_ref=staff_ref,
        invited_by_id=invited_by,
        invited_by_system_id=system.id if system else None,
        member=member,
        created_at=now,
        expires_at=now + lives,
    )
    made.mac = row_macs.mac("invitation", bound(made))
    made.save(using=using, force_insert=True)
    return made, secret


def lock(secret: str, kind: str) -> Invitation:
    """The invitation of this link that waits and is good, locked in the open transaction of
    `signin`. Raises NotVisible, also if it was used meanwhile; Unavailable, as is_good does."""
    found: Invitation | None = (
        waiting()
        .select_for_update(of=("self",))
        .filter(token_hash=hash_secret(secret), kind=kind)
        .first()
    )
    if found is None or not is_good(found):
        raise NotVisible
    return found


def is_good(invitation: Invitation) -> bool:
    """Whether it is bound, is not one that ended before, and who made it may still do so."""
    if not row_macs.is_right(invitation.mac, "invitation", bound(invitation)):
        row_macs.refuse("invitation", invitation.id)
    if closings.least_version(invitation.id.hex) >= ENDED or not invitation.agency.active:
        return False
    if invitation.is_first:
        return not had_a_member(invitation.agency_id)
    if invitation.invited_by_system_id is not None:
        return _is_of_system(invitation)
    inviter = invitation.invited_by
    assert inviter is not None
    row_macs.require_bound(inviter)
    if invitation.kind == "reset":
        return inviter.live and invitation.member is not None and invitation.member.live
    return inviter.live and "agency_admin" in inviter.roles


def _is_of_system(invitation: Invitation) -> bool:
    """Whether the identity provider's system that invited may still do so."""
    systems = Client.objects.using("signin").filter(agency_id=invitation.agency_id)
    system = systems.filter(id=invitation.invited_by_system_id).first()
    if system is None or list(invitation.roles) != SYSTEM_INVITES:
        return False
    row_macs.require_bound(system)
    return bool(system.active and system.token_hash is not None)


def had_a_member(agency_id: UUID, using: str = "signin") -> bool:
    """Whether the agency has or ever had a member: the journal of closings knows it even where a
    writer of the database has removed them."""
    known = closings.least_version(agency_subject(agency_id)) >= HAD_A_MEMBER
    return known or Membership.objects.using(using).filter(agency_id=agency_id).exists()


def end(invitation: Invitation, **changes: Any) -> None:
    """End an invitation for good, in the open transaction of `signin`: used, or ended."""
    for name, value in changes.items():
        setattr(invitation, name, value)
    invitation.save(using="signin", update_fields=list(changes))
    SealedMessage.objects.using("signin").filter(about_id=invitation.id).delete()
    subject = invitation.id.hex, ENDED
    transaction.on_commit(lambda: closings.close([subject]), using="signin")


def end_of_inviter(member_id: UUID) -> None:
    """End every invitation by this member that waits, in the open transaction of `signin`."""
    for one in waiting().select_for_update(of=("self",)).filter(invited_by_id=member_id):
        end(one, ended_at=database_now("signin"))


def end_of_system(system_id: UUID) -> None:
    """End every invitation by this system that waits, in the open transaction of `signin`."""
    for one in waiting().select_for_update(of=("self",)).filter(invited_by_system_id=system_id):
        end(one, ended_at=database_now("signin"))


def end_all() -> int:
    """End every invitation that waits; return how many. Twice is safe."""
    with transaction.atomic(using="signin"):
        found = list(waiting().select_for_update(of=("self",)))
        for one in found:
            end(one, ended_at=database_now("signin"))
    return len(found)


def bound(invitation: Invitation) -> list[Any]:
    """What the MAC of an invitation covers."""
    whose = invitation.member_id if invitation.kind == "reset" else None  # else: who has joined
    return [
        *(
            invitation.id,
            invitation.kind,
            whose,
            bytes(invitation.token_hash).hex(),
            invitation.agency_id,
        ),
        *(invitation.name, invitation.roles, invitation.invited_by_id),
        *(invitation.created_at, invitation.expires_at),
        *([invitation.invited_by_system_id] if invitation.invited_by_system_id else []),
        *row_macs.named(staff_ref=invitation.staff_ref),
    ]


def hash_secret(secret: str) -> bytes:
    """SHA-256. The secret has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def agency_subject(agency_id: UUID) -> str:
    """The name in the journal of closings under which an agency had a member."""
    return closings.subject_of("agency", agency_id)
