"""What lets a person or a system in, or takes data away, needs more than an unlocked screen: the
member proved who they are within the last 15 minutes, or does so first."""

from urllib.parse import urlencode

from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from api.desk.account.fresh_proof import is_fresh
from permissions.models import Person

FRESH_S = 15 * 60


def require_fresh_factor(request: HttpRequest) -> HttpResponse | None:
    """None: the member proved who they are just now. Otherwise the way to the page that asks for
    it, and from there back to this address; nothing was done. Call it in a view of `signed_in`."""
    person = request.user
    if isinstance(person, Person) and is_fresh(request, person, FRESH_S):
        return None
    if request.method == "POST":
        notes.warning(request, gettext("Nothing was changed. Confirm that it is you, then again."))
    ask = urlencode({"next": request.path})
    return redirect(f"{reverse('account_reauthenticate')}?{ask}")
