"""`/Users`: an agency's people, as its identity provider sees, invites, limits and ends them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, QueryDict

from api.scim import requests
from api.scim.endpoint import ScimAnswer, ScimEndpoint
from api.scim.filters import Match, filter_of
from permissions.errors import BadRequest, NotVisible
from permissions.scim import scim_users
from permissions.scim.scim_users import User

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
USUAL_PAGE, MOST_ON_PAGE = 100, 200
MOST_DIGITS = 9
ALWAYS = ("id", "schemas")


class Users(ScimEndpoint):
    def get(self, request: HttpRequest) -> ScimAnswer:
        match = filter_of(request.GET.get("filter"))
        first = max(1, _number(request.GET, "startIndex", 1))
        most = min(max(0, _number(request.GET, "count", USUAL_PAGE)), MOST_ON_PAGE)
        found = [one for one in scim_users.users(self.system) if _fits(one, match)]
        page = found[first - 1 : first - 1 + most]
        return ScimAnswer(
            {
                "schemas": [LIST],
                "totalResults": len(found),
                "startIndex": first,
                "itemsPerPage": len(page),
                "Resources": [_asked(request.GET, resource(one)) for one in page],
            }
        )

    def post(self, request: HttpRequest) -> ScimAnswer:
        new = requests.new_user(self.body())
        made = scim_users.invite(self.system, new.names, new.name, new.to, new.roles)
        shown = resource(made)
        return ScimAnswer(
            _asked(request.GET, shown), 201, headers={"Location": shown["meta"]["location"]}
        )


class OneUser(ScimEndpoint):
    def get(self, request: HttpRequest, user_id: str) -> ScimAnswer:
        found = scim_users.user(self.system, _id(user_id))
        return ScimAnswer(_asked(request.GET, resource(found)))

    def put(self, request: HttpRequest, user_id: str) -> ScimAnswer:
        return self._change(requests.replacement(self.body()), user_id)

    def patch(self, request: HttpRequest, user_id: str) -> ScimAnswer:
        return self._change(requests.patch(self.body()), user_id)

    def delete(self, request: HttpRequest, user_id: str) -> ScimAnswer:
        scim_users.remove(self.system, _id(user_id))
        return ScimAnswer(None, 204)

    def _change(self, wanted_of: requests.WantedOf, user_id: str) -> ScimAnswer:
        found = scim_users.change(self.system, _id(user_id), wanted_of)
        return ScimAnswer(_asked(self.request.GET, resource(found)))


def resource(user: User) -> dict[str, Any]:
    """Return the user as SCIM shows them. Nothing that they sign in with is in it, and no address:
    Cairn keeps none of who was invited."""
    base = f"{settings.BASE_URL.rstrip('/')}/scim/v2/Users"
    shown: dict[str, Any] = {
        "schemas": [USER],
        "id": str(user.id),
        "userName": user.names.user_name,
        "displayName": user.name,
        "name": {"formatted": user.name},
        "active": user.active,
        "roles": [{"value": role} for role in user.roles],
        "meta": {"resourceType": "User", "location": f"{base}/{user.id}"},
    }
    if user.names.external_id:
        shown["externalId"] = user.names.external_id
    return shown


def _asked(query: QueryDict, shown: dict[str, Any]) -> Mapping[str, Any]:
    """Leave out what `attributes` or `excludedAttributes` leaves out (RFC 7644 section 3.9), by
    whole attributes."""
    wanted, unwanted = _named(query, "attributes"), _named(query, "excludedAttributes")
    return {
        name: value
        for name, value in shown.items()
        if name in ALWAYS
        or ((not wanted or name.lower() in wanted) and name.lower() not in unwanted)
    }


def _named(query: QueryDict, parameter: str) -> set[str]:
    names = query.get(parameter, "").split(",")
    return {
        one.strip().removeprefix(f"{USER}:").split(".")[0].lower() for one in names if one.strip()
    }


def _fits(user: User, match: Match | None) -> bool:
    match match:
        case None:
            return True
        case ("username", value):
            return user.names.user_name.casefold() == value.casefold()
        case ("externalid", value):
            return bool(value) and user.names.external_id == value
        case (_, value):
            return str(user.id) == value.lower()


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotVisible from None


def _number(query: QueryDict, name: str, usual: int) -> int:
    text = query.get(name)
    if text is None:
        return usual
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        raise BadRequest("scim_value", f"{name} is a whole number.")
    return int(text)
