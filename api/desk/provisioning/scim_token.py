"""The token of the agency's identity provider (SCIM), for its agency_admin: make it, see whether it
works, replace it, remove it. The token itself is on one page, once."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency.system_forms import OriginForm
from api.desk.agency.system_keys import form_page
from api.desk.confirmation import Choice, ask_first
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.identity import own_systems
from permissions.policy.rules import require_administrator
from permissions.scim import scim_tokens


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show whether there is a token and when it was used; make one, which ends the one before."""
    require_administrator(visit.principal)
    if request.method == "POST":
        if away := require_fresh_factor(request):
            return away
        form = OriginForm(request.POST)
        if form.is_valid():
            token = scim_tokens.set_token(visit.principal, form.cleaned_data["networks"])
            return page(request, "desk/agency/scim_made.html", {"token": token, "base": _base()})
    system = own_systems.scim_system(visit.principal)
    if request.method != "POST":
        networks = (system.networks if system else None) or []
        form = OriginForm(
            initial={
                "origin": "networks" if networks or system is None else "anywhere",
                "networks": "\n".join(networks),
            }
        )
    context = {"system": system, "form": form, "now": visit.now, "base": _base()}
    return form_page(request, "desk/agency/scim.html", context)


@require_http_methods(METHODS)
@signed_in
def end(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask first what follows when the token is removed, then remove it."""
    require_administrator(visit.principal)
    if request.method == "POST":
        scim_tokens.end_token(visit.principal)
        messages.success(request, _("Removed. The identity provider changes nothing any more."))
        return redirect("desk_scim")
    choice = Choice(
        title=gettext("Remove the identity provider's token?"),
        subject=gettext("Identity provider (SCIM)"),
        follows=[
            gettext("The provider sees, invites and ends no one any more."),
            gettext("Its invitations that no one has used end now. Members stay members."),
            gettext(
                "From then on you end the membership of someone who leaves, on the Members page."
            ),
        ],
        button=gettext("Remove the token"),
        keep=gettext("Keep it"),
        back=reverse("desk_scim"),
    )
    return ask_first(request, choice)


def _base() -> str:
    return f"{settings.BASE_URL.rstrip('/')}/scim/v2"
