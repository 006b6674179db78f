"""An agency's registered number: the one number over which Cairn asks an agency whether a person is
who they say. The operator gives an agency its first, a lead of another agency confirms that it is
theirs, and from then on two of the agency's own people change it. Where an agency has one member
alone, its outside reviewer is the second person. No one else ever does.

The row has a MAC and a version like all that lets someone in (permissions/identity/row_macs.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from permissions.enrollment.administration import administered, code_of
from permissions.enrollment.invitation_rows import had_a_member
from permissions.errors import BadRequest, NotPermitted, NotPossible, NotVisible
from permissions.identity import row_macs
from permissions.identity.contact_channels import normalize_address
from permissions.identity.provisioning import NOT_OPERATORS
from permissions.keys import closings
from permissions.models import ROLES, Agency, Membership, RegisteredNumber
from permissions.principal import Principal

CHANGES = ("agency_admin", "lead")


class Unconfirmed(NamedTuple):
    """An agency whose number no lead of another agency has confirmed yet."""

    agency_id: UUID
    agency: str
    number: str


def give_first(agency: Agency, number: str) -> None:
    """Give an agency its first number, as the operator, in the open transaction of `jobs`. Raises
    BadRequest for a number that cannot be called, and for an agency that has one, or a member."""
    number = normalize_address("voice", number)
    known = RegisteredNumber.objects.using("jobs").filter(agency=agency).exists()
    if known or had_a_member(agency.id, "jobs"):
        raise BadRequest(
            NOT_OPERATORS,
            detail="Two of the agency's own people set its registered number, at the desk. The"
            " operator gives one to an agency that never had a member.",
        )
    row = RegisteredNumber(agency=agency, number=number)
    row.mac = _mac(row)
    row.save(using="jobs", force_insert=True)


def registered(agency_id: UUID) -> RegisteredNumber | None:
    """The agency's number as this server wrote it; None if it has none. Raises Unavailable
    (`binding`) for a row that this server did not write, or an older one."""
    row = RegisteredNumber.objects.filter(agency_id=agency_id).first()
    if row is not None:
        _require_bound(row)
    return row


def callable_number(agency_id: UUID) -> str | None:
    """The number that Cairn may call to ask the agency: confirmed, or the first in a network that
    has no other agency to confirm it. None: there is none yet. Raises Unavailable."""
    row = registered(agency_id)
    if row is None or (row.confirmed_by_id is None and _others_lead(agency_id)):
        return None
    return row.number


def unconfirmed(principal: Principal) -> list[Unconfirmed]:
    """The numbers that the caller, a lead, may confirm: those of other agencies. Raises
    NotPermitted."""
    if not principal.has_role("lead"):
        raise NotPermitted("role_missing", "Only leads confirm another agency's number.")
    rows = RegisteredNumber.objects.filter(confirmed_by=None, agency__active=True)
    rows = rows.exclude(agency_id=principal.agency_id).exclude(number="").select_related("agency")
    return [Unconfirmed(one.agency_id, one.agency.name, one.number) for one in rows]


def confirm(principal: Principal, agency_id: UUID, number: str) -> None:
    """Confirm, as a lead of another agency, that this is the agency's number. Twice is safe.

    Raises NotPossible if it is another number now, NotVisible, NotPermitted, Unavailable.
    """
    with administered(principal, "agency.confirm_number", "lead") as codes:
        with _changing(agency_id) as row:
            if not row.number:
                raise NotVisible
            if agency_id == principal.agency_id:
                raise NotPermitted("own_agency", "A lead of another agency confirms a number.")
            if row.number != number:
                raise NotPossible("number_changed", "The number has changed. Look at it again.")
            row.confirmed_by_id = row.confirmed_by_id or principal.member_id
        codes.append(code_of("agency", agency_id))


def propose(principal: Principal, number: str) -> None:
    """Propose another number for the caller's own agency; it is in force once a second person of
    the agency accepts it. Replaces an earlier proposal. Raises BadRequest, NotPermitted,
    Unavailable."""
    number = normalize_address("voice", number)
    with administered(principal, "agency.change_number", *CHANGES) as codes:
        with _changing(principal.agency_id) as row:
            row.next_number, row.next_by_id = number, principal.member_id
        codes.append("proposed")


def accept(principal: Principal, number: str) -> None:
    """Put the proposed number in force, as a second person of the agency. Raises NotPossible (none
    is proposed, or another one; the same person), NotPermitted, Unavailable."""
    with administered(principal, "agency.change_number", *CHANGES) as codes:
        _put_in_force(principal, principal.agency_id, number)
        codes.append("in_force")


def proposed_to(principal: Principal) -> list[Unconfirmed]:
    """The numbers that the caller may accept as the outside reviewer: of agencies that have one
    member alone. Raises Unavailable (`binding`) for a row that this server did not write."""
    rows = RegisteredNumber.objects.filter(agency_id__in=_reviewed(principal)).exclude(
        next_number=""
    )
    found = list(rows.select_related("agency").order_by("agency__name"))
    for row in found:
        _require_bound(row)
    return [Unconfirmed(one.agency_id, one.agency.name, one.next_number) for one in found]


def may_accept(principal: Principal) -> bool:
    """Whether the caller is the outside reviewer of an agency that has one member alone."""
    return bool(_reviewed(principal))


def accept_as_reviewer(principal: Principal, agency_id: UUID, number: str) -> None:
    """Put the number in force that an agency of one proposed, as its outside reviewer: it has no
    second person. Raises NotPossible (none is proposed, or another one), NotVisible (not the
    reviewer, or the agency has a second member), NotPermitted, Unavailable."""
    with administered(principal, "agency.change_number", *ROLES) as codes:
        if agency_id not in _reviewed(principal):
            raise NotVisible
        _put_in_force(principal, agency_id, number)
        codes += [code_of("agency", agency_id), "in_force"]


def _put_in_force(principal: Principal, agency_id: UUID, number: str) -> None:
    with _changing(agency_id) as row:
        if not row.next_number or row.next_number != number:
            raise NotPossible("number_changed", "Another number is proposed now. Look again.")
        if _person_of(row.next_by_id) == principal.person_id:
            raise NotPossible(
                "second_person", "A second person of your agency accepts this number."
            )
        row.number, row.next_number, row.next_by_id = row.next_number, "", None


def has_one_member(agency_id: UUID) -> bool:
    """Whether the agency has no second person who could accept a number."""
    live = Membership.objects.using("signin").filter(agency_id=agency_id, live=True)
    return live.count() < 2


def _reviewed(principal: Principal) -> list[UUID]:
    """The agencies of one member that the caller reviews from outside."""
    if principal.is_client or principal.member_id is None:
        return []
    reviewed = Agency.objects.using("signin").filter(
        outside_reviewer_id=principal.member_id, active=True
    )
    return [one.id for one in reviewed if has_one_member(one.id)]


def withdraw(principal: Principal) -> None:
    """Take a proposal back. Twice is safe. Raises NotPermitted, Unavailable."""
    with administered(principal, "agency.change_number", *CHANGES) as codes:
        with _changing(principal.agency_id) as row:
            row.next_number, row.next_by_id = "", None
        codes.append("withdrawn")


def rebind() -> int:
    """Bind by the newest key every number that is bound now; return how many. Raises
    Unavailable."""
    done = 0
    for row in RegisteredNumber.objects.using("signin"):
        if _is_bound(row):
            row.mac = _mac(row)
            row.save(using="signin", update_fields=["mac"])
            done += 1
    return done


@contextmanager
def _changing(agency_id: UUID) -> Iterator[RegisteredNumber]:
    """Change the row in the open transaction of `signin`. An agency of an earlier release has none
    yet: its own people make the first."""
    row = RegisteredNumber.objects.select_for_update().filter(agency_id=agency_id).first()
    if row is None:
        if not Agency.objects.using("signin").filter(id=agency_id).exists():
            raise NotVisible
        row = RegisteredNumber(agency_id=agency_id, number="", version=0)
    else:
        _require_bound(row)
    yield row
    row.version = max(row.version, closings.least_version(_subject(agency_id))) + 1
    row.mac = _mac(row)
    row.save(using="signin")
    subject = _subject(agency_id), row.version
    transaction.on_commit(lambda: closings.close([subject]), using="signin")


def _others_lead(agency_id: UUID) -> bool:
    """Whether another agency has a lead who could confirm."""
    leads = Membership.objects.using("signin").filter(live=True, roles__contains=["lead"])
    return leads.exclude(agency_id=agency_id).exists()


def _person_of(member_id: UUID | None) -> UUID | None:
    if member_id is None:
        return None
    found = Membership.objects.using("signin").filter(id=member_id)
    return found.values_list("person_id", flat=True).first()


def _require_bound(row: RegisteredNumber) -> None:
    if not _is_bound(row):
        row_macs.refuse("registered_number", row.agency_id)


def _is_bound(row: RegisteredNumber) -> bool:
    least = closings.least_version(_subject(row.agency_id))
    return row.version >= least and row_macs.is_right(row.mac, "registered number", _bound(row))


def _mac(row: RegisteredNumber) -> bytes:
    return row_macs.mac("registered number", _bound(row))


def _bound(row: RegisteredNumber) -> list[Any]:
    return [
        *(row.agency_id, row.version, row.number, row.confirmed_by_id),
        *(row.next_number, row.next_by_id),
    ]


def _subject(agency_id: UUID) -> str:
    return closings.subject_of("registered number", agency_id)
