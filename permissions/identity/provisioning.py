"""The operator adds and changes agencies, and takes rights of their members away: `manage.py
agency`, `manage.py member`. Runs as `jobs`.

The operator gives no one a right and sees no one's secret: an agency's people invite each other
(permissions/enrollment/). Partner systems: permissions/identity/partner_clients.py.
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.db import transaction

from permissions.audit.operator_tries import operator_try
from permissions.audit.writer import log_operator_change
from permissions.errors import BadRequest
from permissions.identity import credentials, row_macs
from permissions.models import AGENCY_KINDS, DUTIES, ROLES, Agency, Membership, Person

NAME_CHARACTERS = 200
NOT_OPERATORS = "not_operators"  # the code of what an agency's own people do
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,149}", re.ASCII)


def check_text(what: str, text: str, characters: int = NAME_CHARACTERS) -> None:
    """Raise BadRequest unless `text` is one printable line of at most `characters` characters,
    without spaces around it."""
    if not text or text != text.strip() or not text.isprintable():
        raise BadRequest(detail=f"{what} must be one line of plain text, without spaces around it.")
    if len(text) > characters:
        raise BadRequest(detail=f"{what} must have at most {characters} characters.")


def find_person(username: str) -> Person | None:
    """The person with this user name, in upper or lower case: sign-in ignores case."""
    if not USERNAME.fullmatch(username):
        return None
    return Person.objects.filter(username__iexact=username).first()


def check_username(username: str) -> None:
    """Raise BadRequest unless a new person may have this user name."""
    if not USERNAME.fullmatch(username):
        raise BadRequest(
            detail="A user name has 1 to 150 characters of a-z, 0-9 and . _ - @ +, and begins with"
            " a letter or digit, like c.example."
        )


def add_agency(
    name: str,
    kind: str,
    duties: Sequence[str],
    time_zone: str,
    duty_phone: str = "",
) -> Agency:
    """Add a tenant. Raises BadRequest for an unknown kind, duty or time zone, for a name or phone
    number that is not plain text, and for a name that is taken."""
    if kind not in AGENCY_KINDS:
        raise BadRequest(detail=f"kind must be one of {', '.join(AGENCY_KINDS)}.")
    if not set(duties) <= set(DUTIES):
        raise BadRequest(detail=f"Each duty must be one of {', '.join(DUTIES)}.")
    if time_zone not in available_timezones():
        raise BadRequest(detail="The time zone must be a name like America/Denver.")
    check_text("name", name)
    if duty_phone:
        check_text("duty_phone", duty_phone, 50)
    if Agency.objects.using("jobs").filter(name=name, exercise=None).exists():
        raise BadRequest(detail="There is already an agency with this name.")
    with transaction.atomic(using="jobs"):
        agency = Agency.objects.using("jobs").create(
            name=name,
            kind=kind,
            duties=sorted(set(duties)),
            time_zone=time_zone,
            duty_phone=duty_phone,
        )
        log_operator_change("agency.add", agency.id, fields=[kind, *agency.duties])
    return agency


def set_agency(agency: Agency, changes: dict[str, Any]) -> None:
    """Change the agency: `takes_notices` (False: phone only), `active`, `retention_days`,
    `duty_phone`, `outside_reviewer` (a member's id, or `none`). Raises BadRequest; then nothing has
    changed."""
    with operator_try("agency.change", agency.id):
        if not 7 <= changes.get("retention_days", 7) <= 3650:
            raise BadRequest(detail="retention_days must be 7 to 3650.")
        if changes.get("duty_phone"):
            check_text("duty_phone", changes["duty_phone"], 50)
        for name, value in changes.items():
            setattr(agency, name, _reviewer(agency, value) if name == "outside_reviewer" else value)
    with transaction.atomic(using="jobs"):
        agency.save(using="jobs", update_fields=list(changes))
        log_operator_change("agency.change", agency.id, fields=sorted(changes))
    if not agency.active:
        credentials.end_all_of_agency(agency.id)


def _reviewer(agency: Agency, text: str) -> Membership | None:
    """The member of another agency with this id; None for the text `none`.

    A person may serve in several agencies, so a reviewer must not also be one of this agency's own
    people: no one else would be notified of what they assign to themselves (R7).
    """
    if text == "none":
        return None
    members = Membership.objects.using("jobs").filter(live=True)
    try:
        found: Membership = members.exclude(agency_id=agency.id).get(id=UUID(text))
    except (ValueError, Membership.DoesNotExist):
        raise BadRequest(
            detail="The outside reviewer must be a member of another agency, given by the id that"
            " `manage.py member show` prints."
        ) from None
    if members.filter(agency_id=agency.id, person_id=found.person_id).exists():
        raise BadRequest(
            detail="This person is also a member of the agency: no one may review themselves."
        )
    return found


def check_known_roles(roles: Sequence[str]) -> None:
    """Raise BadRequest unless one member may hold these roles together."""
    if not roles or not set(roles) <= set(ROLES):
        raise BadRequest(detail=f"Each role must be one of {', '.join(ROLES)}.")
    alone = {"auditor", "coordinator"} & set(roles)
    if alone and len(set(roles)) > 1:
        raise BadRequest(detail=f"The role {alone.pop()} excludes every other role.")


def check_roles(agency_id: UUID, roles: Sequence[str]) -> None:
    """Raise BadRequest unless the agency exists and a member of it may hold these roles."""
    check_known_roles(roles)
    check_agency(agency_id)


def take_roles(agency_id: UUID, person: Person, roles: Sequence[str]) -> Membership:
    """Leave the member these of their roles, and end their open sessions in this agency. The
    operator gives no role. Twice is safe. Raises BadRequest, Unavailable."""
    check_roles(agency_id, roles)
    member = _member("member.change_roles", agency_id, person)
    with operator_try("member.change_roles", agency_id, member.id):
        if not set(roles) <= set(member.roles):
            raise BadRequest(
                NOT_OPERATORS,
                detail="The operator takes roles away. The agency's administrator gives them, at"
                " the desk.",
            )
    if set(roles) == set(member.roles):
        return member
    member.roles = sorted(set(roles))
    with transaction.atomic(using="jobs"):
        member.save(using="jobs", update_fields=["roles"])
        row_macs.sign(member, "jobs", closing=True)
        log_operator_change("member.change_roles", agency_id, member.id, fields=member.roles)
    credentials.end_all_of_person(person, agency_id)
    return member


def end_member(person: Person, agency_id: UUID | None) -> None:
    """End a person's membership of one agency or (None) of each. Twice is safe. Raises BadRequest,
    Unavailable.

    What ends with it stays ended when an administrator lets them come back: their credentials,
    their assignments (by a trigger, in the same transaction) and the role of a directory editor.
    """
    members = Membership.objects.using("jobs").filter(person_id=person.id)
    ended = (
        [_member("member.end", agency_id, person)] if agency_id else list(members.order_by("id"))
    )
    with transaction.atomic(using="jobs"):
        for member in ended:
            member.active = False
            member.roles = [role for role in member.roles if role != "directory_editor"]
            member.save(using="jobs", update_fields=["active", "roles"])
            row_macs.sign(member, "jobs", closing=True)
            log_operator_change("member.end", member.agency_id, member.id)
    credentials.end_all_of_person(person, agency_id)


def _member(act: str, agency_id: UUID, person: Person) -> Membership:
    found = Membership.objects.using("jobs").filter(agency_id=agency_id, person_id=person.id)
    with operator_try(act, agency_id):
        if not found:
            raise BadRequest(detail="This person is not a member of the agency.")
    return found[0]


def check_agency(agency_id: UUID) -> None:
    """Raise BadRequest unless there is an agency with this id."""
    if not Agency.objects.using("jobs").filter(id=agency_id).exists():
        raise BadRequest(
            detail="No agency has this id. `manage.py agency show` lists all agencies."
        )
