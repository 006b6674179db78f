"""Assignment: which members work on which referral, and which agencies edit which organization of
the directory. This is the only caller of guardian.

guardian's row holds person (or group), permission and object; ours adds the membership and the
agency, since one person may serve two agencies. Its list shortcuts load every id and are never
used (ADR 0018). The database checks again who may assign whom, and only its functions write
assignments (referrals/sql/functions/assignment.sql).
"""

from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model

from permissions.audit.writer import log_operator_change
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7

EDIT = "edit_organization"


def claim(referral: Model, *, reason: str | None = None, keep: bool = False) -> None:
    """Assign `referral` to the acting member and make them its side's holder, replacing the
    previous one.

    The member has this right when they answer (create, acknowledge, accept, decline); otherwise it
    is a lead's, with R7's coded `reason`. `keep`: the previous holder stays assigned. Twice is
    safe.
    """
    _call("sec.claim_referral(%s, %s, %s, %s)", uuid7(), referral.pk, reason, keep)


def assign(referral: Model, member_id: UUID, reason: str | None = None) -> None:
    """Also assign `referral` to `member_id` of the caller's own agency. `reason` is given when
    leads assign themselves (R7). Twice is safe."""
    _call("sec.assign_member(%s, %s, %s, %s)", uuid7(), referral.pk, member_id, reason)


def transfer(referral: Model, member_id: UUID, *, keep: bool = False) -> None:
    """Assign `member_id` and make them the holder, replacing the previous one; callers can never
    name themselves. `keep`: the previous holder stays assigned."""
    _call("sec.transfer_referral(%s, %s, %s, %s)", uuid7(), referral.pk, member_id, keep)


def undo_accept(referral: Model) -> list[UUID]:
    """Take the recipient's accept of `referral` back; return the members who are assigned on its
    side now. Its holder of before the accept holds it again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.undo_accept(%s, %s)", [uuid7(), referral.pk])
        (held,) = cursor.fetchone()
    return [UUID(str(one)) for one in held]


def _call(call: str, *values: UUID | str | bool | None) -> None:
    """Call a function of `definer`: `app` itself can neither write an assignment nor name a
    holder."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {call}", values)


def is_assigned(referral: Model, agency_id: UUID, membership_id: UUID | None) -> bool:
    """Whether this member of this agency works on `referral`. One query."""
    rows = get_user_obj_perms_model(referral)._default_manager.filter(
        content_object=referral, agency_id=agency_id
    )
    return rows.filter(membership_id=membership_id).exists()


# -- Who edits an organization of the directory ---------------------------------------------------


def allow_editing(organization: Model, agency_id: UUID) -> bool:
    """Let the agency edit this organization, its services and places, in addition to other
    agencies.

    Runs as `jobs`. Returns whether the right is new; twice is safe.
    """
    if agency_id in editing_agencies(organization):
        return False
    permission = Permission.objects.using(JOBS).get(
        content_type__app_label=organization._meta.app_label, codename=EDIT
    )
    table = get_group_obj_perms_model(organization)
    with transaction.atomic(using=JOBS):
        # guardian gives rights to groups: each agency has one group, named by its id.
        group, _ = Group.objects.using(JOBS).get_or_create(name=str(agency_id))
        row = table(
            permission_id=permission.pk,
            group_id=group.pk,
            content_object_id=organization.pk,
            agency_id=agency_id,
        )
        table._default_manager.using(JOBS).bulk_create([row], ignore_conflicts=True)
        log_operator_change("editor.add", agency_id, directory_id=organization.pk)
    return True


def end_editing(organization: Model, agency_id: UUID) -> bool:
    """End the agency's right to edit it, from the next request on. Returns whether it had one."""
    table = get_group_obj_perms_model(organization)
    rows = table._default_manager.using(JOBS).filter(
        content_object_id=organization.pk, agency_id=agency_id
    )
    with transaction.atomic(using=JOBS):
        ended = bool(rows.delete()[0])
        if ended:
            log_operator_change("editor.end", agency_id, directory_id=organization.pk)
    return ended


def editing_agencies(organization: Model) -> list[UUID]:
    """The agencies that may edit it. Runs as `jobs`."""
    table = get_group_obj_perms_model(organization)
    rows = table._default_manager.using(JOBS).filter(content_object_id=organization.pk)
    return sorted(rows.values_list("agency_id", flat=True))


def edited_organizations(kind: type[Model], agency_id: UUID, using: str) -> "QuerySet[Model, UUID]":
    """The ids of the organizations that the agency may edit, as a subquery, never as a list."""
    rows = get_group_obj_perms_model(kind())._default_manager.using(using)
    return rows.filter(agency_id=agency_id).values_list("content_object_id", flat=True)


def is_editor(kind: type[Model], organization_id: UUID, agency_id: UUID, using: str) -> bool:
    """Whether the agency may edit the organization with this id. One query."""
    return (
        edited_organizations(kind, agency_id, using)
        .filter(content_object_id=organization_id)
        .exists()
    )
