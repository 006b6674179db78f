"""Exports of the agency's referrals, for its leads: ask for one, confirm a colleague's, take it,
end it (ADR 0118)."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency.system_keys import form_page, private_key_given
from api.desk.confirmation import Choice, ask_first
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, signed_in
from api.http.streams import Stream
from permissions.errors import BadRequest, NotPermitted, NotVisible, Refused
from permissions.identity.client_keys import MOST_TEXT, PrivateKeyGiven
from referrals.bulk import exports, sealing
from referrals.bulk.exports import Export
from referrals.bulk.sealing import ExportKey


class ExportForm(DeskForm):
    """The key to seal to: pasted, or as a file. `holds_private`: a private key was given, and
    nothing may be kept."""

    refused: ClassVar[dict[str, str]] = {}
    key: ExportKey | None = None
    holds_private = False

    public_key = Text(
        required=False,
        label=_("Public key"),
        help_text=_("Paste a JWK or PEM text. Never the private key."),
        widget=forms.Textarea(attrs={"rows": "6"} | PRIVATE),
    )
    key_file = forms.FileField(
        required=False,
        label=_("Or a file with it"),
        widget=forms.FileInput(attrs={"accept": ".json,.jwk,.pem,.pub"}),
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        pasted, uploaded = found.get("public_key"), found.get("key_file")
        if bool(pasted) == bool(uploaded):
            self.add_error("public_key", gettext("Paste the key or choose a file, not both."))
            return found
        field = "public_key" if pasted else "key_file"
        try:
            text = pasted or found["key_file"].read(MOST_TEXT + 1).decode()
            self.key = sealing.read_key(text, f"/{field}")
        except UnicodeDecodeError:
            self.add_error(field, gettext("This file is not text. Give JSON or PEM."))
        except PrivateKeyGiven:
            self.holds_private = True
            self.add_error(field, gettext(PrivateKeyGiven.detail))
        except BadRequest as refusal:
            self.add_error(field, gettext(refusal.detail))
        return found


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the agency's exports; ask for one."""
    found = exports.list_exports(visit.principal)
    if request.method != "POST":
        return _own(request, visit, found, ExportForm())
    if away := require_fresh_factor(request):
        return away
    form = ExportForm(request.POST, request.FILES)
    refusal: Refused | None = None
    if form.is_valid() and form.key is not None:
        try:
            exports.ask(visit.principal, form.key)
        except (NotPermitted, NotVisible):
            raise
        except Refused as error:
            refusal = error
            form.refuse(error)
        else:
            messages.success(request, _("Asked for. Another lead confirms it on this page."))
            return redirect("desk_exports")
    if form.holds_private:
        return private_key_given(request)
    return _own(request, visit, found, form, refusal)


def _own(
    request: HttpRequest,
    visit: Visit,
    found: list[Export],
    form: ExportForm,
    refusal: Refused | None = None,
) -> HttpResponse:
    may_ask = not any(one.is_own and one.state != "ended" for one in found)
    context = {"exports": found, "form": form, "may_ask": may_ask, "now": visit.now}
    return form_page(request, "desk/bulk/exports.html", context, refusal)


@require_http_methods(METHODS)
@signed_in
def confirm(request: HttpRequest, visit: Visit, export_id: UUID) -> HttpResponse:
    """Ask first what follows, then confirm what another lead asked for."""
    if request.method == "POST":
        if away := require_fresh_factor(request):
            return away
        exports.confirm(visit.principal, export_id)
        messages.success(request, _("Confirmed. It is written from now on."))
        return redirect("desk_exports")
    seen = exports.read_export(visit.principal, export_id)
    if seen.is_own:
        raise NotPermitted("second_person", "A lead confirms it who did not ask for it.")
    exports.require_asked(seen)
    if away := require_fresh_factor(request):
        return away
    follows = [
        gettext("Speak with {name} first: did they ask for it, and who gets it?").format(
            name=seen.asked_by_name
        ),
        gettext(
            "Key to which it is sealed: {thumbprint}. Anyone with its other half reads all."
        ).format(thumbprint=seen.thumbprint),
        gettext(
            "It lists the referrals that {name} may see, as in the inbox: agencies, service, needs,"
            " times. No packet and no note is in it. The access log has one entry for each."
        ).format(name=seen.asked_by_name),
        gettext("You can stop it at any time. A day after it is ready it is deleted."),
    ]
    if seen.system_name:
        said = gettext("A system asked for it in their name: {system}.")
        follows.insert(1, said.format(system=seen.system_name))
    choice = Choice(
        title=gettext("Confirm this export?"),
        subject=gettext("Asked for by {name}").format(name=seen.asked_by_name),
        follows=follows,
        button=gettext("Confirm the export"),
        keep=gettext("Back, change nothing"),
        back=reverse("desk_exports"),
    )
    return ask_first(request, choice)


@require_http_methods(METHODS)
@signed_in
def end(request: HttpRequest, visit: Visit, export_id: UUID) -> HttpResponse:
    """Ask first what follows, then end it: nothing of it is left."""
    if request.method == "POST":
        exports.end(visit.principal, export_id)
        messages.success(request, _("Ended. Nothing of it is left on this server."))
        return redirect("desk_exports")
    seen = exports.read_export(visit.principal, export_id)
    choice = Choice(
        title=gettext("End this export?"),
        subject=gettext("Asked for by {name}").format(name=seen.asked_by_name),
        follows=[
            gettext("Nothing more of it is written, and its file is deleted from this server."),
            gettext("What was downloaded before stays where it is."),
        ],
        button=gettext("End the export"),
        keep=gettext("Back, change nothing"),
        back=reverse("desk_exports"),
    )
    return ask_first(request, choice)


@require_safe
@signed_in
def download(request: HttpRequest, visit: Visit, export_id: UUID) -> HttpResponseBase:
    """Send all parts as one file, a JWE on each line. It is cut off if the right to it ends."""
    parts = exports.parts(visit.principal, export_id)
    answer = StreamingHttpResponse(Stream(_lines(parts)), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="export.jwe.txt"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _lines(parts: Iterator[str]) -> Iterator[bytes]:
    for part in parts:
        yield f"{part}\n".encode()
