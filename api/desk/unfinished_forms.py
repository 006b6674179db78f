"""Keeps what is typed into a form until the form is accepted: over a refusal, a lost connection,
going back, and signing in again after the idle lock.

It is kept on the server, sealed, for two hours. Its row in the session table is found and opened
only by the same member in the same browser: the row's key and the key that seals it are made from
the browser's own cookie, the member and the server's secret. A backup of the table opens nothing,
and a quick exit, which takes the cookie, closes it for good.

A browser keeps the answer to a POST on its disk together with the POST and its words, so that it
can send them again, and signing out does not remove that (Chromium's session files; TH7). So a form
with private words is never shown as the answer to its POST: it is shown at its own address.
"""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import router, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from api.accounts.sign_in_brake import device_id
from permissions.errors import Unavailable
from permissions.keys.derived_keys import derived_from
from permissions.keys.keystore import seal, unseal
from referrals import codes

if TYPE_CHECKING:
    from api.desk.request_context import Visit

LASTS = timedelta(hours=2)
MOST_FORMS = 5  # of one member in one browser; the oldest is dropped
MOST_BYTES = 64_000  # of one form
CONTEXT = "unfinished form"
WHY = "why "  # before a field's name: what was wrong with it
NOT_TYPED = ("csrfmiddlewaretoken", "typed_by", "for", "step", "to")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was typed at an address. `refused`: it was sent, and refused for reasons that are kept
    with it; otherwise it was never sent."""

    at: datetime
    data: QueryDict
    refused: bool


def is_private(form: Form) -> bool:
    """Return whether a field holds what a browser must not store."""
    return any(one.widget.attrs.get("autocomplete") == "off" for one in form.fields.values())


def place_of(request: HttpRequest) -> str:
    """Return the address of this form: its path, and for a new referral its service."""
    given = request.POST if request.method == "POST" else request.GET
    if request.path == reverse("desk_new_referral") and given.get("service"):
        return place_of_new_referral(given["service"])
    return request.path


def place_of_new_referral(service: str) -> str:
    """Return the address of the form of a new referral to this service."""
    return f"{reverse('desk_new_referral')}?{urlencode({'service': service})}"


def keep(request: HttpRequest, member_id: UUID, place: str, refused: bool) -> bool:
    """Keep what this request posted for the form at `place`; return whether it did. Twice is safe:
    the last one stays. Call it only after the form's CSRF check."""
    return _keep(request, member_id, place, _typed(request), refused)


def replay_form(request: HttpRequest, visit: "Visit", form: Form, query: str = "") -> HttpResponse:
    """Keep what was typed and why it was refused, and redirect to the form, with this query."""
    why = [(WHY + name, str(words)) for name, several in form.errors.items() for words in several]
    place = place_of(request)
    _keep(request, visit.principal.staff_id, place, _typed(request) + why, True)
    return redirect(place + query)


def find(request: HttpRequest, visit: "Visit") -> Kept | None:
    """Return what this member typed at this address, in this browser, within the last two hours."""
    found = _read(request, visit.principal.staff_id).get(place_of(request))
    if found is None:
        return None
    at, refused, typed = found
    data = QueryDict(mutable=True)
    for name, value in typed:
        data.appendlist(name, value)
    return Kept(datetime.fromtimestamp(at, UTC), data, refused)


def fill_in(form: Form, kept: Kept) -> None:
    """Let the form begin with what was typed and never sent, without a word about what is still
    missing."""
    for name, field in form.fields.items():
        html_name = form.add_prefix(name)
        form.initial[name] = field.widget.value_from_datadict(kept.data, {}, html_name)


def show_reasons(form: Form, typed: QueryDict) -> None:
    """Add the reasons that the form itself does not know: those of the rules."""
    for name, words in typed.items():
        field = name.removeprefix(WHY)
        if name != field and words not in form.errors.get(field, ()):
            form.add_error(field if field in form.fields else None, str(words))


