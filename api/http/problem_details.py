"""Refusals as `application/problem+json` (RFC 9457), and the pages for failures.

The only place that knows status codes. `detail` never echoes input. Every 5xx carries the safety
lines (R16), since a service that cannot be reached here can still be phoned.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from rest_framework import exceptions as drf

from api.http import request_metrics
from api.http.authentication import SESSION_KEY
from api.http.json_bodies import Answer, TooLarge
from api.logging_config import raised_at
from directory.safety_lines import safety_lines
from permissions import denials, displayed_text, errors
from permissions.audit import writer as access_log
from permissions.health import checks, failures
from permissions.identity import credentials
from referrals.deadlines import timestamps

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class MethodNotAllowed(errors.Refused):
    code = "method_not_allowed"
    detail = "This address does not answer that method."


class UnsupportedMediaType(errors.Refused):
    code = "media_type"
    detail = "Send application/json, not compressed."


class LengthRequired(errors.Refused):
    code = "length_required"
    detail = "Send the body with its Content-Length."


class ServerError(errors.Refused):
    code = "server_error"
    detail = "Something failed here. Nothing was changed. Call the service instead."


STATUS: dict[type[errors.Refused], tuple[int, str]] = {
    errors.NotAuthenticated: (401, "Not signed in"),
    TooLarge: (413, "Too large"),
    errors.BadRequest: (400, "Not of the documented shape"),
    errors.NotVisible: (404, "Not found"),
    errors.NotPermitted: (403, "Not permitted"),
    errors.MatchRequired: (428, "If-Match needed"),
    errors.StaleMatch: (412, "Changed since it was read"),
    errors.WrongState: (409, "Not in this state"),
    errors.NotPossible: (409, "Not possible"),
    errors.Conflict: (409, "In conflict"),
    errors.KeyReused: (422, "Key used with another body"),
    errors.BudgetSpent: (429, "Budget spent"),
    errors.TooOften: (429, "Too often"),
    MethodNotAllowed: (405, "Method not allowed"),
    LengthRequired: (411, "Length needed"),
    UnsupportedMediaType: (415, "Media type"),
    ServerError: (500, "Failed"),
    errors.Unavailable: (503, "Not available"),
}
RETRY_AFTER_S = 30


def status_of(refusal: errors.Refused) -> tuple[int, str]:
    for kind in type(refusal).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    raise LookupError(type(refusal).__name__)


def problem(refusal: errors.Refused) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, body and headers of a refusal. A 5xx is logged."""
    status, title = status_of(refusal)
    body: dict[str, Any] = {
        "type": f"{settings.BASE_URL.rstrip('/')}/problems/{refusal.code}",
        "title": title,
        "status": status,
        "code": refusal.code,
        "detail": refusal.detail,
    }
    headers = {}
    if refusal.pointer:
        body["pointer"] = refusal.pointer
    if isinstance(refusal, errors.BadRequest):
        body["errors"] = [_fault(fault) for fault in refusal.faults]
    if isinstance(refusal, errors.WrongState):
        body["current_state"] = refusal.status  # as shown to the caller's side
    if isinstance(refusal, errors.TooOften | errors.InFlight):
        headers["Retry-After"] = str(refusal.wait_s)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    request_metrics.count_refusal(refusal.code, status)
    if status >= 500:
        _log_unanswered(refusal)
        body["safety_notice"] = settings.SAFETY_NOTICE
        body["safety_lines"] = safety_lines()
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return status, body, headers


def _fault(fault: errors.Fault) -> dict[str, str]:
    """Return a fault with its place: a member of the body (RFC 6901), or a query parameter."""
    error = {"code": fault.code, "detail": fault.detail}
    if fault.place is not None:
        error["pointer" if fault.place.startswith("/") else "parameter"] = fault.place
    return error


def _log_unanswered(refusal: errors.Refused) -> None:
    code = failures.sqlstate(refusal)
    log.error("not_answered", error=refusal.code, **({"sqlstate": code} if code else {}))
    if refusal.code == "log":
        checks.suspect_log()


def translate(error: BaseException) -> errors.Refused | None:
    """Return a library's exception as a refusal of ours; None for a bug."""
    match error:
        case errors.Refused():
            return error
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return errors.NotAuthenticated()
        case drf.MethodNotAllowed():
            return MethodNotAllowed()
        case drf.UnsupportedMediaType():
            return UnsupportedMediaType()
        case drf.ValidationError():
            return invalid(error.detail)
        case drf.ParseError():
            return errors.BadRequest("not_json", "The body is not JSON in UTF-8.")
        case RequestDataTooBig():
            return TooLarge()
        case Http404():
            return errors.NotVisible()
        case drf.PermissionDenied():
            return errors.NotPermitted("csrf", "The form has expired. Load the page again.")
        case OperationalError() | InterfaceError():
            if not_recovered := denials.not_recovered(error):
                return not_recovered
            refusal = errors.Unavailable()
            refusal.__cause__ = error  # for the log line: PostgreSQL's code
            return refusal
    return denials.refusal_of(error)


