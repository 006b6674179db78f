"""The brake on sign-in: how often a password and a code may be tried (docs/guides/limits.md).

Tries are counted by name and network, and by name alone. From one network only so many may fail,
whatever the names. A device on which this person has signed in before is counted by itself: neither
a stranger behind the same address, nor one who knows the password, keeps a person out of their own
computer. A passkey is not counted at all, since there is nothing to guess: who has one gets in.

The device has a cookie that lasts half a year. It says whose device it is by keyed hashes and opens
nothing.
"""

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from permissions.audit.writer import address_prefix
from permissions.identity import brakes
from permissions.identity.brakes import Limit
from permissions.keys.derived_keys import derived_key

OF_NAME = Limit("password_of_name", 5, timedelta(minutes=5))  # and network, or device
OF_NETWORK = Limit("password_of_network", 10, timedelta(minutes=1))
OF_CODE = Limit("code_of_person", 5, timedelta(minutes=5))  # and network, or device
# Passwords and codes together, from all networks, of devices on which this name never signed in.
OF_ACCOUNT = Limit("unknown_devices_of_name", 10, timedelta(hours=1))
# From all networks together, so that a person with many addresses and the password finds no code.
OF_CODE_ANYWHERE = Limit("code_of_person_anywhere", 50, timedelta(hours=24))

SALT = "device"
LASTS_S = 180 * 24 * 3600
MOST_PEOPLE = 20  # on one device; the oldest is forgotten


class Turn(NamedTuple):
    """What one try counts for."""

    counted: tuple[tuple[Limit, tuple[str, ...]], ...]

    def take(self) -> bool:
        """Count the try; return whether it may be made. It is then counted nowhere further."""
        return all(brakes.has_turn(limit, *who, using="signin") for limit, who in self.counted)

    def give_back(self) -> None:
        """The try succeeded: it does not count."""
        for limit, who in self.counted:
            brakes.give_back(limit, *who, using="signin")


def password_turn(request: HttpRequest, username: str) -> Turn:
    """What a password for this name, which may not exist, counts for."""
    name, device = username.lower(), _device_of(request, username)
    if device:
        return Turn(((OF_NAME, (name, device)),))
    network = _network(request)
    return Turn(((OF_NETWORK, (network,)), (OF_NAME, (name, network)), (OF_ACCOUNT, (name,))))


def code_turn(request: HttpRequest, person: Any) -> Turn:
    """What a code counts for after the right password of this person."""
    device = _device_of(request, person.username)
    if device:
        return Turn(((OF_CODE, (str(person.pk), device)),))
    who, name = str(person.pk), person.username.lower()
    of_network = (OF_CODE, (who, _network(request)))
    return Turn((of_network, (OF_ACCOUNT, (name,)), (OF_CODE_ANYWHERE, (who,))))


def is_known_device(request: HttpRequest, person: Any) -> bool:
    """Return whether this person has signed in on this device within the last half year."""
    return bool(_device_of(request, person.username))


def remember_device(request: HttpRequest, response: HttpResponse, person: Any) -> None:
    """Let the device keep that this person has signed in on it with password and code."""
    device, people = _cookie(request)
    mine = _hash(person.username)
    people = [*(one for one in people if one != mine), mine][-MOST_PEOPLE:]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps([device or secrets.token_hex(16), people], salt=SALT),
        max_age=LASTS_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def device_id(request: HttpRequest) -> str:
    """Return the random id of this browser (32 hexadecimal digits), which no one else knows; '' if
    no one has signed in on it yet."""
    return _cookie(request)[0]


def _device_of(request: HttpRequest, username: str) -> str:
    """Return the device's id if this person has signed in on it; else ''."""
    device, people = _cookie(request)
    return device if _hash(username) in people else ""


def _cookie(request: HttpRequest) -> tuple[str, list[str]]:
    """Return the device's id and the hashes of its people; '' and none without a valid cookie."""
    try:
        device, people = signing.loads(
            request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=SALT, max_age=LASTS_S
        )
    except signing.BadSignature:
        return "", []
    return device, people


def _hash(username: str) -> str:
    told = f"device\0{username.lower()}".encode()
    return hmac.new(derived_key("known device"), told, sha256).hexdigest()[:32]


def _network(request: HttpRequest) -> str:
    return address_prefix(request.META["REMOTE_ADDR"]) or ""
