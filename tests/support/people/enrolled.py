"""People with what they sign in with, and memberships, made at once: where a test is not about how
a person joins (tests/enrollment/ is)."""

import secrets
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import transaction

from permissions.identity import row_macs
from permissions.models import Membership, Person


class SignIn(NamedTuple):
    """What demo.json says of one of the cast, of somebody new."""

    username: str
    password: str
    totp_secret: str


def new_person(username: str) -> tuple[Person, SignIn]:
    given = SignIn(username, secrets.token_urlsafe(15), generate_totp_secret())
    with transaction.atomic(using="signin"):
        person = Person.objects.create_user(username, given.password)
        TOTP.activate(person, given.totp_secret)
        row_macs.sign(person, "signin")
    return person, given


def new_member(
    agency_id: UUID | str, person: Person, roles: Sequence[str], name: str = "New Example"
) -> Membership:
    with transaction.atomic(using="jobs"):
        return Membership.objects.using("jobs").create(
            agency_id=agency_id, person_id=person.id, name=name, roles=sorted(roles)
        )
