"""Pages about the process: the API's page (works offline, under the CSP) and its health."""

from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView

from api import errors
from referrals import senders


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files; its script is a file of this address, not inline."""

    template_name = "docs.html"
    authentication_classes: list[type] = []
    permission_classes: list[type] = []

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.url_self = request.path  # without the query: what was asked is not repeated
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer

    def handle_exception(self, exc: Exception) -> HttpResponse:
        """Refusals as everywhere else."""
        refused = errors.handle(exc, self.allowed_methods)
        if refused is None:
            raise exc
        return refused


@require_safe
def contract(request: HttpRequest) -> HttpResponse:
    """The committed contract, openapi/v1.yaml."""
    path = settings.BASE_DIR / "openapi" / "v1.yaml"
    return HttpResponse(path.read_bytes(), content_type="application/yaml")


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200 when the database answers as `app`; a failure is a 503 like any other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_safe
def demo_messages(request: HttpRequest) -> HttpResponse:
    """What the demo would have sent: served on the demo's machine alone (api/urls.py)."""
    return render(request, "demo_messages.html", {"shown": senders.shown_in_the_demo()})
