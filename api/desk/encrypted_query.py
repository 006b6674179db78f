"""A search as part of an address that reveals nothing: encrypted for one browser, for half an hour.

A browser cannot go back to the answer to a posted form: it shows an error and asks to send the form
again. So the results have an address of their own. Its key is made from the server's secret and a
cookie that the browser forgets on a quick exit. A history, a proxy's log or a person who is sent
the address learns nothing from it, and neither does the operator.
"""

import base64
import binascii
import json
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, QueryDict

from permissions.errors import Unavailable
from permissions.keys.derived_keys import derived_from
from permissions.keys.keystore import seal, unseal

LASTS = timedelta(minutes=30)
CONTEXT = "desk search"


def seal_search(request: HttpRequest, carried: list[tuple[str, str]], now: datetime) -> str:
    """Encrypt the search for an address. Call it only after the form's CSRF check, because the key
    is made from that cookie."""
    plain = json.dumps([now.timestamp(), carried], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(seal(_key(request), plain, CONTEXT)).decode().rstrip("=")


def open_search(request: HttpRequest, sealed: str, now: datetime) -> QueryDict | None:
    """Return the search; None if it is another browser's, too old or made up."""
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
    cookie = str(request.META.get("CSRF_COOKIE", ""))  # set by the middleware: its secret
    secret = f"{settings.SECRET_KEY}\n{cookie}".encode()
    return derived_from(secret, CONTEXT)
