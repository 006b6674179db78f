"""Assignment: which members work on which referral. The only caller of guardian.

guardian's row holds person, permission and object; ours adds the membership and the agency, since
one person may serve two agencies. Its list shortcuts load every id and are never used (design §6).
"""

from functools import lru_cache
from uuid import UUID

from django.contrib.auth.models import Permission
from django.db.models import Model
from guardian.utils import get_user_obj_perms_model

from permissions.compiled import Compiled
from permissions.models import Membership

WORK = "work_on_referral"


def assign(referral: Model, member: Membership) -> None:
    """`member` works on `referral` from now on. Twice is safe."""
    permission = Permission.objects.get(
        content_type__app_label=referral._meta.app_label, codename=WORK
    )
    table = get_user_obj_perms_model(referral)
    row = table(
        permission=permission,
        user_id=member.person_id,
        content_object=referral,
        membership_id=member.id,
        agency_id=member.agency_id,
    )
    table._default_manager.bulk_create([row], ignore_conflicts=True)


def unassign(referral: Model, membership_id: UUID) -> None:
    """`membership_id` no longer works on `referral`. Twice is safe."""
    table = get_user_obj_perms_model(referral)
    table._default_manager.filter(content_object=referral, membership_id=membership_id).delete()


def is_assigned(referral: Model, agency_id: UUID, membership_id: UUID | None) -> bool:
    """Whether this member of this agency works on `referral`. One query."""
    table = get_user_obj_perms_model(referral)
    return _one(table).first(referral.pk, agency_id, membership_id) is not None


@lru_cache
def _one(table: type[Model]) -> Compiled[Model]:
    return Compiled(
        lambda about, agency, member: table._default_manager.filter(
            content_object_id=about, agency_id=agency, membership_id=member
        )
    )


def assignees(referral: Model, agency_id: UUID) -> list[UUID]:
    """The memberships of one side that work on it."""
    table = get_user_obj_perms_model(referral)
    rows = table._default_manager.filter(content_object=referral, agency_id=agency_id)
    return list(rows.values_list("membership_id", flat=True))
