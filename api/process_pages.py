"""Pages about the process: the API's page (works offline, under the CSP) and its health."""

import time
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView

from api.http import problem_details
from permissions.database.schema import trouble
from permissions.errors import Unavailable
from referrals.notifications import transports

SCHEMA_FITS_S = 10


class _Schema:
    fits_until = 0.0


_schema = _Schema()


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files; its script is served from here, not inline."""

    template_name = "docs.html"
    authentication_classes: list[type] = []
    permission_classes: list[type] = []

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.url_self = request.path  # without the query, which must not be repeated
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer

    def handle_exception(self, exc: Exception) -> HttpResponse:
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
def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database answers as `app` and its schema fits this code; else 503.

    `manage.py schema` says what differs. Anyone may ask, and the comparison takes the database
    60 ms, so each process keeps a positive result for SCHEMA_FITS_S seconds.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        if time.monotonic() >= _schema.fits_until:
            if trouble(cursor):
                raise Unavailable("schema_mismatch", "This server's database has to be upgraded.")
            _schema.fits_until = time.monotonic() + SCHEMA_FITS_S
    return JsonResponse({"status": "ok"})


@require_safe
def demo_messages(request: HttpRequest) -> HttpResponse:
    """Show what the demo would have sent: only on the demo's own machine (api/urls.py)."""
    return render(request, "demo_messages.html", {"shown": transports.demo_messages()})