def invalid(detail: Any) -> errors.BadRequest:
    """Return all that a serializer found, MOST_FAULTS at most: places as JSON pointers, kinds as
    details. It is named after a field that is not documented, if there is one: that may be a try
    to set what the caller may not set."""
    faults = list(islice(_faults(detail, ""), MOST_FAULTS)) or [
        errors.Fault("invalid", NO_SHAPE, None)
    ]
    faults.sort(key=lambda fault: fault.code != UNKNOWN_FIELD)  # else in their order
    return errors.BadRequest.of(faults)


def _faults(detail: Any, pointer: str) -> Iterator[errors.Fault]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = name == "non_field_errors"
            yield from _faults(inner, pointer if own else f"{pointer}/{name}")
    elif isinstance(detail, list) and any(isinstance(item, dict) for item in detail):
        for place, inner in enumerate(detail):
            yield from _faults(inner, f"{pointer}/{place}")
    elif detail:  # a field's errors, of which the first says enough
        error = detail[0] if isinstance(detail, list) else detail
        kind = str(getattr(error, "code", "invalid"))
        if kind == UNKNOWN_FIELD:  # our own text, which lists the documented ones
            yield errors.Fault(UNKNOWN_FIELD, str(error), pointer or None)
        else:
            yield errors.Fault("invalid", EXPLAINED.get(kind, NO_SHAPE), pointer or None)


UNKNOWN_FIELD = "unknown_field"
NO_SHAPE = "Not of the documented shape."
MOST_FAULTS = 50  # that one answer lists


# Our own texts for serializer codes: DRF's messages echo the input.
EXPLAINED = {
    "required": "This field is needed.",
    "null": "This field cannot be null.",
    "blank": "This field cannot be empty.",
    "invalid_choice": "Not a code of the documented list.",
    "max_length": "Too long.",
    "min_length": "Too short.",
    "not_a_list": "A list is needed.",
    "not_a_dict": "An object is needed.",
    "empty": "It cannot be empty.",
    "datetime": "Enter a time with its time zone (RFC 3339).",
    "year": timestamps.DETAIL,
    "hidden": displayed_text.HIDDEN,
    "one_line": displayed_text.ONE_LINE,
}


def handle(error: Exception, allowed: Sequence[str]) -> Answer | None:
    """Answer a refusal with its problem; None for a bug. `allowed`: the address's methods."""
    refusal = translate(error)
    if refusal is None:
        return None
    status, body, headers = problem(refusal)
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = ", ".join(allowed)
    return Answer(body, status, headers=headers, media_type=MEDIA_TYPE)


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks, which is answered in JSON and in English; else a person at a page."""
    return request.path.startswith(("/v1", "/fhir", "/scim", "/oauth", "/health"))


def _json(status: int, body: dict[str, Any], headers: dict[str, str]) -> HttpResponse:
    return JsonResponse(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def refused_page(request: HttpRequest, refusal: errors.Refused) -> HttpResponse:
    """Answer a refusal, as JSON for partner systems and as a page for people."""
    status, body, headers = problem(refusal)
    if wants_json(request):
        return _json(status, body, headers)
    page = render(request, "refused.html", {"problem": body}, status=status)
    for name, value in headers.items():
        page[name] = value
    return page


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path == "/v1/directory/" and request.method in ("GET", "HEAD"):
        # HSDS calls the root of its API "/". What reads openapi/hsds.json appends it to the server.
        return redirect("/v1/directory", permanent=True)
    return refused_page(request, errors.NotVisible())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses: a form that is too large, a host name that is not ours."""
    return refused_page(request, translate(exception) or errors.BadRequest())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refused_page(request, errors.NotPermitted())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no handler caught: 503 if the database is unavailable, 500 for a bug.

    A bug is logged by its type and place only.
    """
    error = sys.exc_info()[1]
    refusal = translate(error) if error else None
    if refusal is None:
        log.error("bug", **failures.named(error), where=raised_at(error))
        refusal = ServerError()
    status, body, headers = problem(refusal)
    if wants_json(request):
        return _json(status, body, headers)
    # No context processors: they might need what has just failed.
    from django.template.loader import render_to_string

    page = render_to_string("failed.html", {"problem": body})
    return HttpResponse(page, status=status, headers=headers)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its CSRF token or with another's.

    It writes a log entry only within a session, so that strangers cannot fill the log.
    """
    refusal: errors.Refused = errors.NotPermitted(
        "csrf", "The form has expired. Load the page again, then repeat."
    )
    try:
        if secret := request.session.get(SESSION_KEY):
            access_log.log_refusal(
                credentials.resolve_credential(secret), "desk.open", refusal.code
            )
    except errors.Unavailable as failed:
        refusal = failed
    return refused_page(request, refusal)
