"""Passkeys, as far as the library leaves them to us: what a browser sends is read strictly, and
only from our own pages.

A passkey is bound to PASSKEY_DOMAIN. A browser also lets pages of its subdomains use it, and pages
in a frame; neither is ours, so the page's own origin is compared as well (W3C WebAuthn level 3,
section 13.4.9).
"""

import json
import struct
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.webauthn.internal import auth
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from permissions.models import Person

MOST_CHARACTERS = 16_000  # of what a browser sends
# What the library raises for an answer that it cannot read, or for a kind of key it does not know.
UNREADABLE = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
    *(NotImplementedError, struct.error),
)
_OF_USE = ("clientDataJSON", "authenticatorData", "signature", "userHandle")
_OF_MAKING = ("clientDataJSON", "attestationObject")


class NotOurs(ValueError):
    """It is no answer of a browser's to a page of ours."""


def read_use(text: str) -> dict[str, Any]:
    """Read what a browser sends when a passkey is used. Raises NotOurs. What it proves is checked
    by the library."""
    return _read(text, _OF_USE, auth.parse_authentication_response)


def read_making(text: str) -> dict[str, Any]:
    """Read what a browser sends when a passkey is made, without anything that is of no use later.
    Raises NotOurs."""
    return _read(text, _OF_MAKING, auth.parse_registration_response)


def options_of_use(person: Person | None) -> dict[str, Any]:
    """What a browser needs to use one of this person's passkeys; None: any that it has for us. The
    session keeps the challenge, which is good once."""
    options: dict[str, Any] = auth.begin_authentication(person)
    return options


def options_of_making(person: Person) -> dict[str, Any]:
    """What a browser needs to make a passkey for this person that signs in by itself. The session
    keeps the challenge, which is good once."""
    options: dict[str, Any] = auth.begin_registration(person, True)
    return options


def forget_challenge(request: HttpRequest) -> None:
    """Let a challenge that was answered wrongly not be answered again."""
    request.session.pop(auth.STATE_SESSION_KEY, None)


def _read(text: str, names: tuple[str, ...], parse: Any) -> dict[str, Any]:
    try:
        sent = json.loads(text)
        inner = sent["response"]
        credential = {
            "id": sent["id"],
            "rawId": sent["rawId"],
            "type": "public-key",
            "response": {name: inner[name] for name in names if inner.get(name) is not None},
            "clientExtensionResults": {},
        }
        client_data = parse(credential).response.client_data
        is_ours = _is_our_origin(client_data.origin) and not client_data.cross_origin
    except (*UNREADABLE, ValidationError):
        raise NotOurs from None
    if not is_ours:
        raise NotOurs
    return credential


def _is_our_origin(origin: str) -> bool:
    ours, theirs = urlsplit(settings.BASE_URL), urlsplit(origin)
    if settings.LOOPBACK:  # whatever its port: PASSKEY_DOMAIN is this machine
        return theirs.hostname == settings.PASSKEY_DOMAIN
    return (theirs.scheme, theirs.hostname, theirs.port) == (ours.scheme, ours.hostname, ours.port)
