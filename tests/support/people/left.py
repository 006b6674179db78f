"""Members, people and agencies that leave, and return."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from permissions.enrollment import members
from permissions.identity import credentials, provisioning, row_macs
from permissions.models import Agency, Membership
from tests.support.people.callers import agency_id, member_id


def membership(who: str) -> Membership:
    found = Membership.objects.using("signin").select_related("person")
    return found.get(id=member_id(who))


def set_active(who: str, how: str, active: bool) -> None:
    """They leave or return: of this agency, of any, with all of it, or as a caseworker alone."""
    one = membership(who)
    if how == "agency":
        agency = Agency.objects.using("jobs").get(id=one.agency_id)
        provisioning.set_agency(agency, {"active": active})
    elif how == "role":
        by_an_administrator(one, roles=["worker" if active else "agency_admin"])
    elif active:
        by_an_administrator(one, active=True)
    else:
        provisioning.end_member(one.person, one.agency_id if how == "membership" else None)


def by_an_administrator(one: Membership, **changes: Any) -> None:
    """Change the membership as its agency's administrator does at the desk."""
    admin = credentials.open_for_member(membership("ywca.admin"))
    try:
        principal = credentials.resolve_credential(admin)
        assert principal is not None
        if "roles" in changes:
            members.change_roles(principal, one.id, changes["roles"])
        else:
            members.bring_back(principal, one.id)
    finally:
        credentials.end_credential(admin)


@pytest.fixture
def roles_and_entries(superuser: Any) -> Iterator[None]:
    """What an end takes for good of ywca and its people is as it was, behind the test."""
    of_ywca = Membership.objects.using("jobs").filter(agency_id=agency_id("ywca"))
    before = {one.id: (one.active, one.roles) for one in of_ywca}
    with superuser.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE editing_before AS TABLE directory_editing")
        yield
        cursor.execute("DELETE FROM directory_editing")
        cursor.execute("INSERT INTO directory_editing TABLE editing_before")
    for one in of_ywca.all():
        if before[one.id] != (one.active, one.roles):
            one.active, one.roles = before[one.id]
            with transaction.atomic(using="jobs"):
                one.save(using="jobs", update_fields=["active", "roles"])
                row_macs.sign(one, "jobs")


def bind_as_it_is(who: str) -> None:
    """The row of this membership was written by hand; it counts as the server's."""
    row_macs.sign(Membership.objects.using("jobs").get(id=member_id(who)), "jobs")
