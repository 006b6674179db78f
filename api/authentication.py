"""From an access token or a signed-in session to the frozen Principal. No rule of its own."""

import re
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from permissions import credentials, log
from permissions.errors import BadRequest, NotAuthenticated, NotPermitted
from permissions.principal import Principal

if TYPE_CHECKING:
    from api.views import Endpoint

_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/=-]{20,200})", re.IGNORECASE)  # RFC 6750
SESSION_KEY = "credential"


class Authentication(BaseAuthentication):
    """`Authorization: Bearer …` of a client, or the session of a person who signed in.

    A client names the acting member of staff in the header `Acting-Member` (R15).
    """

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if header:
            match = _BEARER.fullmatch(header)
            principal = _resolve(match[1], acting_member(request)) if match else None
        elif secret := request._request.session.get(SESSION_KEY):
            principal = credentials.resolve(secret)
            if principal is not None:
                SessionAuthentication().enforce_csrf(request)
        else:
            return None
        if principal is None:
            refuse_unknown()
        return principal, principal

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def acting_member(request: Request) -> str:
    """The header's value as a canonical UUID, or ''. Raises BadRequest."""
    text = request.META.get("HTTP_ACTING_MEMBER", "")
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise BadRequest("acting_member", "Acting-Member is a member's id.") from None


def _resolve(secret: str, acting: str) -> Principal | None:
    principal = credentials.resolve(secret, acting)
    if principal is None and acting and (client := credentials.resolve(secret)):
        # The token is good, the staff is not: not a member of this agency, or no longer.
        log.deny(client, "api.authenticate", "acting_member_unknown")
        raise NotPermitted("acting_member_unknown", "Acting-Member is no member of your agency.")
    return principal


def refuse_unknown() -> NoReturn:
    """Log and refuse a credential that nobody holds, or no longer."""
    log.deny(None, "api.authenticate", NotAuthenticated.code)
    raise NotAuthenticated


class PrincipalOrPublic(BasePermission):
    """Is there a Principal at all? All that is finer is decided in the domain."""

    def has_permission(self, request: Request, view: "Endpoint") -> bool:  # type: ignore[override]
        if request.auth is None and not view.public:
            refuse_unknown()
        return True
