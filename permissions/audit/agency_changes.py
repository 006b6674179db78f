"""What was changed of an agency, by its administrators or the operator: for its leads and
administrators. Its auditor has the whole log (permissions/audit/queries.py)."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.errors import NotPermitted
from permissions.models import Agency, Membership
from permissions.principal import Principal

PER_PAGE = 50


class Change(NamedTuple):
    """One entry. `member_id`: who acted; of an act of the operator, whom it concerned. `codes`:
    what is in force since. `system`: the name of the partner system concerned. `refused`: the
    operator tried it in vain."""

    id: UUID
    at: datetime
    member_id: UUID | None
    client_id: UUID | None
    act: str
    codes: list[str] | None
    system: str | None
    refused: bool


class Page(NamedTuple):
    """Changes, newest first. `names`: of the agency's members, and of the agencies that a code
    names, by id. `more`: there are older ones."""

    changes: list[Change]
    names: dict[UUID, str]
    more: bool


def list_changes(principal: Principal, after: tuple[datetime, UUID] | None = None) -> Page:
    """A page of the agency's changes. `after`: the last one of the page before. One access entry.
    Raises NotPermitted."""
    at, id_ = after or (None, None)
    with writer.logged_act(principal, "agency.read_changes"):
        if principal.is_client or not principal.has_role("lead", "agency_admin"):
            raise NotPermitted(
                "role_missing", "The changes of an agency are for its leads and administrators."
            )
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, at, member_id, client_id, act, fields, system_name, refused"
                " FROM sec.own_agency_changes(%s, %s, %s)",
                [at, id_, PER_PAGE + 1],
            )
            found = [Change._make(row) for row in cursor.fetchall()]
        names = dict(Membership.objects.values_list("id", "name"))
        if agencies := _agencies_in(found):
            names |= dict(Agency.objects.filter(id__in=agencies).values_list("id", "name"))
    return Page(found[:PER_PAGE], names, len(found) > PER_PAGE)


def _agencies_in(changes: list[Change]) -> set[UUID]:
    codes = (code.partition(":") for one in changes for code in one.codes or ())
    return {UUID(value) for kind, _, value in codes if kind == "agency"}
