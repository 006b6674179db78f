"""A desk's session in an exercise: it keeps its live sign-in, and uses that of the exercise until
the member leaves or the exercise ends.

A form that was open before is refused after the change, by its token: what was asked for in
practice is never done live, and the reverse.
"""

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from api.http.authentication import SESSION_KEY
from permissions.identity import credentials
from permissions.practice.exercises import Joined

LIVE_KEY = "live_credential"  # in the session, while it is in an exercise


def enter(request: HttpRequest, joined: Joined) -> None:
    """Use the exercise's sign-in from now on. It ends with the exercise."""
    secret = credentials.open_for_member(joined.member, until=joined.ends_at)
    request.session.cycle_key()
    rotate_token(request)
    request.session[LIVE_KEY] = request.session[SESSION_KEY]
    request.session[SESSION_KEY] = secret


def go_live(request: HttpRequest) -> None:
    """Use the live sign-in again, and end that of the exercise. Twice is safe. Raises
    Unavailable: the journal of closings could not be written; the session is live all the same."""
    live = request.session.pop(LIVE_KEY, None)
    if live is None:
        return
    practice = request.session[SESSION_KEY]
    request.session.cycle_key()
    rotate_token(request)
    request.session[SESSION_KEY] = live
    credentials.end_credential(practice)


def end_live(request: HttpRequest) -> None:
    """End the live sign-in that the session keeps while it is in an exercise, if it is. Twice is
    safe. Raises Unavailable, as `go_live` does."""
    if live := request.session.get(LIVE_KEY):
        credentials.end_credential(live)
