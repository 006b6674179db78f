"""Turns an access token or a signed-in session into a frozen Principal. It has no rules itself."""

import re
from typing import NoReturn
from uuid import UUID

from django.http import HttpRequest, QueryDict
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied

from permissions.audit import writer
from permissions.database.db_identity import BY_STAFF_REF
from permissions.errors import BadRequest, NotAuthenticated, NotPermitted
from permissions.identity import credentials
from permissions.identity.ip_allowlist import is_allowed
from permissions.principal import Principal
from permissions.staff import staff_refs

ELSEWHERE = "address_not_allowed"
FROM_ELSEWHERE = (
    "This client's IP address is not on its agency's allow-list. Ask the network operator to add"
    " it."
)
_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/=-]{20,200})", re.IGNORECASE)  # RFC 6750
SESSION_KEY = "credential"


def caller_of(request: HttpRequest) -> Principal | None:
    """Return the caller: a client by `Authorization: Bearer …`, or a person by their session.

    None: the request has neither. A client names the acting member of staff in the header
    `Acting-Member`, by id or staff number (R15).

    Raises NotAuthenticated, BadRequest, NotPermitted, and DRF's PermissionDenied for a session
    without its CSRF token.
    """
    if request.META.get("HTTP_AUTHORIZATION"):
        token = bearer_of(request)
        principal = _resolve(request, token) if token else None
    elif secret := request.session.get(SESSION_KEY):
        principal = credentials.resolve_credential(secret)
        if principal is not None:
            request.POST = QueryDict()  # the CSRF token is in a header: no form is read here
            _refuse_forged(request, principal)
            _refuse_practice(principal)
    else:
        return None
    if principal is None:
        refuse_unknown_credential()
    return principal


def bearer_of(request: HttpRequest) -> str | None:
    """Return the token of `Authorization: Bearer …`, or None."""
    match = _BEARER.fullmatch(request.META.get("HTTP_AUTHORIZATION", ""))
    return match[1] if match else None


def acting_member(request: HttpRequest) -> str:
    """Return the header `Acting-Member`: '' without it, a canonical UUID, or `staff_ref:` and a
    staff number (permissions/staff/staff_refs.py). Raises BadRequest."""
    text = request.META.get("HTTP_ACTING_MEMBER", "")
    if text.startswith(BY_STAFF_REF) and staff_refs.is_one(text.removeprefix(BY_STAFF_REF)):
        return str(text)
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise BadRequest(
            "acting_member",
            "Acting-Member must be the id of a member, or staff_ref: and their staff number.",
        ) from None


def _resolve(request: HttpRequest, secret: str) -> Principal | None:
    acting = acting_member(request)
    principal = credentials.resolve_credential(secret, acting)
    if principal is not None:
        _refuse_address(request, principal)
    elif acting and (client := credentials.resolve_credential(secret)):
        _refuse_address(request, client)
        # The token is valid, but the named person is not, or is no longer, a member of this agency.
        writer.log_refusal(client, "api.authenticate", "acting_member_unknown")
        raise NotPermitted("acting_member_unknown", "Acting-Member is not a member of your agency.")
    return principal


def _refuse_address(request: HttpRequest, client: Principal) -> None:
    """Refuse a token from outside its system's networks: it was stolen (TH2). Logs the refusal."""
    if not is_allowed(request.META["REMOTE_ADDR"], client.networks, client.agency_id):
        writer.log_refusal(client, "api.authenticate", ELSEWHERE)
        raise NotPermitted(ELSEWHERE, FROM_ELSEWHERE)


def _refuse_practice(principal: Principal) -> None:
    """Refuse a session that is in an exercise: practice has the desk's pages and nothing else."""
    if principal.practices:
        writer.log_refusal(principal, "api.authenticate", "practice_at_the_desk")
        raise NotPermitted("practice_at_the_desk", "You are in an exercise. Leave it first.")


def _refuse_forged(request: HttpRequest, principal: Principal) -> None:
    try:
        SessionAuthentication().enforce_csrf(request)  # type: ignore[arg-type]
    except PermissionDenied:
        writer.log_refusal(principal, "api.authenticate", "csrf")
        raise


def refuse_unknown_credential() -> NoReturn:
    """Log and refuse a credential that is unknown or no longer valid. Raises NotAuthenticated."""
    writer.log_refusal(None, "api.authenticate", NotAuthenticated.code)
    raise NotAuthenticated
