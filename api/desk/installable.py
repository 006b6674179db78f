"""What lets a device install the desk: its manifest, and the service worker that keeps the page of
numbers to call, and nothing else (ADR 0076)."""

import hashlib

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from api.desk.public_pages import safety_page
from api.http.middleware import CSP_WORKER, REVALIDATED

STATIC = settings.BASE_DIR / "api" / "desk" / "static" / "desk"
KEPT_FILES = ("safety.css", "leave.js")  # what the page itself needs, as in service-worker.js


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Return the web app manifest. The colors are desk.css's --ground and --act."""
    described = {
        "id": reverse("desk"),
        "name": "Cairn",
        "short_name": "Cairn",
        "start_url": reverse("desk"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f5f4f0",
        "theme_color": "#17545f",
        "icons": [{"src": static("desk/mark.svg"), "type": "image/svg+xml", "sizes": "any"}],
    }
    answer = JsonResponse(described, content_type="application/manifest+json")
    answer["Cache-Control"] = REVALIDATED
    return answer


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker, with a hash of what it keeps: it is a new one as soon as the page
    or a file of the page changes."""
    script = (STATIC / "service-worker.js").read_text()
    files = [(STATIC / name).read_text() for name in KEPT_FILES]
    version = hashlib.sha256("\0".join([safety_page(), script, *files]).encode()).hexdigest()[:16]
    answer = HttpResponse(f'const VERSION = "{version}";\n{script}', content_type="text/javascript")
    answer["Cache-Control"] = REVALIDATED
    answer["Content-Security-Policy"] = CSP_WORKER
    return answer