def forget(request: HttpRequest, visit: "Visit", place: str = "") -> None:
    """Forget what was typed: the form was accepted, or is begun again. Twice is safe."""
    _change(request, visit.principal.staff_id, {place or place_of(request): None})


def forget_all(request: HttpRequest, member_id: UUID) -> None:
    """Forget everything that this member typed in this browser: they signed out."""
    Session.objects.filter(pk=_row_key(_secret(request, member_id))).delete()


def context_of(request: HttpRequest, visit: "Visit", kept: Kept | None) -> dict[str, Any]:
    """Return what a page needs whose form is kept while it is typed (static/desk/unfinished.js)."""
    return {
        "typed_by": signing.Signer(salt=CONTEXT).sign(str(visit.principal.staff_id)),
        "keeps": place_of(request),
        "kept_at": kept.at if kept and not kept.refused else None,
    }


def typed_by(request: HttpRequest) -> UUID | None:
    """Return the member whose page this form was, whether or not they are still signed in."""
    try:
        return UUID(signing.Signer(salt=CONTEXT).unsign(request.POST.get("typed_by", "")))
    except signing.BadSignature:
        return None


# -- The row ---------------------------------------------------------------------------------------

_Forms = dict[str, Any]  # by address: when, whether it was refused, and the fields


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in NOT_TYPED
    ]


def _keep(
    request: HttpRequest,
    member_id: UUID,
    place: str,
    typed: list[tuple[str, str]],
    refused: bool,
) -> bool:
    size = sum(len(name) + len(value.encode()) for name, value in typed)
    if size > MOST_BYTES or not _may_be_kept(place, dict(typed)):
        return False
    _change(request, member_id, {place: [timezone.now().timestamp(), refused, typed]})
    return True


def _may_be_kept(place: str, typed: dict[str, str]) -> bool:
    """Return whether it is a form of the desk. Nothing of a new referral is kept before the
    survivor has agreed to it (R14)."""
    path = place.partition("?")[0]
    try:
        name = resolve(path).url_name or ""
    except Resolver404:
        return False
    if name == "desk_new_referral":
        return typed.get("agreement") in codes.AGREEMENT
    return name.startswith("desk_")


def _change(request: HttpRequest, member_id: UUID, changes: _Forms) -> None:
    secret = _secret(request, member_id)
    key = _row_key(secret)
    with transaction.atomic(using=router.db_for_write(Session)):
        row = Session.objects.select_for_update().filter(pk=key).first()
        forms = {**_open(secret, row), **changes}
        newest = sorted((one for one in forms.items() if one[1]), key=lambda one: one[1][0])
        left = dict(newest[-MOST_FORMS:])
        if left:
            sealed = base64.b64encode(seal(secret, json.dumps(left).encode(), CONTEXT)).decode()
            values = {"session_data": sealed, "expire_date": timezone.now() + LASTS}
            Session.objects.update_or_create(pk=key, defaults=values)
        elif row:
            row.delete()


def _read(request: HttpRequest, member_id: UUID) -> _Forms:
    secret = _secret(request, member_id)
    return _open(secret, Session.objects.filter(pk=_row_key(secret)).first())


def _open(secret: bytes, row: Session | None) -> _Forms:
    if row is None:
        return {}
    try:
        forms = json.loads(unseal(secret, base64.b64decode(row.session_data), CONTEXT))
    except (ValueError, Unavailable):  # altered: as if nothing had been kept
        return {}
    oldest = (timezone.now() - LASTS).timestamp()
    return {place: one for place, one in forms.items() if one[0] > oldest}


def _secret(request: HttpRequest, member_id: UUID) -> bytes:
    """Make the key of this member in this browser. The CSRF cookie serves where the device has none
    of its own yet."""
    browser = device_id(request) or str(request.META.get("CSRF_COOKIE", ""))
    return derived_from(f"{settings.SECRET_KEY}\n{browser}\n{member_id}".encode(), CONTEXT)


def _row_key(secret: bytes) -> str:
    return hmac.digest(secret, b"row", "sha256").hex()[:40]
