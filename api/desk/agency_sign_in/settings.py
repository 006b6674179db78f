"""An agency's own sign-in, as its administrator sets it up: the provider, a test, on and off, and
whose accounts are linked."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.agency_sign_in import pending, provider_client
from api.agency_sign_in.provider_client import Away
from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency_sign_in.way import return_address, send
from api.desk.confirmation import Choice, ask_first
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.agency_sign_in import providers
from permissions.errors import NotPermitted, NotVisible, Refused
from permissions.models import SignInProvider
from permissions.policy.rules import require_administrator
from permissions.principal import Principal
from referrals.webhooks import name_lookups


class ClientForm(DeskForm):
    """What the agency was given at its provider."""

    client_id = Text(
        label=_("Client ID"),
        max_length=providers.MOST_CLIENT_ID,
        widget=forms.TextInput(attrs=PRIVATE),
    )
    secret = Text(
        label=_("Client secret"),
        max_length=providers.MOST_SECRET,
        widget=forms.PasswordInput(attrs=PRIVATE),
        help_text=_("It is sealed, and not shown again."),
    )


class ProviderForm(ClientForm):
    issuer = Text(
        label=_("Issuer"),
        max_length=providers.MOST_ISSUER,
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "url"}),
        help_text=_(
            "The provider's address, such as https://login.example.org/agency, as it writes it"
            " itself."
        ),
    )
    field_order = ("issuer", "client_id", "secret")

    def clean_issuer(self) -> str:
        given = str(self.cleaned_data["issuer"])
        if not provider_client.check_issuer(given):
            raise forms.ValidationError(
                _("Enter an https address of a public host, port 443 or 8443.")
            )
        return given


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the agency's sign-in, and take a new one or a new secret."""
    found = providers.overview(visit.principal)
    kind = ClientForm if found.provider else ProviderForm
    initial = {"client_id": found.provider.client_id} if found.provider else None
    form, refusal = kind(initial=initial), None
    if request.method == "POST":
        if away := require_fresh_factor(request):
            return away
        form = kind(request.POST)
        if form.is_valid():
            try:
                if _saved(visit, form, found.provider):
                    notes.success(request, gettext("Saved. Test it next."))
                    return redirect("desk_agency_sign_in")
            except (NotPermitted, NotVisible):
                raise
            except Refused as error:
                form.refuse(error)
                refusal = error
    return page(request, "desk/agency_sign_in/settings.html", _shown(found, form), refusal)


def _saved(visit: Visit, form: ClientForm, there: SignInProvider | None) -> bool:
    """Store what was entered. A new provider is asked first whether it is one."""
    given = form.cleaned_data
    if there:
        providers.change_secret(visit.principal, given["client_id"], given["secret"])
        return True
    name_lookups.count_lookup(visit.principal)
    try:
        provider_client.metadata(given["issuer"])
    except Away:
        form.add_error(
            "issuer",
            _("No provider answers there, or it calls itself by another address."),
        )
        return False
    providers.set_up(visit.principal, given["issuer"], given["client_id"], given["secret"])
    return True


def _shown(found: providers.Overview, form: ClientForm) -> dict[str, object]:
    provider = found.provider
    base = settings.BASE_URL.rstrip("/")
    return {
        "form": form,
        "provider": provider,
        "linked": found.linked,
        "return_address": return_address(),
        "scopes": "openid offline_access",
        "entrance": provider and base + reverse("agency_entrance", args=[provider.code]),
        "logout_address": provider and base + reverse("agency_ended", args=[provider.code]),
    }


@require_safe
@signed_in
def test(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Send the administrator to the provider, to see whether what comes back is right."""
    provider = _provider(visit)
    if away := require_fresh_factor(request):
        return away
    return send(request, provider, pending.TEST, "")


def _provider(visit: Visit) -> SignInProvider:
    """The agency's provider. Raises NotPermitted, NotVisible."""
    require_administrator(visit.principal)
    found = providers.of_agency(visit.principal.agency_id)
    if found is None:
        raise NotVisible
    return found


@require_http_methods(METHODS)
@signed_in
def switch_on(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask first what follows, then let people sign in by it."""
    follows = [
        gettext("Members link their account under “My account”. Until then nothing changes."),
        gettext("People you invite can use it instead of a password."),
        gettext("Everyone's own passkey or authenticator app is still asked for."),
    ]
    choice = _choice(
        visit, gettext("Switch your agency's sign-in on?"), follows, gettext("Switch on")
    )
    return _done(request, visit, providers.switch_on, choice, gettext("It is on."))


@require_http_methods(METHODS)
@signed_in
def switch_off(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask first what follows, then let no one sign in by it."""
    choice = _choice(
        visit, gettext("Switch your agency's sign-in off?"), _without(), gettext("Switch off")
    )
    return _done(request, visit, providers.switch_off, choice, gettext("It is off."))


@require_http_methods(METHODS)
@signed_in
def remove(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask first what follows, then remove it and every link."""
    follows = [*_without(), gettext("Every account is unlinked, and cannot be linked back.")]
    choice = _choice(visit, gettext("Remove your agency's sign-in?"), follows, gettext("Remove"))
    return _done(request, visit, providers.remove, choice, gettext("Removed."))


def _without() -> list[str]:
    return [
        gettext("Everyone who came by it is signed out at once."),
        gettext(
            "They sign in with their passkey, or their password and second step. Who has neither"
            " asks a lead or administrator for a reset."
        ),
        gettext(
            "Someone whose account ended only at your provider can sign in again: end their"
            " membership here first."
        ),
    ]


def _choice(visit: Visit, title: str, follows: list[str], button: str) -> Choice:
    subject = _provider(visit).issuer
    back = reverse("desk_agency_sign_in")
    return Choice(title, subject, follows, button, gettext("Leave it as it is"), back)


@require_http_methods(METHODS)
@signed_in
def unlink(request: HttpRequest, visit: Visit, member_id: UUID) -> HttpResponse:
    """Ask first what follows, then unlink a member's account."""
    linked = {one.id: one.name for one in providers.overview(visit.principal).linked}
    if member_id not in linked:
        raise NotVisible
    choice = Choice(
        gettext("Unlink this member's account?"),
        linked[member_id],
        [
            gettext("They are signed out at once, if they came by your agency's sign-in."),
            gettext("They sign in with their passkey, or their password and second step."),
            gettext("They can link an account again under “My account”."),
        ],
        gettext("Unlink"),
        gettext("Leave it as it is"),
        reverse("desk_agency_sign_in"),
    )
    act = partial(providers.unlink, member_id=member_id)
    return _done(request, visit, act, choice, gettext("Unlinked."))


def _done(
    request: HttpRequest,
    visit: Visit,
    act: Callable[[Principal], object],
    choice: Choice,
    said: str,
) -> HttpResponse:
    """Show what follows; with the button pressed, and a fresh proof, do it."""
    if away := require_fresh_factor(request):
        return away
    if request.method != "POST":
        return ask_first(request, choice)
    act(visit.principal)
    notes.success(request, said)
    return redirect("desk_agency_sign_in")
