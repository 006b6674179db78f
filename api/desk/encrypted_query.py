"""A search as part of an address that tells nothing: sealed for one browser, for half an hour.

The answer to a form that was posted cannot be gone back to: browsers show an error in its place
and ask to send the form again. So what was found has an address of its own. Its key is made of the
server's secret and of a cookie that the browser forgets when she leaves quickly: a history, a
proxy's log or whoever is sent the address learns nothing from it, and nor does the operator.
"""

import base64
import binascii
import json
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest, QueryDict

from permissions.errors import Unavailable
from permissions.keys.keystore import seal, unseal

LASTS = timedelta(minutes=30)
CONTEXT = "desk search"


def seal_search(request: HttpRequest, carried: list[tuple[str, str]], now: datetime) -> str:
    """The search for an address. After the form's CSRF check alone: by its cookie it is sealed."""
    plain = json.dumps([now.timestamp(), carried]).encode()
    return base64.urlsafe_b64encode(seal(_key(request), plain, CONTEXT)).decode().rstrip("=")


def open_search(request: HttpRequest, sealed: str, now: datetime) -> QueryDict | None:
    """What was asked; None for another browser's, one that is too old, or made up."""
    try:
        given = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        made, carried = json.loads(unseal(_key(request), given, CONTEXT))
    except (binascii.Error, ValueError, Unavailable):
        return None
    if not timedelta(0) <= timedelta(seconds=now.timestamp() - made) <= LASTS:
        return None
    data = QueryDict(mutable=True)
    for name, value in carried:
        data.appendlist(name, value)
    return data


def _key(request: HttpRequest) -> bytes:
    cookie = str(request.META.get("CSRF_COOKIE", ""))  # the middleware's: the secret in the cookie
    secret = f"{settings.SECRET_KEY}\n{cookie}".encode()
    return HKDF(hashes.SHA256(), 32, salt=None, info=CONTEXT.encode()).derive(secret)
