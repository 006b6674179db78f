"""Gives every request an id, its origin for the log, the safety headers, and one log line."""

import re
import time
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.urls import resolve
from django.utils import translation
from gunicorn.http.errors import ParseException

from api.http import problem_details, request_limits, request_metrics
from api.http.json_bodies import MAX_BODY, TooLarge
from permissions.audit.writer import Origin, address_prefix, origin
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, Refused, TooOften
from permissions.identity.credentials import last_resolved

log = structlog.get_logger()

# The methods that any address answers. Another is refused before anything looks at the request, and
# is not logged: a method is a word of the caller's choice.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# How much of a body that is too large is still read, in bytes, and for how many seconds.
TAKEN_IN, TAKEN_IN_S = 16 * 1024 * 1024, 10

# The ids of requests that callers may choose: random UUIDs (RFC 9562, version 4), in small letters.
# Ids of rows are of version 7, so that none of them is taken for a request's (TH9).
REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

# Where the desk's quick exit leads: a page that raises no questions.
QUICK_EXIT = "https://www.weather.gov/"

# The survivor's own pages: no entry of the log has the address of who asked there (ADR 0093).
NO_ADDRESS = "/slip"

# For an answer that is public and the same for everyone. No other answer may be cached.
CACHEABLE = "public, max-age=3600"
PUBLISHED = (
    "/v1/directory/profile",
    "/v1/directory/schema/",
    "/.well-known/",
    "/fhir/.well-known/",
)

# For the files that let a device install the desk: kept, and asked for again at each use. They are
# the same for everyone, and asking for them is no use of the desk: no session is looked for.
REVALIDATED = "no-cache"
INSTALLABLE = ("/manifest.webmanifest", "/service-worker.js")

# What a load balancer and Prometheus ask, who may know this server by its address only.
HEALTH = ("/healthz", "/health/live", "/health/ready")
METRICS = "/metrics"

# The one page that may be kept offline, its style and script (R16): for a week, and longer while
# the server cannot be reached. Not "immutable", so that a reload fetches the newest phone numbers.
OFFLINE_PATH = "/safety"
OFFLINE = (OFFLINE_PATH, "/static/desk/safety.css", "/static/desk/leave.js")
# What is answered however much a caller asks: it is the same for everyone, and says whom to call.
UNLIMITED = (*HEALTH, METRICS, *INSTALLABLE, *OFFLINE)
KEPT_OFFLINE = "public, max-age=604800, stale-if-error=2592000"

# Scripts are only those served from here. A page has the one that leaves by a key, which may not
# use the network; the API page, the inbox and a referral's page have one that may ask this server.
# Browsers apply form-action to the redirect of a form too, so it lists the quick exit's target.
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " manifest-src 'self';"
    f" form-action 'self' {QUICK_EXIT}; base-uri 'none'; frame-ancestors 'none'"
)
CSP_PAGE = CSP + "; script-src 'self'"
CSP_SCRIPT = CSP_PAGE + "; connect-src 'self'; worker-src 'self'"
CSP_WORKER = "default-src 'none'; connect-src 'self'"
CSP_DOCS = CSP_SCRIPT + "; style-src-attr 'unsafe-inline'"


def caller_address(request: HttpRequest) -> str:
    """Return the caller's address; behind our own proxies, the one that the outermost of them saw.

    Entries further left in the header are the caller's own claim and are not read.
    """
    claimed: str | None = request.META.get("HTTP_X_FORWARDED_FOR")
    seen = claimed.split(",") if claimed is not None else []  # none: no proxy has seen it
    if 0 < settings.PROXIES <= len(seen):
        return seen[-settings.PROXIES].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def request_id_of(request: HttpRequest) -> UUID:
    """Return the id that a partner system chose, if it is a REQUEST_ID; else one of ours. It goes
    into logs and the access entry, so that nothing else of the caller's is taken for it."""
    chosen = request.META.get("HTTP_X_REQUEST_ID", "")
    if problem_details.wants_json(request) and REQUEST_ID.fullmatch(chosen):
        return UUID(chosen)
    return uuid7()


class RequestMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        request.META["REMOTE_ADDR"] = caller_address(request)  # sign-in counts attempts by it
        address = None if request.path.startswith(NO_ADDRESS) else request.META["REMOTE_ADDR"]
        here = Origin(request_id_of(request), address_prefix(address))
        token = origin.set(here)
        # Every line that is written until the answer has the id.
        structlog.contextvars.bind_contextvars(request_id=str(here.request_id))
        known = request.method in METHODS
        resolved = last_resolved.set(None)
        try:
            response = self._answer(request) if known else _unknown_method(request)
        finally:
            last_resolved.reset(resolved)
            origin.reset(token)
            structlog.contextvars.unbind_contextvars("request_id")
        response["X-Request-Id"] = str(here.request_id)
        response.setdefault("Content-Security-Policy", _policy_of(request, response))
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        cacheable = response.get("Cache-Control") in (CACHEABLE, REVALIDATED)
        storable = cacheable or request.path.startswith("/static/")
        if response.cookies:  # a session: no cache may hold the answer
            response["Cache-Control"] = "no-store"
        elif request.path in OFFLINE and response.status_code == 200:
            response["Cache-Control"] = KEPT_OFFLINE
        elif not storable:
            response["Cache-Control"] = "no-store"
        match = request.resolver_match
        route = match.route if match else "none"  # the pattern: no id, no query string
        method = str(request.method) if known else "other"
        took_s = time.monotonic() - began
        request_metrics.count_request(route, method, response.status_code, took_s)
        log.info(
            "request",
            method=method,
            route=route,
            status=response.status_code,
            duration_ms=round(took_s * 1000, 1),
            request_id=str(here.request_id),
        )
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path in UNLIMITED or request.path.startswith("/static/"):
            return self.get_response(request)
        turn = request_limits.turn_of(request)
        try:
            turn.take()
        except TooOften as refusal:
            response = problem_details.refused_page(request, refusal)
        else:
            response = self.get_response(request)
            request_limits.learn(request, last_resolved.get(), response.status_code)
        if problem_details.wants_json(request) and response.get("Cache-Control") != CACHEABLE:
            turn.announce(response)
        return response


