"""Makes what a person signs in with. The operator sees it once and hands it over in person.

That is a password and the secret of their one-time codes, always both together. Runs as `door`;
a renewal is first written to the log as `jobs`.
"""

import json
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import transaction

from permissions.errors import BadRequest
from permissions.identity import credentials, provisioning
from permissions.models import Person


class SignIn(NamedTuple):
    """Shown once; only the password's hash and the encrypted code secret are kept."""

    password: str
    code_secret: str

    def lines(self) -> list[str]:
        return [
            f"password {self.password}",
            f"one-time code secret {self.code_secret}  (into her authenticator app)",
        ]


def new_person(username: str) -> tuple[Person, SignIn]:
    """Make a person, who can sign in once they are a member of an agency."""
    given = _new_secrets()
    with transaction.atomic(using="door"):
        person = Person.objects.create_user(username, given.password)
        TOTP.activate(person, given.code_secret)
    return person, given


def renew_secrets(person: Person) -> SignIn:
    """Replace a person's password and code secret, and end all their credentials."""
    given = _new_secrets()
    provisioning.log_in_each_agency("member.reset", person)
    with transaction.atomic(using="door"):
        person.set_password(given.password)
        person.save(using="door", update_fields=["password"])
        Authenticator.objects.filter(user=person).delete()
        TOTP.activate(person, given.code_secret)
        credentials.end_all_of_person(person)
    return given


def read_key_set(path: Path) -> dict[str, Any]:
    """Read a file's JWK set, unchecked; {} if it is not an object. Raises BadRequest."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        raise BadRequest(detail="The key set cannot be read as JSON.") from None
    return found if isinstance(found, dict) else {}


def _new_secrets() -> SignIn:
    return SignIn(secrets.token_urlsafe(15), generate_totp_secret())
