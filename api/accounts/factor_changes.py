"""Changes of what a person signs in with, by the person: bound and logged
(permissions/identity/own_account.py), told to their own channels, and the end of every other
sign-in of theirs."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest

from api.http.authentication import SESSION_KEY
from permissions.identity import credentials, own_account
from permissions.models import Person
from referrals.notifications.account_messages import tell_person


@contextmanager
def change(request: HttpRequest, person: Person, act: str) -> Iterator[Person]:
    """Let the caller change something, all of it or nothing. Yields the person as stored now. This
    session goes on; every other one of the person ends. Raises Unavailable."""
    with own_account.changing(person, act) as stored:
        yield stored
        end_others(request, stored)
        tell_person(stored.id, "account_changed")
    renew_session(request, stored)


def end_others(request: HttpRequest, person: Person) -> None:
    """End the person's credentials but this session's, in the caller's transaction."""
    credentials.end_all_of_person(person, but=request.session.get(SESSION_KEY, ""))


def renew_session(request: HttpRequest, person: Person) -> None:
    """Let this session be the person's after a change, under a new cookie. Of a person who is not
    signed in yet nothing is renewed."""
    if request.user.is_authenticated:
        update_session_auth_hash(request, person)