def _policy_of(request: HttpRequest, response: HttpResponse) -> str:
    if request.path.startswith("/docs"):
        return CSP_DOCS
    return CSP_PAGE if response.get("Content-Type", "").startswith("text/html") else CSP


def _unknown_method(request: HttpRequest) -> HttpResponse:
    """Return the same refusal at every address, of an existing one or not."""
    answer = problem_details.refused_page(request, problem_details.MethodNotAllowed())
    answer["Allow"] = ", ".join(METHODS)
    return answer


class BodyMiddleware:
    """Refuses a body that is too large, for every path, and gives a chunked body its length.

    Readers further down, our own and Django's forms, take a body without a length for none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            if "HTTP_TRANSFER_ENCODING" in request.META:
                body = _in_chunks(request)
                request.META["CONTENT_LENGTH"] = str(len(body))
                request._stream = BytesIO(body)
            elif request._stream.limit > MAX_BODY:  # type: ignore[attr-defined]
                _drain(request._stream)  # `limit` is the Content-Length that was sent
                raise TooLarge
        except Refused as refusal:
            return problem_details.refused_page(request, refusal)
        return self.get_response(request)


def _in_chunks(request: HttpRequest) -> bytes:
    """Read the whole body. Raises BadRequest, LengthRequired, TooLarge."""
    if not request.META.get("wsgi.input_terminated"):  # this server would not mark its end
        raise problem_details.LengthRequired
    sent = request.META["wsgi.input"]
    try:
        body: bytes = sent.read(MAX_BODY + 1)
    except (OSError, ParseException):
        raise BadRequest("invalid", "The body did not arrive completely. Send it again.") from None
    if len(body) > MAX_BODY:
        _drain(sent)
        raise TooLarge
    return body


def _drain(sent: Any) -> None:
    """Read and drop the rest of a refused body, up to TAKEN_IN bytes and TAKEN_IN_S seconds.

    A sender who is still sending does not read yet. An answer before the end would reach them as
    a broken connection.
    """
    until = time.monotonic() + TAKEN_IN_S
    left = TAKEN_IN
    try:
        while left > 0 and time.monotonic() < until and (piece := sent.read(64 * 1024)):
            left -= len(piece)
    except (OSError, ParseException):
        return  # it broke off: answer with the refusal all the same


class TokenMiddleware:
    """Passes a partner system's request straight to its endpoint.

    The middleware below is for browsers (cookies, sessions, CSRF, sign-in) and does nothing for a
    caller with a token; it took as long as the endpoint itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        program = path.startswith(("/v1/", "/fhir", "/scim/"))
        if not (program and request.META.get("HTTP_AUTHORIZATION")):
            return self.get_response(request)
        return _answer_directly(request)


class LanguageMiddleware(LocaleMiddleware):
    """Chooses the language of a page: the visitor's cookie, else what the browser asks for.

    The API stays English. The language is set for this request only, whatever thread answers the
    next one.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if problem_details.wants_json(request):
            return self.get_response(request)
        with translation.override(settings.LANGUAGE_CODE):
            return super().__call__(request)


class SharedCacheMiddleware:
    """Answers what a cache may keep before anything looks for a session, and the health checks.

    The answer is the same for everyone, signed in or not. No cookie is read or set, so that a
    shared cache may hold it. The offline page does not use the database either: it is available
    when the rest is not. /health/live does not, and /health/ready says itself what fails.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path == METRICS:
            try:
                return _answer_directly(request)
            except Http404:  # not for this caller: as at any unknown address
                return self.get_response(request)
        same_for_all = (OFFLINE_PATH, *INSTALLABLE, *HEALTH)
        if path not in same_for_all and not path.startswith(PUBLISHED):
            return self.get_response(request)
        # Empty: an endpoint looks in it for the caller.
        request.session = {}  # type: ignore[assignment]
        return _answer_directly(request)


def _answer_directly(request: HttpRequest) -> HttpResponse:
    """Return the endpoint's answer, bypassing the middleware below."""
    match = request.resolver_match = resolve(request.path_info)
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    if not (response.streaming or response.has_header("Content-Length")):
        response["Content-Length"] = str(len(response.content))
    return response
