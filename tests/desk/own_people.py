"""A person of a test's own, who may change how they sign in: the cast's people stay as they are."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from permissions.database.uuid7 import uuid7
from permissions.identity import row_macs
from permissions.models import Membership, Person
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, sign_in
from tests.support.people.enrolled import new_person

Own = dict[str, Any]


@pytest.fixture
def make_own(superuser: Any) -> Iterator[Callable[..., Own]]:
    """Makes members of an agency, with a password and an authenticator app."""
    made: list[Person] = []

    def make(agency: str = "ywca", roles: tuple[str, ...] = ("worker",)) -> Own:
        person, given = new_person(f"own-{uuid7()}")
        made.append(person)
        member = Membership.objects.using("jobs").create(
            agency_id=agency_id(agency), person_id=person.id, name="Own Sample", roles=list(roles)
        )
        return {
            "username": person.username,
            "password": given.password,
            "totp_secret": given.totp_secret,
            "person": person,
            "member_id": member.id,
        }

    yield make
    ids = [str(one.id) for one in made]
    with superuser.cursor() as cursor:
        for statement in (
            "DELETE FROM referral_assignment WHERE user_id = ANY (%s::uuid[])",
            "DELETE FROM message WHERE member_id IN"
            " (SELECT id FROM permissions_membership WHERE person_id = ANY (%s::uuid[]))",
            "DELETE FROM channel WHERE membership_id IN"
            " (SELECT id FROM permissions_membership WHERE person_id = ANY (%s::uuid[]))",
            "DELETE FROM credential WHERE membership_id IN"
            " (SELECT id FROM permissions_membership WHERE person_id = ANY (%s::uuid[]))",
            "DELETE FROM permissions_providersession WHERE link_id IN"
            " (SELECT id FROM permissions_signinlink WHERE person_id = ANY (%s::uuid[]))",
            "DELETE FROM permissions_signinlink WHERE person_id = ANY (%s::uuid[])",
            "DELETE FROM permissions_membership WHERE person_id = ANY (%s::uuid[])",
            "DELETE FROM mfa_authenticator WHERE user_id = ANY (%s::uuid[])",
            "DELETE FROM permissions_person WHERE id = ANY (%s::uuid[])",
        ):
            cursor.execute(statement, [ids])
    superuser.commit()


@pytest.fixture
def own(make_own: Callable[..., Own]) -> Own:
    """A worker of the women's center."""
    return make_own()


def at_own_desk(own: Own, path: str = "/desk/", **changed: str) -> Pages:
    """Signed in by password and code, just now."""
    pages = Pages()
    answer = sign_in(pages, own, path, **changed)
    assert answer.request["PATH_INFO"] == path, answer.content
    return pages


def factors(own: Own) -> dict[str, Authenticator]:
    """Their second factors, one of a kind."""
    found = Authenticator.objects.filter(user_id=own["person"].pk)
    return {one.type: one for one in found}


def is_bound(own: Own) -> bool:
    """Whether the row that lets them in is one that the server wrote."""
    return row_macs.is_bound(Person.objects.using("signin").get(pk=own["person"].pk))


def codes_on(page: Any) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"<li><code>(\d{8})</code>", page.content.decode())


def entries_of(superuser: Any, member_id: Any) -> list[tuple[str, str, str | None]]:
    """The entries of a member in the access log, the oldest first: act, decision, rule."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, decision, rule FROM access_entry WHERE member_id = %s ORDER BY id",
            [str(member_id)],
        )
        rows = cursor.fetchall()
    superuser.commit()
    return list(rows)


def messages_to(superuser: Any, member_id: Any) -> list[tuple[str, str]]:
    """What waits to be sent to a member: kind and template."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT kind, template FROM message WHERE member_id = %s ORDER BY kind, template",
            [str(member_id)],
        )
        rows = cursor.fetchall()
    superuser.commit()
    return list(rows)


def has_contact(superuser: Any, own: Own, kind: str, address: str, *, proven: bool = True) -> None:
    """Give the member an own contact."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO channel (id, agency_id, membership_id, use, kind, address, proven_at)"
            " SELECT gen_random_uuid(), agency_id, id, 'own', %s, %s,"
            " CASE WHEN %s THEN sec.clock() END FROM permissions_membership WHERE id = %s",
            [kind, address, proven, str(own["member_id"])],
        )
    superuser.commit()
