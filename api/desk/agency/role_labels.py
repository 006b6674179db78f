"""What a member's roles are called, and what each lets its member do."""

from django.utils.translation import gettext_lazy as _

from api.texts import StrOrPromise
from permissions.models import ROLES as KNOWN

SAYS = {
    "worker": _("Works with survivors: sends, accepts and opens referrals assigned to them"),
    "lead": _("Lead: assigns referrals, sees the agency's, confirms what needs a second person"),
    "directory_editor": _("Keeps the agency's listings in the directory"),
    "agency_admin": _("Administrator: members, systems and settings, no referrals"),
    "auditor": _("Auditor: reads the access log, and nothing else. Has no other role"),
    "coordinator": _("Coordinator: counts for the network, and nothing else. Has no other role"),
}
NAMES = {
    "worker": _("Worker"),
    "lead": _("Lead"),
    "directory_editor": _("Directory editor"),
    "agency_admin": _("Administrator"),
    "auditor": _("Auditor"),
    "coordinator": _("Coordinator"),
}


def choices() -> list[tuple[str, StrOrPromise]]:
    """Every role with what it does. One without words here is called by its code."""
    return [(role, SAYS.get(role) or role.replace("_", " ").capitalize()) for role in KNOWN]


def names_of(roles: list[str]) -> str:
    return ", ".join(str(NAMES.get(one) or one) for one in roles)
