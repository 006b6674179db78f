"""The sandbox's pages and addresses (docs/guides/sandbox.md)."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.duration import duration_iso_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from api.http import problem_details
from api.http.json_bodies import Answer
from api.sandbox import clock, received, reset, scenarios
from api.sandbox.asking import Done, asked, only
from permissions.errors import BadRequest, NotAuthenticated, NotVisible

FORWARD = (  # the page's buttons
    ("PT5M", _("5 minutes")),
    ("PT15M", _("15 minutes")),
    ("PT1H", _("1 hour")),
    ("P1D", _("1 day")),
    ("P7D", _("7 days")),
)
REGISTER = """\
curl {here}/v1/webhooks -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" -d '{{"url": "{here}/demo/webhooks/mine"}}'
curl -X POST {here}/v1/webhooks/$ID/ping -H "Authorization: Bearer $TOKEN"
"""
STATUS = {received.VALID: 204, received.INVALID: 401, received.UNKNOWN: 404}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The clock, the scenarios and the reset."""
    shown = {
        "clock": clock.read(),
        "forward": FORWARD,
        "scenarios": [(name, one.says) for name, one in scenarios.SCENARIOS.items()],
    }
    return render(request, "sandbox.html", shown)


@csrf_exempt  # _move_clock checks it
@require_http_methods(["GET", "HEAD", "POST"])
def read_or_move_clock(request: HttpRequest) -> HttpResponse:
    """Answer the clock; or move it."""
    return _move_clock(request) if request.method == "POST" else Answer(_said(clock.read()))


@asked
def _move_clock(fields: dict[str, Any]) -> Done:
    only(fields, "forward")
    moved = clock.forward(clock.duration(fields.get("forward")))
    return Done(_said(moved), gettext("The clock was moved."))


def _said(now: clock.Clock) -> dict[str, Any]:
    return {"now": now.now, "ahead": duration_iso_string(now.ahead)}


@require_POST
@asked
def start_over(fields: dict[str, Any]) -> Done:
    """Reset. The body has to say so: a webhook that is sent here deletes nothing."""
    only(fields, "confirm")
    if fields.get("confirm") != "reset":
        raise BadRequest("invalid", "State confirm: reset.", "/confirm")
    reset.reset()
    return Done(_said(clock.read()), gettext("Everything is as at the first start."))


@require_POST
@asked
def play(fields: dict[str, Any], name: str) -> Done:
    only(fields)
    made = scenarios.play(name)
    answer = {
        "scenario": name,
        "referral_id": str(made),
        "sender": ".".join(scenarios.SENDER),
        "recipient": ".".join(scenarios.RECIPIENT),
        "now": clock.read().now,
    }
    return Done(answer, gettext("Made: referral {id}.").format(id=made), 201)


@require_safe
def webhooks(request: HttpRequest) -> HttpResponse:
    """Show what was received."""
    here = settings.BASE_URL.rstrip("/")
    shown = {"shown": received.newest(), "here": here, "register": REGISTER.format(here=here)}
    return render(request, "sandbox_webhooks.html", shown)


@csrf_exempt
@require_POST
def receive(request: HttpRequest, name: str) -> HttpResponse:
    """Receive a webhook, and answer as a receiver should: what is not signed is refused."""
    verdict = received.take(request.path, _headers(request), request.body)
    if verdict == received.VALID:
        return Answer(None, STATUS[verdict])
    refusal = NotVisible() if verdict == received.UNKNOWN else NotAuthenticated()
    status, body, headers = problem_details.problem(refusal)
    return Answer(body, status, headers=headers, media_type=problem_details.MEDIA_TYPE)


def _headers(request: HttpRequest) -> dict[str, str]:
    return {name: request.headers[name] for name in received.HEADERS if name in request.headers}
