"""The keys of a partner system: add, fetch, and remove them one by one, so that a new key works
before the old one ends."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency.system_forms import KeysForm
from api.desk.confirmation import Choice, ask_first
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.errors import NotPermitted, NotVisible, Refused
from permissions.identity import client_keys, own_systems
from permissions.identity.own_systems import System
from referrals.webhooks import key_sets

PRIVATE_KEY = _(
    "That was a private key. Nothing of it was kept, but it has left the system that it belongs to:"
    " make a new pair there, and give us its public key only."
)


@require_http_methods(METHODS)
@signed_in
def keys(request: HttpRequest, visit: Visit, system_id: UUID) -> HttpResponse:
    """Add keys to those of a system, or say where they are fetched from."""
    system, _uses = own_systems.read_system(visit.principal, system_id)
    if away := require_fresh_factor(request):
        return away
    if request.method != "POST":
        return _keys(request, system, KeysForm(initial={"keys_url": system.keys_url or ""}))
    form = KeysForm(request.POST, request.FILES)
    refusal: Refused | None = None
    if form.is_valid():
        try:
            return _take_keys(request, visit, system, form)
        except (NotPermitted, NotVisible):
            raise
        except Refused as error:
            refusal = error
            form.refuse(error)
    if form.holds_private:
        return private_key_given(request)
    return _keys(request, system, form, refusal)


def _take_keys(request: HttpRequest, visit: Visit, system: System, form: KeysForm) -> HttpResponse:
    url = form.cleaned_data["keys_url"] or None
    key_set, fetched = form.key_set, None
    if key_set is None and url:
        fetched = key_set = key_sets.fetch_keys(visit.principal, "partner.add_keys", url)
    known = {one.thumbprint for one in system.keys}
    more = [one for one in client_keys.keys_of(key_set or {}) if one.thumbprint not in known]
    if fetched and more:  # the member sees them first
        data = request.POST.copy()
        data["keys"] = as_text(fetched)
        return _keys(request, system, KeysForm(data), fetched=fetched)
    if key_set is None and url == system.keys_url:
        form.add_error("keys", gettext("Give its public key: as text, file or address."))
        return _keys(request, system, form)
    own_systems.set_keys_url(visit.principal, system.id, url)
    if more and key_set:
        own_systems.add_keys(visit.principal, system.id, key_set)
        messages.success(
            request,
            _("Added. The earlier keys still work: remove them once the new one was used."),
        )
    elif key_set:
        messages.success(request, _("The system has these keys already."))
    else:
        messages.success(request, _("Saved."))
    return redirect("desk_system", system.id)


def _keys(
    request: HttpRequest,
    system: System,
    form: KeysForm,
    refusal: Refused | None = None,
    fetched: dict[str, Any] | None = None,
) -> HttpResponse:
    there = client_keys.keys_of(fetched) if fetched else []
    prints, known = {one.thumbprint for one in there}, {one.thumbprint for one in system.keys}
    context = {
        "system": system,
        "form": form,
        "fetched": [(one, one.thumbprint in known) for one in there],
        "gone": [one for one in system.keys if one.thumbprint not in prints] if fetched else [],
    }
    return form_page(request, "desk/agency/system_keys.html", context, refusal)


def form_page(
    request: HttpRequest, template: str, context: dict[str, Any], refusal: Refused | None = None
) -> HttpResponse:
    """Render a page with its form. With a fault in the form, the answer is 400."""
    answer = page(request, template, context, refusal)
    if context["form"].errors and refusal is None:
        answer.status_code = 400
    return answer


def as_text(key_set: dict[str, Any]) -> str:
    """Return a key set as it can be pasted."""
    return json.dumps(key_set, indent=1)


def private_key_given(request: HttpRequest) -> HttpResponse:
    """Lead back to the empty form. The answer to a POST is kept by a browser together with what was
    posted; an address that it is led to is not."""
    messages.error(request, PRIVATE_KEY)
    return redirect(request.path)


@require_http_methods(METHODS)
@signed_in
def remove_key(
    request: HttpRequest, visit: Visit, system_id: UUID, thumbprint: str
) -> HttpResponse:
    """Ask first what follows when a key is removed, then remove it."""
    if request.method == "POST":
        own_systems.remove_key(visit.principal, system_id, thumbprint)
        messages.success(request, _("Removed. No token is given for this key from now on."))
        return redirect("desk_system", system_id)
    system, uses = own_systems.read_system(visit.principal, system_id)
    key = next((one for one in system.keys if one.thumbprint == thumbprint), None)
    if key is None:
        raise NotVisible
    others = [one for one in system.keys if one is not key]
    unused = not any(uses.get(one.code) for one in others)
    choice = Choice(
        title=gettext("Remove this key?"),
        subject=f"{system.name}: {thumbprint}",
        follows=[
            gettext("The system gets no token with this key any more."),
            gettext("Its open tokens end now. With another of its keys it gets a new one at once."),
        ],
        alarm=gettext("None of its other keys was used yet. Without a working key it stops.")
        if unused
        else "",
        button=gettext("Remove"),
        keep=gettext("Keep it"),
        back=reverse("desk_system", args=[system_id]),
    )
    return ask_first(request, choice)
