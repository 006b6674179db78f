"""Gives every request an id, its origin for the log, the safety headers, and one log line."""

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from gunicorn.http.errors import ParseException

from api.http import problem_details
from api.http.json_bodies import MAX_BODY, TooLarge
from permissions.audit.writer import Origin, address_prefix, origin
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, Refused

log = structlog.get_logger()

# How much of a body that is too large is still read, in bytes, and for how many seconds.
TAKEN_IN, TAKEN_IN_S = 16 * 1024 * 1024, 10

# Where the desk's quick exit leads: a page that raises no questions.
QUICK_EXIT = "https://www.weather.gov/"

# For an answer that is public and the same for everyone. No other answer may be cached.
CACHEABLE = "public, max-age=3600"
PUBLISHED = ("/v1/directory/profile", "/v1/directory/schema/")  # paths with such answers

# The one page that may be kept offline, and its style (R16): for a week, and longer while the
# server cannot be reached. Not "immutable", so that a reload fetches the newest phone numbers.
OFFLINE_PATH = "/safety"
OFFLINE = (OFFLINE_PATH, "/static/desk/safety.css")
KEPT_OFFLINE = "public, max-age=604800, stale-if-error=2592000"

# Only the API page needs a script, and it is served from here. Browsers apply form-action to the
# redirect of a form too, so it lists the quick exit's target.
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    f" form-action 'self' {QUICK_EXIT}; base-uri 'none'; frame-ancestors 'none'"
)
CSP_DOCS = CSP + "; script-src 'self'; connect-src 'self'; style-src-attr 'unsafe-inline'"


def caller_address(request: HttpRequest) -> str:
    """Return the caller's address; behind our own proxies, the one that the outermost of them saw.

    Entries further left in the header are the caller's own claim and are not read.
    """
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if 0 < settings.PROXIES <= len(seen):
        return seen[-settings.PROXIES].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


class RequestMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        request.META["REMOTE_ADDR"] = caller_address(request)  # sign-in counts attempts by it
        here = Origin(uuid7(), address_prefix(request.META["REMOTE_ADDR"]))
        token = origin.set(here)
        try:
            response = self.get_response(request)
        finally:
            origin.reset(token)
        response["X-Request-Id"] = str(here.request_id)
        docs = request.path.startswith("/docs")
        response.setdefault("Content-Security-Policy", CSP_DOCS if docs else CSP)
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        kept = response.get("Cache-Control") == CACHEABLE or request.path.startswith("/static/")
        if response.cookies:  # a session: no cache may hold the answer
            response["Cache-Control"] = "no-store"
        elif request.path in OFFLINE and response.status_code == 200:
            response["Cache-Control"] = KEPT_OFFLINE
        elif not kept:
            response["Cache-Control"] = "no-store"
        match = request.resolver_match
        log.info(
            "request",
            method=request.method,
            route=match.route if match else "none",  # the pattern: no id, no query string
            status=response.status_code,
            duration_ms=round((time.monotonic() - began) * 1000, 1),
            request_id=str(here.request_id),
        )
        return response


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
            elif request._stream.limit > MAX_BODY:  # the Content-Length that was sent
                _drain(request._stream)
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
        raise BadRequest("invalid", "The body did not arrive whole.") from None
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
        if not (path.startswith("/v1/") and request.META.get("HTTP_AUTHORIZATION")):
            return self.get_response(request)
        return _answer_directly(request)


class SharedCacheMiddleware:
    """Answers what a cache may keep before anything looks for a session.

    The answer is the same for everyone, signed in or not. No cookie is read or set, so that a
    shared cache may hold it. The offline page does not use the database either: it is available
    when the rest is not.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path != OFFLINE_PATH and not path.startswith(PUBLISHED):
            return self.get_response(request)
        request.session = {}  # empty: an endpoint looks in it for the caller
        return _answer_directly(request)


def _answer_directly(request: HttpRequest) -> HttpResponse:
    """Return the endpoint's answer, bypassing the middleware below."""
    match = request.resolver_match = resolve(request.path_info)
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    if not (response.streaming or response.has_header("Content-Length")):
        response["Content-Length"] = str(len(response.content))
    return response
