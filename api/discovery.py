"""What a program can find out about this server by itself, at the addresses of RFC 8615.

Nothing here is more than the server does: the algorithms are those that the token endpoint takes,
and there is no authorization endpoint and no sign-in for people in it (ADR 0112).
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from api.accounts import smart_scopes
from api.accounts.oauth import ALGORITHMS, SCOPES
from api.http.json_bodies import Answer
from api.http.middleware import CACHEABLE

LANGUAGES = "en, es"


def _base() -> str:
    return settings.BASE_URL.rstrip("/")


def _token_endpoint() -> dict[str, Any]:
    """Return what both documents say of the token endpoint."""
    return {
        "issuer": _base(),
        "token_endpoint": settings.TOKEN_URL,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": list(SCOPES),
    }


def _published(make: Callable[[], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        answer = make()
        answer["Cache-Control"] = CACHEABLE
        return answer

    return view


def _authorization_server() -> HttpResponse:
    """RFC 8414. `response_types_supported` is empty: no one signs in through it."""
    return Answer(_token_endpoint() | {"service_documentation": f"{_base()}/docs"})


def _smart_configuration() -> HttpResponse:
    """SMART App Launch 2.2, what Backend Services needs to get a token for /v1. Scopes are Cairn's
    own; PKCE belongs to an authorization endpoint."""
    smart = {
        "capabilities": ["client-confidential-asymmetric"],
        "code_challenge_methods_supported": [],
    }
    return Answer(_token_endpoint() | smart)


def _fhir_configuration() -> HttpResponse:
    """The same for /fhir, whose scopes are SMART's own (v2)."""
    smart = {
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        "code_challenge_methods_supported": [],
        "scopes_supported": list(smart_scopes.SCOPES),
    }
    return Answer(_token_endpoint() | smart)


def _security_txt() -> HttpResponse:
    """RFC 9116: where to report a weakness. 404 where the operator has named no one."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    lines = (
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {settings.SECURITY_EXPIRES:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {LANGUAGES}",
        f"Canonical: {_base()}/.well-known/security.txt",
    )
    return HttpResponse(
        "".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8"
    )


authorization_server = _published(_authorization_server)
smart_configuration = _published(_smart_configuration)
fhir_configuration = _published(_fhir_configuration)
security_txt = _published(_security_txt)
