"""Pages about the process: the API's page (works offline, under the CSP), and the demo's own."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView

from api.http import problem_details
from permissions.errors import Refused
from referrals.card import calls
from referrals.claims import digits
from referrals.notifications import keyed_calls, transports
from referrals.notifications.line_tests import answers, weekly


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files; its script is served from here, not inline."""

    template_name = "docs.html"
    authentication_classes: list[type] = []
    permission_classes: list[type] = []

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.url_self = request.path  # without the query, which must not be repeated
        return super().dispatch(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Answer refusals as every endpoint does."""
        refused = problem_details.handle(exc, self.allowed_methods)
        if refused is None:
            raise exc
        return refused


@require_safe
def contract(request: HttpRequest) -> HttpResponse:
    """The committed contract, openapi/v1.yaml."""
    path = settings.BASE_DIR / "openapi" / "v1.yaml"
    return HttpResponse(path.read_bytes(), content_type="application/yaml")


@require_safe
def directory_contract(request: HttpRequest) -> JsonResponse:
    """The directory's part of it (openapi/hsds.json), with this server's address."""
    path = settings.BASE_DIR / "openapi" / "hsds.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    (server,) = found["servers"]
    server["url"] = settings.BASE_URL.rstrip("/") + server["url"]
    return JsonResponse(found)


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """What changes in the contract, and what ends: openapi/CHANGES.md."""
    path = settings.BASE_DIR / "openapi" / "CHANGES.md"
    return HttpResponse(path.read_bytes(), content_type="text/markdown; charset=utf-8")


@require_safe
def fhir_deviations(request: HttpRequest) -> HttpResponse:
    """Where /fhir differs from the guides, and why: openapi/fhir-deviations.md."""
    path = settings.BASE_DIR / "openapi" / "fhir-deviations.md"
    return HttpResponse(path.read_bytes(), content_type="text/markdown; charset=utf-8")


@require_safe
def demo_messages(request: HttpRequest) -> HttpResponse:
    """Show what the demo would have sent: only on the demo's own machine (api/urls.py)."""
    shown = transports.demo_messages()
    for one in shown:
        path, _, token = one.get("answer", "").rpartition("/")
        one["line" if f"{path}/".endswith(weekly.PATHS["voice"]) else "call"] = token
        one["awake"] = digits.PATH if digits.PATH in path else ""
    return render(request, "demo_messages.html", {"shown": shown})


@require_POST
def demo_key(request: HttpRequest) -> HttpResponse:
    """The demo's stand-in telephone: take what is keyed in a call that asks for it."""
    if line := request.POST.get("line"):
        answers.answer(line, "key")
        notes.info(request, gettext(keyed_calls.ANSWERS["line"]))
        return redirect("demo_messages")
    given = "".join(one for one in request.POST.get("digits", "") if one.isdigit())
    call = request.POST.get("call", "")
    try:
        if request.POST.get("awake"):
            said = keyed_calls.AWAKE[digits.key_in(call, given)]
        else:
            said = keyed_calls.ANSWERS[calls.key_in(call, given)]
    except Refused as refusal:
        return problem_details.refused_page(request, refusal)
    notes.info(request, gettext(said))
    return redirect("demo_messages")
