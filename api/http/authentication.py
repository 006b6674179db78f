"""From an access token or a signed-in session to the frozen Principal. No rule of its own."""

import re
from typing import NoReturn
from uuid import UUID

from django.http import HttpRequest, QueryDict
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied

from permissions.audit import writer
from permissions.database.prepared_statements import RoundTripQuery
from permissions.errors import BadRequest, NotAuthenticated, NotPermitted
from permissions.identity import credentials
from permissions.identity.ip_allowlist import is_allowed
from permissions.principal import Principal

ELSEWHERE = "address_not_allowed"
FROM_ELSEWHERE = (
    "This partner system may come from the networks alone that its agency named, and this is none"
    " of them. Whoever runs the network's server adds one."
)
_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/=-]{20,200})", re.IGNORECASE)  # RFC 6750
SESSION_KEY = "credential"


def caller_of(request: HttpRequest, along: RoundTripQuery | None = None) -> Principal | None:
    """Whoever brings `Authorization: Bearer …` of a client, or the session of a person who signed
    in; None: nobody. A client names the acting member of staff in the header `Acting-Member` (R15).
    `along`: what is asked with it.

    Raises NotAuthenticated, BadRequest, NotPermitted, and for a session without the token against
    forgery DRF's PermissionDenied.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if header:
        match = _BEARER.fullmatch(header)
        principal = _resolve(request, match[1], along) if match else None
    elif secret := request.session.get(SESSION_KEY):
        principal = credentials.resolve_credential(secret, along=along)
        if principal is not None:
            request.POST = QueryDict()  # the token comes in its header: no form is read here
            _refuse_forged(request, principal)
    else:
        return None
    if principal is None:
        refuse_unknown_credential()
    return principal


def acting_member(request: HttpRequest) -> str:
    """The header's value as a canonical UUID, or ''. Raises BadRequest."""
    text = request.META.get("HTTP_ACTING_MEMBER", "")
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise BadRequest("acting_member", "Acting-Member is a member's id.") from None


def _resolve(request: HttpRequest, secret: str, along: RoundTripQuery | None) -> Principal | None:
    acting = acting_member(request)
    principal = credentials.resolve_credential(secret, acting, along)
    if principal is not None:
        _refuse_address(request, principal)
    elif acting and (client := credentials.resolve_credential(secret)):
        _refuse_address(request, client)
        # The token is good, the staff is not: not a member of this agency, or no longer.
        writer.log_refusal(client, "api.authenticate", "acting_member_unknown")
        raise NotPermitted("acting_member_unknown", "Acting-Member is no member of your agency.")
    return principal


def _refuse_address(request: HttpRequest, client: Principal) -> None:
    """A token that came from where its system never is was stolen (TH2). In the agency's log."""
    if not is_allowed(request.META["REMOTE_ADDR"], client.networks, client.agency_id):
        writer.log_refusal(client, "api.authenticate", ELSEWHERE)
        raise NotPermitted(ELSEWHERE, FROM_ELSEWHERE)


def _refuse_forged(request: HttpRequest, principal: Principal) -> None:
    try:
        SessionAuthentication().enforce_csrf(request)  # type: ignore[arg-type]
    except PermissionDenied:
        writer.log_refusal(principal, "api.authenticate", "csrf")
        raise


def refuse_unknown_credential() -> NoReturn:
    """Log and refuse a credential that nobody holds, or no longer."""
    writer.log_refusal(None, "api.authenticate", NotAuthenticated.code)
    raise NotAuthenticated
