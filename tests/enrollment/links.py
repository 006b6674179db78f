"""Invitations and links, as their people have them: the agency that invites, and what was sent."""

import json
from typing import Any
from uuid import UUID

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.db import transaction

from permissions.identity import row_macs
from permissions.models import Membership, Person
from referrals.notifications import sealed_messages
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, at_the_desk, desk_of

INVITED = {"name": "Nia Newcomer", "roles": ["worker"], "how": "mail", "language": "en"}
ADDRESS = "nia@newcomer.invalid"
PASSWORD = "a long enough phrase"
NEW = "new.nia"


@pytest.fixture(autouse=True)
def no_one_new_stays(superuser: Any) -> Any:
    """A person who joined in a test has never been there."""
    yield
    with superuser.cursor() as cursor:
        cursor.execute(LEAVE)
    superuser.commit()


LEAVE = """
    CREATE TEMP TABLE new ON COMMIT DROP AS
        SELECT id FROM permissions_person WHERE username LIKE 'new.%';
    DELETE FROM permissions_sealedmessage;
    DELETE FROM permissions_scimuser;
    DELETE FROM permissions_invitation;
    DELETE FROM refusal_count r USING permissions_client c
     WHERE c.id = r.client_id AND c.scopes = '{scim}';
    DELETE FROM permissions_client WHERE scopes = '{scim}';
    DELETE FROM permissions_registerednumber;
    DELETE FROM credential WHERE membership_id IN
        (SELECT id FROM permissions_membership WHERE person_id IN (TABLE new));
    DELETE FROM permissions_membership m USING permissions_agency a, permissions_person p
     WHERE a.id = m.agency_id AND p.id = m.person_id
       AND a.name = 'Demo Women''s Centre' AND p.username LIKE 'hospital.%';
    DELETE FROM referral_assignment WHERE user_id IN (TABLE new);
    DELETE FROM message WHERE member_id IN
        (SELECT id FROM permissions_membership WHERE person_id IN (TABLE new));
    DELETE FROM channel WHERE membership_id IN
        (SELECT id FROM permissions_membership WHERE person_id IN (TABLE new));
    DELETE FROM permissions_providersession WHERE link_id IN
        (SELECT id FROM permissions_signinlink WHERE person_id IN (TABLE new));
    DELETE FROM permissions_signinlink WHERE person_id IN (TABLE new);
    DELETE FROM permissions_membership WHERE person_id IN (TABLE new);
    DELETE FROM mfa_authenticator WHERE user_id IN (TABLE new);
    DELETE FROM permissions_person WHERE id IN (TABLE new);
"""


def sent() -> list[dict[str, str]]:
    """Send what waits; return everything that was sent, the newest first."""
    while sealed_messages.step():
        pass
    lines = settings.DEMO_MESSAGES.read_text().splitlines()
    return [json.loads(line) for line in reversed(lines)]


def path_in(message: dict[str, str]) -> str:
    """The path of the link in a message."""
    _, _, rest = message["text"].partition(settings.BASE_URL)
    return rest.split()[0]


def invite(who: str = "ywca.admin", **changed: Any) -> str:
    """Invite Nia to the agency; return the path of her link, which no page of the agency shows."""
    given = INVITED | {"address": ADDRESS} | changed
    answer = at_the_desk(who).submit("/desk/members/invite", given)
    assert answer.request["PATH_INFO"] == "/desk/members", answer.content.decode()
    message = sent()[0]
    assert message["to"] == given["address"]
    return path_in(message)


def opened(path: str) -> Pages:
    """A browser that has opened a link."""
    pages = Pages()
    pages.get(path, follow=True)
    return pages


def chosen(path: str, username: str = NEW) -> Pages:
    """The same, with a user name and password chosen."""
    pages = opened(path)
    pages.submit("/join", {"username": username, "password": PASSWORD})
    return pages


def add_app(username: str = NEW) -> str:
    """The person's own authenticator app, as its page adds one; return its secret."""
    secret: str = generate_totp_secret()
    person = Person.objects.get(username=username)
    with transaction.atomic(using="signin"):
        TOTP.activate(person, secret)
        row_macs.sign(person, "signin")
    return secret


def joined(path: str, username: str = NEW) -> dict[str, str]:
    """The whole way; return what they sign in with from now on."""
    pages = chosen(path, username)
    secret = add_app(username)
    pages.submit("/join", {}, follow=False)
    return {"username": username, "password": PASSWORD, "totp_secret": secret}


def at_the_desk_of(username: str) -> Pages:
    """Signed in as somebody new, without the way through password and code."""
    return desk_of(Membership.objects.using("signin").get(person__username=username))


def ywca() -> UUID:
    return agency_id("ywca")
