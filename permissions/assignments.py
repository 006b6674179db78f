"""Assignment: which members work on which referral, which agencies edit which organization of the
directory. The only caller of guardian.

guardian's row holds person (or group), permission and object; ours adds the membership and the
agency, since one person may serve two agencies. Its list shortcuts load every id and are never
used (ADR 0018). Who may assign whom is asked once more by the database, which alone writes them
(referrals/sql/functions/assignment.sql).
"""

from functools import lru_cache
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model

from permissions.audit.writer import log_operator_change
from permissions.database.aliases import JOBS
from permissions.database.statement_cache import CachedQuery
from permissions.database.uuid7 import uuid7

EDIT = "edit_organization"


def claim(referral: Model, *, reason: str | None = None, keep: bool = False) -> None:
    """The acting member works on `referral` and is its side's holder, in place of whoever was.

    Her own right to it by her answer (creating, acknowledging, accepting, declining), else a lead's
    with R7's coded `reason`. `keep`: whom she replaces stays assigned. Twice is safe.
    """
    _call("sec.take(%s, %s, %s, %s)", uuid7(), referral.pk, reason, keep)


def assign(referral: Model, member_id: UUID, reason: str | None = None) -> None:
    """`member_id` of the caller's own agency works on `referral`, too; `reason` where a lead puts
    herself on it (R7). Twice is safe."""
    _call("sec.put_on(%s, %s, %s, %s)", uuid7(), referral.pk, member_id, reason)


def transfer(referral: Model, member_id: UUID, *, keep: bool = False) -> None:
    """`member_id` is assigned and the holder, in place of whoever was; never the caller herself."""
    _call("sec.hand_over(%s, %s, %s, %s)", uuid7(), referral.pk, member_id, keep)


def _call(call: str, *values: UUID | str | bool | None) -> None:
    """By a function of `gate`: `app` can write no assignment and name no holder by itself."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {call}", values)


def is_assigned(referral: Model, agency_id: UUID, membership_id: UUID | None) -> bool:
    """Whether this member of this agency works on `referral`. One query."""
    table = get_user_obj_perms_model(referral)
    return _one(table).first(referral.pk, agency_id, membership_id) is not None


@lru_cache
def _one(table: type[Model]) -> CachedQuery[Model]:
    return CachedQuery(
        lambda about, agency, member: table._default_manager.filter(
            content_object_id=about, agency_id=agency, membership_id=member
        )
    )


def assignees(referral: Model, agency_id: UUID) -> list[UUID]:
    """The memberships of one side that work on it, in the order in which they came to it."""
    table = get_user_obj_perms_model(referral)
    rows = table._default_manager.filter(content_object=referral, agency_id=agency_id)
    return list(rows.order_by("id").values_list("membership_id", flat=True))


# -- Who edits an organization of the directory ---------------------------------------------------


def allow_editing(organization: Model, agency_id: UUID) -> bool:
    """The agency edits this organization, its services and places from now on; beside others.

    Runs as `jobs`. Returns whether it is new; twice is safe.
    """
    if agency_id in editing_agencies(organization):
        return False
    permission = Permission.objects.using(JOBS).get(
        content_type__app_label=organization._meta.app_label, codename=EDIT
    )
    table = get_group_obj_perms_model(organization)
    with transaction.atomic(using=JOBS):
        # guardian gives rights to groups: one an agency, named by its id.
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
    """The agency no longer edits it, from the next request on. Returns whether it did."""
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
    """The agencies that edit it, as `jobs` knows them."""
    table = get_group_obj_perms_model(organization)
    rows = table._default_manager.using(JOBS).filter(content_object_id=organization.pk)
    return sorted(rows.values_list("agency_id", flat=True))


def edited_organizations(kind: type[Model], agency_id: UUID, using: str) -> "QuerySet[Model, UUID]":
    """The ids of the organizations that the agency edits; as a subquery, never a list of them."""
    rows = get_group_obj_perms_model(kind())._default_manager.using(using)
    return rows.filter(agency_id=agency_id).values_list("content_object_id", flat=True)


def is_editor(kind: type[Model], organization_id: UUID, agency_id: UUID, using: str) -> bool:
    """Whether the agency edits the organization with this id. One query."""
    return (
        edited_organizations(kind, agency_id, using)
        .filter(content_object_id=organization_id)
        .exists()
    )
