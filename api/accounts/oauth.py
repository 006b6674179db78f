"""The token endpoint: OAuth 2.0 client credentials, `private_key_jwt` (RFC 6749, RFC 7523).

django-oauth-toolkit handles the protocol. The token itself is a row of our `credential` table,
which row-level security reads, so that a token begins and ends in one place.
"""

import json
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View
from jwcrypto import jwk, jwt
from jwcrypto.common import JWException
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.oauth2.rfc6749.errors import InvalidClientError

from api.accounts import smart_scopes
from api.http import problem_details
from api.http.authentication import ELSEWHERE, FROM_ELSEWHERE
from permissions.identity import client_keys, credentials, row_macs
from permissions.identity.ip_allowlist import is_allowed
from permissions.models import Client, ClientAssertion
from permissions.principal import are_compatible

SCOPES = {
    "directory:read": "Read confidential services of the network, as well as the public directory.",
    "directory:write": "Change the agency's own directory entries.",
    "referrals:write": "Make referrals and act on them; each act names the acting member.",
    "referrals:read": "Read the agency's referrals, their notices and their history.",
    "packets:read": "Open packets and notes, as the agency's system of record, with a purpose.",
    "events:read": "Read the agency's feed of events.",
    "reports:read": "Read the agency's own figures of months that are over; they hold no person.",
    "webhooks:write": "Say where the agency's events are sent to, and watch them arrive.",
    "audit:read": "Read the access log of the agency's own people and clients; excludes every other"
    " scope but webhooks:write, of a witness.",
}
JSON = "application/json"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = list(client_keys.ALGORITHMS)
MAX_ASSERTION_S = 5 * 60
LATE_S = 5  # for how long after its `exp` an assertion is still taken: clocks differ
# What the library finds wrong with the claims of an assertion whose signature is good.
CLAIMS = (
    *(jwt.JWTExpired, jwt.JWTNotYetValid, jwt.JWTMissingClaim),
    *(jwt.JWTInvalidClaimFormat, jwt.JWTInvalidClaimValue),
)
# The errors that a malformed assertion can cause in its parsers.
UNREADABLE = (JWException, ValueError, KeyError, TypeError, OverflowError, RecursionError)


class Scopes(BaseScopes):
    """A client may ask for scopes that it holds, and gets all of them if it asks for none."""

    def get_all_scopes(self) -> dict[str, str]:
        return SCOPES

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return list(application.scopes) if application else []

    def get_default_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return self.get_available_scopes(application)


class Validator(OAuth2Validator):
    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Set `request.client` if the assertion is the client's own, fresh and unused.

        Raises InvalidClientError if the address is not on the client's allow-list. Every refusal
        is logged.
        """
        # oauthlib's request raises for a parameter that was not sent.
        assertion: Any = getattr(request, "client_assertion", None)
        kind = getattr(request, "client_assertion_type", None)
        client = _client_of(assertion) if assertion and kind == ASSERTION_TYPE else None
        if client is None or (request.client_id and request.client_id != client.client_id):
            credentials.log_sign_in("token.issue", refused="unknown_client")
            return False
        row_macs.require_bound(client)
        try:
            key = _proven_key(client, assertion)
        except Refuted as refuted:
            # The caller does not learn which: it is for the client's own agency to read.
            credentials.log_sign_in(
                "token.issue",
                agency_id=client.agency_id,
                client_id=client.id,
                refused=refuted.code,
            )
            return False
        if not is_allowed(request.headers["REMOTE_ADDR"], client.networks, client.agency_id):
            credentials.log_sign_in(
                "token.issue", agency_id=client.agency_id, client_id=client.id, refused=ELSEWHERE
            )
            raise InvalidClientError(FROM_ELSEWHERE)
        request.client = client
        request.client_id = client.client_id
        request.client_key = client_keys.key_code(key)
        return True

    def authenticate_client_id(self, *args: Any, **kwargs: Any) -> bool:
        return False

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return grant_type == "client_credentials"

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, *a: Any, **k: Any
    ) -> bool:
        own = smart_scopes.own_scopes(scopes) if settings.FHIR else scopes
        if set(own) <= set(client.scopes) and are_compatible(own):
            request.own_scopes = own
            return True
        credentials.log_sign_in(
            "token.issue",
            agency_id=client.agency_id,
            client_id=client.id,
            refused="scope_missing",
        )
        return False

    def save_bearer_token(self, token: dict[str, Any], request: Any, *a: Any, **k: Any) -> None:
        client: Client = request.client
        with transaction.atomic(using="signin"):
            credentials.open_for_client(client, token["access_token"], request.own_scopes)
            credentials.log_sign_in(
                "token.issue",
                agency_id=client.agency_id,
                client_id=client.id,
                fields=[request.client_key],
            )


def _client_of(assertion: str) -> Client | None:
    """Return the client that an assertion names, before its signature is checked."""
    try:
        token = jwt.JWT()
        token.deserialize(assertion)
        claims = json.loads(token.token.objects["payload"])
        name = claims["sub"]
    except UNREADABLE:
        return None
    if not isinstance(name, str) or not name.isprintable():
        return None
    found = Client.objects.filter(client_id=name, active=True, agency__active=True)
    client: Client | None = found.first()
    return client


class Refuted(Exception):
    """The assertion proves nothing. `code` says why, for the log and for the client's own agency at
    its page of partner systems; nothing of the assertion is kept."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def _proven_key(client: Client, assertion: str) -> str:
    """Return the thumbprint of the client's key that signed the assertion, which is for this
    endpoint, fresh and unused (RFC 7523 section 3). Raises Refuted.

    A good assertion is recorded, so a second check of it is refuted.
    """
    try:
        token = jwt.JWT(
            algs=ALGORITHMS,
            check_claims={
                "iss": client.client_id,
                "sub": client.client_id,
                "aud": settings.TOKEN_URL,
                "exp": None,
                "jti": None,
            },
        )
        token.leeway = LATE_S  # the library's own is a minute
        token.deserialize(assertion)
        key = _signer(client, token)
        claims = json.loads(token.claims)
        expires, jti = int(claims["exp"]), str(claims["jti"])
        begins = int(claims.get("nbf", 0))
    except UNREADABLE:
        raise Refuted("assertion_claims") from None
    now_s = time.time()
    if claims["aud"] != settings.TOKEN_URL:  # a list: the library looks whether we are in it
        raise Refuted("assertion_audience")  # (ADR 0066)
    if expires > now_s + MAX_ASSERTION_S + 60:
        raise Refuted("assertion_too_long")
    if begins > now_s + 60:
        raise Refuted("assertion_not_yet")
    if not 8 <= len(jti) <= 200 or not jti.isprintable():
        raise Refuted("assertion_jti")
    _use_up(client, jti, expires - now_s)
    return key


