"""The operator adds agencies and members: `manage.py add`, `member`, `set_agency`.

Runs as `jobs` (agencies, memberships) and `door` (people). Later each agency's administrator does
their own part. Partner systems: permissions/identity/partner_clients.py.
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.db import transaction

from permissions.audit.writer import log_operator_change
from permissions.errors import BadRequest
from permissions.identity import credentials
from permissions.models import AGENCY_KINDS, DUTIES, ROLES, Agency, Membership, Person

NAME_CHARACTERS = 200
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,149}", re.ASCII)


def check_text(what: str, text: str, characters: int = NAME_CHARACTERS) -> None:
    """Raise BadRequest unless `text` is one printable line of at most `characters` characters,
    without spaces around it."""
    if not text or text != text.strip() or not text.isprintable():
        raise BadRequest(detail=f"{what} is a line of plain text, without spaces around it.")
    if len(text) > characters:
        raise BadRequest(detail=f"{what} has {characters} characters at most.")


def find_person(username: str) -> Person | None:
    """The person with this user name, in upper or lower case: sign-in ignores case."""
    if not USERNAME.fullmatch(username):
        return None
    return Person.objects.filter(username__iexact=username).first()


def check_username(username: str) -> None:
    """Raise BadRequest unless a new person may have this user name."""
    if not USERNAME.fullmatch(username):
        raise BadRequest(
            detail="username is 1 to 150 of a-z, 0-9 and . _ - @ +, and begins with a letter or"
            " digit: like c.example."
        )


def add_agency(
    name: str, kind: str, duties: Sequence[str], time_zone: str, duty_phone: str = ""
) -> Agency:
    """Add a tenant. Raises BadRequest for an unknown kind, duty or time zone, for a name or phone
    number that is not plain text, and for a name that is taken."""
    if kind not in AGENCY_KINDS:
        raise BadRequest(detail=f"kind is one of {', '.join(AGENCY_KINDS)}.")
    if not set(duties) <= set(DUTIES):
        raise BadRequest(detail=f"duties are of {', '.join(DUTIES)}.")
    if time_zone not in available_timezones():
        raise BadRequest(detail="time_zone is a name like America/Denver.")
    check_text("name", name)
    if duty_phone:
        check_text("duty_phone", duty_phone, 50)
    if Agency.objects.using("jobs").filter(name=name).exists():
        raise BadRequest(detail="An agency of this name is there already.")
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


def set_agency(named: str, asked: dict[str, Any]) -> Agency:
    """Change the agency with this name or id: `takes_notices` (False: phone only), `active`,
    `retention_days`, `duty_phone`, `outside_reviewer` (a member's id, or none). Raises
    BadRequest; then nothing has changed."""
    known = Agency.objects.using("jobs").order_by("id")
    found = [one for one in known if named in (one.name, str(one.id))]
    if len(found) != 1:
        raise BadRequest(detail="There is not one agency of that name or id.")
    (agency,) = found
    if not 7 <= asked.get("retention_days", 7) <= 3650:
        raise BadRequest(detail="retention_days is 7 to 3650.")
    if asked.get("duty_phone"):
        check_text("duty_phone", asked["duty_phone"], 50)
    for name, value in asked.items():
        setattr(agency, name, _reviewer(agency, value) if name == "outside_reviewer" else value)
    if asked:
        with transaction.atomic(using="jobs"):
            agency.save(using="jobs", update_fields=list(asked))
            log_operator_change("agency.change", agency.id, fields=sorted(asked))
    return agency


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
            detail="outside_reviewer is the id of a member of another agency: manage.py member show"
        ) from None
    if members.filter(agency_id=agency.id, person_id=found.person_id).exists():
        raise BadRequest(detail="She works in this agency, too: nobody reviews herself.")
    return found


def check_roles(agency_id: UUID, roles: Sequence[str]) -> None:
    """Raise BadRequest unless the agency exists and a member of it may hold these roles."""
    if not roles or not set(roles) <= set(ROLES):
        raise BadRequest(detail=f"roles are of {', '.join(ROLES)}.")
    alone = {"auditor", "coordinator"} & set(roles)
    if alone and len(set(roles)) > 1:
        raise BadRequest(detail=f"{alone.pop()} excludes every other role.")
    check_agency(agency_id)


def add_member(agency_id: UUID, person: Person, name: str, roles: Sequence[str]) -> Membership:
    """Make `person` a member of the agency. Raises BadRequest, also if they are one already."""
    check_roles(agency_id, roles)
    check_text("name", name)
    if Membership.objects.using("door").filter(agency_id=agency_id, person=person).exists():
        raise BadRequest(
            detail="She is a member of this agency already: manage.py member show, roles, return."
        )
    with transaction.atomic(using="jobs"):
        member = Membership.objects.using("jobs").create(
            agency_id=agency_id, person_id=person.id, name=name, roles=sorted(set(roles))
        )
        log_operator_change("member.add", agency_id, member.id, fields=member.roles)
    return member


def set_roles(agency_id: UUID, person: Person, roles: Sequence[str]) -> Membership:
    """Replace the member's roles in this agency. Raises BadRequest."""
    check_roles(agency_id, roles)
    member = _member(agency_id, person)
    member.roles = sorted(set(roles))
    with transaction.atomic(using="jobs"):
        member.save(using="jobs", update_fields=["roles"])
        log_operator_change("member.change_roles", agency_id, member.id, fields=member.roles)
    return member


def set_member_active(person: Person, agency_id: UUID | None, active: bool) -> None:
    """Set whether a person may sign in, to one agency or (None) to any. Their credentials end with
    the right, and stay ended when the person returns. Raises BadRequest."""
    act = "member.return" if active else "member.end"
    if agency_id is not None:
        member = _member(agency_id, person)
        member.active = active
        with transaction.atomic(using="jobs"):
            member.save(using="jobs", update_fields=["active"])
            log_operator_change(act, agency_id, member.id)
    else:
        log_in_each_agency(act, person)
        person.is_active = active
        person.save(using="door", update_fields=["is_active"])
    if not active:
        credentials.end_all_of_person(person, agency_id)


def log_in_each_agency(act: str, person: Person) -> None:
    """Write the entry for `act` in each agency that the person is a member of.

    The entries come before the act, which uses another connection: they record the attempt,
    whether or not the act succeeds.
    """
    with transaction.atomic(using="jobs"):
        for one in Membership.objects.using("jobs").filter(person_id=person.id):
            log_operator_change(act, one.agency_id, one.id)


def _member(agency_id: UUID, person: Person) -> Membership:
    found = Membership.objects.using("jobs").filter(agency_id=agency_id, person_id=person.id)
    if not found:
        raise BadRequest(detail="She is no member of this agency: manage.py add member.")
    return found[0]


def check_agency(agency_id: UUID) -> None:
    if not Agency.objects.using("jobs").filter(id=agency_id).exists():
        raise BadRequest(detail="There is no agency with this id: manage.py add agency.")
