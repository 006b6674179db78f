"""/health/live, /health/ready and /metrics."""

import hmac
import ipaddress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.health import gauges
from api.health.readiness import FAILED, readiness
from api.http import request_metrics
from api.http.problem_details import RETRY_AFTER_S
from directory.safety_lines import safety_lines

LEAST_TOKEN = 20  # characters


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as this process answers at all: nothing else is asked. A process that
    does not has to be restarted."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 503 if this process cannot serve truthfully, else 200: `ok`, or `degraded` where what
    surrounds it is in trouble (api/health/readiness.py). Words only: anyone may ask."""
    found = readiness()
    body: dict[str, Any] = {"status": found.status, "checks": found.checks}
    if found.status != FAILED:
        return JsonResponse(body)
    body |= {"safety_notice": settings.SAFETY_NOTICE, "safety_lines": safety_lines()}
    return JsonResponse(body, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})


@csrf_exempt  # so that a form without its token is answered as at an unknown address, too
def metrics(request: HttpRequest) -> HttpResponse:
    """The operator's figures, in the format of Prometheus. To others the address does not exist.

    Asked by a process of this machine, or with the token of CAIRN_METRICS_TOKEN_FILE.
    """
    if request.method not in ("GET", "HEAD") or not (_from_here(request) or _has_token(request)):
        raise Http404
    registry = request_metrics.registry()
    registry.register(gauges.Gauges())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _from_here(request: HttpRequest) -> bool:
    """Whether a process of this machine asks, and no proxy for another: nginx names the caller."""
    forwarded = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
    if any(name in request.META for name in forwarded):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _has_token(request: HttpRequest) -> bool:
    """Whether the request bears the token. The file is read each time, so that it may be changed
    there; a short token, and a file that cannot be read, let no one in."""
    kind, _, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if not settings.METRICS_TOKEN_FILE or kind.lower() != "bearer":
        return False
    try:
        token = Path(settings.METRICS_TOKEN_FILE).read_bytes().strip()
    except OSError:
        return False
    return len(token) >= LEAST_TOKEN and hmac.compare_digest(token, sent.strip().encode())