def _use_up(client: Client, jti: str, left_s: float) -> None:
    """Record that the assertion was used. Raises Refuted if it was before."""
    now = timezone.now()
    ClientAssertion.objects.filter(client=client, expires_at__lt=now - _SKEW).delete()
    try:
        with transaction.atomic(using="signin"):
            ClientAssertion.objects.create(
                client=client,
                jti=jti,
                expires_at=now + timedelta(seconds=left_s),
            )
    except IntegrityError:
        raise Refuted("assertion_replayed") from None


def _signer(client: Client, token: jwt.JWT) -> str:
    """The thumbprint of the key that validates the token. Keys of the `kid` that the token names
    are tried, and those without one. Raises Refuted, or one of UNREADABLE."""
    header = token.token.jose_header
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS:
        raise Refuted("assertion_algorithm")
    kid = header.get("kid")
    for one in client.public_keys["keys"]:
        if kid is not None and one.get("kid", kid) != kid:
            continue
        key = jwk.JWK(**one)
        try:
            token.validate(key)
        except CLAIMS as error:  # the signature was looked at first, and is good
            raise Refuted(_claim_at_fault(token, error)) from None
        except UNREADABLE:
            if "Success" in token.deserializelog:  # of the signature
                raise Refuted("assertion_claims") from None
            continue
        return str(key.thumbprint())
    raise Refuted("assertion_key")


def _claim_at_fault(token: jwt.JWT, error: Exception) -> str:
    """Return the code for what the library found wrong with the claims."""
    if isinstance(error, jwt.JWTExpired):
        return "assertion_expired"
    if isinstance(error, jwt.JWTInvalidClaimValue):
        claims = json.loads(token.claims)
        named = {claims.get("iss"), claims.get("sub")}
        return "assertion_audience" if len(named) == 1 else "assertion_issuer"
    return "assertion_claims"


_SKEW = timedelta(minutes=10)  # longer than an expired assertion is still accepted


def _is_ambiguous(request: HttpRequest) -> bool:
    """Whether two readers might read two requests in it: a parameter is repeated (RFC 6749 section
    3.2), or its text is said not to be UTF-8."""
    charset = (request.content_params or {}).get("charset", "utf-8")
    return charset.lower() != "utf-8" or any(len(given) > 1 for _, given in request.POST.lists())


@method_decorator(csrf_exempt, name="dispatch")
class Token(OAuthLibMixin, View):
    """POST /oauth/token: a five-minute access token, or an error (RFC 6749 section 5.2)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        if _is_ambiguous(request):
            return JsonResponse({"error": "invalid_request"}, status=400)
        if request.POST.get("grant_type") not in (None, "client_credentials"):
            return JsonResponse({"error": "unsupported_grant_type"}, status=400)
        if request.POST.get("client_assertion_type") not in (None, ASSERTION_TYPE):
            # A way of authentication that is not supported: 400, as SMART's conformance tests ask.
            credentials.log_sign_in("token.issue", refused="unknown_client")
            return JsonResponse({"error": "invalid_client"}, status=400)
        _url, headers, body, status = self.create_token_response(request)
        # The library sets no media type when it refuses a URL with a query.
        return HttpResponse(body, status=status, headers={"Content-Type": JSON} | headers)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        refused = problem_details.refused_page(request, problem_details.MethodNotAllowed())
        refused["Allow"] = ", ".join(self._allowed_methods())
        return refused
