"""The agency's partner systems, for its agency_admin: add one, watch it, limit it, end it. Its
keys: system_keys.py."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.accounts.oauth import SCOPES
from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency.system_forms import LimitsForm, SystemForm
from api.desk.agency.system_keys import as_text, form_page, private_key_given
from api.desk.confirmation import Choice, ask_first
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.errors import NotPermitted, NotVisible, Refused
from permissions.identity import client_keys, ip_allowlist, own_systems
from permissions.identity.own_systems import System
from permissions.policy.rules import require_administrator
from referrals.webhooks import key_sets


@require_safe
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the agency's systems."""
    found = own_systems.list_systems(visit.principal)
    return page(request, "desk/agency/systems.html", {"systems": found, "now": visit.now})


@require_safe
@signed_in
def one(request: HttpRequest, visit: Visit, system_id: UUID) -> HttpResponse:
    """Show one system, with the last use of each key."""
    system, uses = own_systems.read_system(visit.principal, system_id)
    keys = [(key, uses.get(key.code)) for key in system.keys]
    context = {"system": system, "keys": keys, "several": len(keys) > 1, "now": visit.now}
    return page(request, "desk/agency/system.html", context)


@require_http_methods(METHODS)
@signed_in
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Add a system. Keys at an address are fetched and shown before they are stored."""
    require_administrator(visit.principal)
    if away := require_fresh_factor(request):
        return away
    ending = visit.agency.id.hex[-8:]
    if request.method != "POST":
        return _new(request, SystemForm(ending=ending))
    form = SystemForm(request.POST, request.FILES, ending=ending)
    refusal: Refused | None = None
    if form.is_valid():
        try:
            if form.key_set is None:
                found = key_sets.fetch_keys(
                    visit.principal, "partner.add", form.cleaned_data["keys_url"]
                )
                data = request.POST.copy()
                data["keys"] = as_text(found)
                return _new(request, SystemForm(data, ending=ending), fetched=found)
            system_id = _add(visit, form)
        except (NotPermitted, NotVisible):
            raise
        except Refused as error:
            refusal = error
            form.refuse(error)
        else:
            messages.success(
                request, _("Added. Give its client ID to the people who run the system.")
            )
            return redirect("desk_system", system_id)
    if form.holds_private:
        return private_key_given(request)
    return _new(request, form, refusal)


def _add(visit: Visit, form: SystemForm) -> UUID:
    given = form.cleaned_data
    assert form.key_set is not None
    return own_systems.add_system(
        visit.principal,
        given["client_id"],
        given["name"],
        given["scopes"],
        form.key_set,
        known_scopes=sorted(SCOPES),
        keys_url=given["keys_url"] or None,
        system_of_record=given["system_of_record"],
        from_networks=given["networks"],
        openings_a_day=given["quota"],
    )


def _new(
    request: HttpRequest,
    form: SystemForm,
    refusal: Refused | None = None,
    fetched: dict[str, Any] | None = None,
) -> HttpResponse:
    context = {"form": form, "fetched": client_keys.keys_of(fetched) if fetched else None}
    return form_page(request, "desk/agency/system_new.html", context, refusal)


@require_http_methods(METHODS)
@signed_in
def limits(request: HttpRequest, visit: Visit, system_id: UUID) -> HttpResponse:
    """Change from where a system may call, and how much it may open."""
    system, _uses = own_systems.read_system(visit.principal, system_id)
    if request.method == "POST":
        form = LimitsForm(request.POST)
        if form.is_valid():
            given = form.cleaned_data
            networks = ip_allowlist.canonical_networks(given["networks"])
            elsewhere = networks != (system.networks or [])
            if elsewhere and (away := require_fresh_factor(request)):
                return away
            own_systems.set_limits(visit.principal, system_id, networks, given["quota"])
            messages.success(request, _("Saved. What changed ended its open tokens."))
            return redirect("desk_system", system_id)
    else:
        networks = system.networks or []
        form = LimitsForm(
            initial={
                "origin": "networks" if networks else "anywhere",
                "networks": "\n".join(networks),
                "quota": system.openings_a_day,
            }
        )
    context = {"system": system, "form": form}
    return form_page(request, "desk/agency/system_limits.html", context)


@require_http_methods(METHODS)
@signed_in
def end(request: HttpRequest, visit: Visit, system_id: UUID) -> HttpResponse:
    """Ask first what follows when a system's access ends, then end it."""
    if request.method == "POST":
        own_systems.end_system(visit.principal, system_id)
        messages.success(request, _("Ended. Its open tokens ended, too."))
        return redirect("desk_system", system_id)
    system, _uses = own_systems.read_system(visit.principal, system_id)
    follows = [
        gettext("It gets no token any more, and its open tokens end now."),
        gettext("What it did stays in the access log. Your people go on at the desk."),
        gettext("You can let it in again later, with the keys and limits that it has now."),
    ]
    words = gettext("End this system's access?"), gettext("End access"), gettext("Keep it")
    return _ask(request, system, words, follows)


@require_http_methods(METHODS)
@signed_in
def let_return(request: HttpRequest, visit: Visit, system_id: UUID) -> HttpResponse:
    """Ask first what follows when a system is let in again, then let it in."""
    system, _uses = own_systems.read_system(visit.principal, system_id)
    if away := require_fresh_factor(request):
        return away
    if request.method == "POST":
        own_systems.return_system(visit.principal, system_id)
        messages.success(request, _("It can get tokens again."))
        return redirect("desk_system", system_id)
    follows = [
        gettext("It gets tokens again, with the keys, rights and limits that it has now."),
        gettext("If a key of it was stolen, add a new key and remove that one first."),
    ]
    words = gettext("Let this system in again?"), gettext("Let it in"), gettext("Not now")
    return _ask(request, system, words, follows)


def _ask(
    request: HttpRequest, system: System, words: tuple[str, str, str], follows: list[str]
) -> HttpResponse:
    title, button, keep = words
    back = reverse("desk_system", args=[system.id])
    subject = f"{system.name} ({system.client_id})"
    return ask_first(request, Choice(title, subject, follows, button, keep, back))
