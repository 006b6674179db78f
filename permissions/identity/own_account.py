"""A person's own account: what they sign in with, and where they are signed in.

Runs as `signin`. Whatever changes what a person signs in with happens within `changing`, so that it
is bound, logged and closed in one transaction (permissions/identity/row_macs.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from allauth.mfa.models import Authenticator
from django.db import transaction

from permissions.identity import credentials, row_macs
from permissions.models import Credential, Membership, Person

# What is a second factor of its own. Recovery codes replace one, and are none.
FACTORS = (Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP)


class SignIn(NamedTuple):
    """A live sign-in of a person. `here`: the one that asks. `device`: its code, or ""."""

    begun_at: datetime
    agency: str
    here: bool
    device: str


@contextmanager
def changing(person: Person, act: str | None, *, closing: bool = True) -> Iterator[Person]:
    """Lock the person while the caller changes what they sign in with; then bind it and log `act`
    for each agency that they serve. Yields the person as stored now.

    `closing`: an older copy of the rows is refused from the commit on, and so is a session that
    began before (Person.get_session_auth_hash); its keeper renews their own. Raises Unavailable for
    rows that this server did not write (a change of ours must not make a change of theirs good),
    and where no entry can be written; then nothing has changed.
    """
    with locked(person) as found:
        yield found
        row_macs.sign(found, "signin", closing=closing)
        if act is not None:
            log_in_each_agency(act, found)


@contextmanager
def locked(person: Person) -> Iterator[Person]:
    """Lock the person while their second factors are looked at or used, so that no two changes of
    them happen at once. Yields them as stored now. Raises Unavailable, as `changing` does."""
    with transaction.atomic(using="signin"):
        found = Person.objects.using("signin").select_for_update().get(pk=person.pk)
        row_macs.require_bound(found)
        yield found


def log_in_each_agency(act: str, person: Person) -> None:
    """Write the entry for an act of the person's on their own account in each agency that they
    serve, in the caller's transaction. A person who serves none yet has no entry. Raises
    Unavailable."""
    for member in _memberships(person):
        credentials.log_sign_in(act, agency_id=member.agency_id, member_id=member.id)


def factors_of(person: Person) -> list[Authenticator]:
    """The person's second factors and recovery codes, the oldest first."""
    found = Authenticator.objects.using("signin").filter(user_id=person.pk)
    return list(found.order_by("created_at", "pk"))


def has_factor(person: Person) -> bool:
    """Whether the person has a second factor: a passkey or an authenticator app."""
    found = Authenticator.objects.using("signin").filter(user_id=person.pk, type__in=FACTORS)
    return bool(found.exists())


def live_sign_ins(person: Person, secret: str, now: datetime) -> list[SignIn]:
    """The person's live sign-ins in any agency, the newest first, without those in an exercise.
    `secret`: the credential that
    asks."""
    own = bytes.fromhex(credentials.hash_secret(secret))
    rows = (
        Credential.objects.using("signin")
        .filter(membership__person_id=person.pk, live=True, ended_at=None, expires_at__gt=now)
        .filter(agency__exercise=None)
        .select_related("agency")
        .order_by("-created_at", "hash")
    )
    return [
        SignIn(one.created_at, one.agency.name, bytes(one.hash) == own, credentials.device_of(one))
        for one in rows
    ]


def _memberships(person: Person) -> list[Membership]:
    found = Membership.objects.using("signin").filter(
        person_id=person.pk, live=True, agency__exercise=None
    )
    return list(found.order_by("id"))
