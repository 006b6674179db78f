"""The vocabulary of rules about who may do an act, and the function that checks a rule.

This module contains no database, HTTP or status, and no act: each floor above declares its own
acts (referrals/act_registry/registry.py).
"""

from enum import StrEnum
from typing import NamedTuple

from permissions.errors import NotPermitted
from permissions.models import CASEWORK
from permissions.principal import Principal


class Who(StrEnum):
    """Which staff of one side may do an act."""

    WORKER = "a worker or lead"
    ASSIGNEE = "a member assigned to it"
    HOLDER = "the member who answers for it"
    ASSIGNEE_OR_LEAD = "a member assigned to it, or a lead"
    HOLDER_OR_LEAD = "the member who answers for it, or a lead"
    LEAD = "a lead"
    CLIENT = "a partner system"
    LEAD_OR_UNHELD = "a lead; while no one holds it, a worker too"
    WORKER_THEN_LEAD = "a worker or lead; after the accept, a lead, and a worker if no one holds it"


class Rule(NamedTuple):
    """Who may do one act, on each side of a referral."""

    from_side: Who | None  # who of the agency that sent it; None: no one
    to_side: Who | None  # who of the agency it was sent to; None: no one
    scope: str = "referrals:write"  # what a client needs in addition
    opens: bool = False  # opens sealed content: the only clients that may are systems of record


class CallerRelation(NamedTuple):
    """How the principal is related to one referral."""

    side: str  # "from" or "to"
    assigned: bool
    holder: bool
    accepted: bool = False  # after the accept, only assignment gives access in the recipient (R7)
    unheld: bool = False  # no live member who may know of it answers for it on this side


def require(principal: Principal, act: str, rule: Rule, standing: CallerRelation) -> None:
    """Raise NotPermitted unless `rule` allows `principal`, related by `standing`, to do `act`."""
    who = rule.from_side if standing.side == "from" else rule.to_side
    if who is None:
        raise NotPermitted("wrong_side", f"Only the other agency may {act}.")
    require_scope(principal, rule.scope)
    if who is Who.CLIENT:  # a receipt: it obliges no one and stops no alarm (R15)
        if not principal.is_client:
            raise NotPermitted("client_only", f"Only a partner system says {act}.")
        return
    if principal.member_id is None:
        # A machine cannot stop the alarm, and cannot open a packet without naming a member (R15).
        raise NotPermitted("acting_member_needed", "Name the acting member: header Acting-Member.")
    if rule.opens and principal.is_client and not principal.system_of_record:
        raise NotPermitted("not_system_of_record", "The agency did not open packets to it.")
    if not principal.has_role(*CASEWORK):
        raise NotPermitted("role_missing", f"{act} needs a worker or lead.")
    allowed = {
        Who.WORKER: True,
        Who.ASSIGNEE: standing.assigned,
        Who.HOLDER: standing.holder,
        Who.ASSIGNEE_OR_LEAD: standing.assigned or principal.has_role("lead"),
        Who.HOLDER_OR_LEAD: standing.holder or principal.has_role("lead"),
        Who.LEAD: principal.has_role("lead"),
        Who.LEAD_OR_UNHELD: standing.unheld or principal.has_role("lead"),
        Who.WORKER_THEN_LEAD: (
            not standing.accepted or standing.unheld or principal.has_role("lead")
        ),
    }[who]
    if not allowed:
        raise NotPermitted("not_assigned", f"{act} needs {who.value}.")


def is_permitted(principal: Principal, act: str, rule: Rule, standing: CallerRelation) -> bool:
    """Return whether `require` would pass. The desk uses it to decide which buttons to offer."""
    try:
        require(principal, act, rule, standing)
    except NotPermitted:
        return False
    return True


def require_scope(principal: Principal, *scopes: str) -> None:
    """Raise NotPermitted (`scope_missing`) unless the caller is a person, or a client with one of
    these scopes. It depends on the token alone and on no row, so a list that is refused tells no
    more of what there is than an empty one (R3)."""
    if not any(principal.may(scope) for scope in scopes):
        raise NotPermitted("scope_missing", f"The client needs the scope {' or '.join(scopes)}.")


def require_directory_editor(principal: Principal) -> None:
    """Raise NotPermitted unless the caller may edit the directory at all.

    The caller is a directory editor, or a client with directory:write; a client need not name an
    acting member, but one that it names must be a directory editor. Assignment decides which
    entries (permissions/assignments.py).
    """
    require_scope(principal, "directory:write")
    if principal.member_id is not None and not principal.has_role("directory_editor"):
        raise NotPermitted("role_missing", "Entries are changed by a directory editor.")


def require_webhook_manager(principal: Principal) -> None:
    """Raise NotPermitted unless the caller may decide where its agency's events are sent: an
    agency_admin, or a client with webhooks:write."""
    require_scope(principal, "webhooks:write")
    if not principal.is_client and not principal.has_role("agency_admin"):
        raise NotPermitted("role_missing", "Webhooks are kept by an agency_admin.")


def require_administrator(principal: Principal) -> None:
    """Raise NotPermitted unless the caller is an agency_admin of their agency, in person."""
    if principal.is_client or not principal.has_role("agency_admin"):
        raise NotPermitted("role_missing", "An agency is run by its agency_admin, at the desk.")
