"""The idle lock: after 15 minutes without use a session shows nothing until its person proves
again who they are. The session itself lasts on, up to the cap of its credential.

When it was last used is in the session (api/accounts/session_store.py), which only this server
writes. A page that asks by itself is no use.
"""

import time
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest

from api.http.authentication import SESSION_KEY

SEEN = "seen_at"  # in the session: Unix time, in seconds
WRONG = "wrong_at_the_lock"  # in the session: how often since it locked
MOST_WRONG = 5  # then the session ends
# Seconds between two notes of use, so that not every request writes the session. The lock may come
# so much early, and never late.
NOTED_EVERY_S = 20


def begin(request: HttpRequest, **_: Any) -> None:
    """A person has signed in. Django's signal `user_logged_in` calls it for every way in."""
    request.session[SEEN] = time.time()
    request.session.set_expiry(0)  # the browser forgets the cookie when it is closed


def is_locked(request: HttpRequest) -> bool:
    """Return whether the request's session is someone's, and was not used for 15 minutes. One that
    does not say when it was used is locked."""
    session = request.session
    if auth.SESSION_KEY not in session and SESSION_KEY not in session:
        return False
    age: float = time.time() - session.get(SEEN, 0)
    return age >= settings.IDLE_LOCK_S


def note_use(request: HttpRequest) -> None:
    """Note that the session is used, unless the page asks by itself (static/desk/desk.js). Call it
    for a session that is not locked."""
    seen = request.session.get(SEEN)
    if seen is None or request.headers.get("X-Background") == "1":
        return
    if time.time() - seen >= NOTED_EVERY_S:
        request.session[SEEN] = time.time()


def lock(request: HttpRequest) -> None:
    """Lock the session now: the screen is handed over."""
    request.session[SEEN] = 0


def unlock(request: HttpRequest) -> None:
    """Go on with the session: the person has proven who they are."""
    request.session[SEEN] = time.time()
    request.session.pop(WRONG, None)


def is_last_try(request: HttpRequest) -> bool:
    """Count a wrong proof at the lock; return whether the session has to end."""
    wrong = request.session[WRONG] = request.session.get(WRONG, 0) + 1
    return bool(wrong >= MOST_WRONG)
