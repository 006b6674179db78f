"""What a provider asks first: what this server can do, and what a user looks like (RFC 7644 section
4, RFC 7643 sections 5 to 7)."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from api.scim.endpoint import ScimAnswer, ScimEndpoint
from api.scim.users import LIST, MOST_ON_PAGE, USER
from permissions.errors import NotVisible

_CORE = "urn:ietf:params:scim:schemas:core:2.0"


def _place(path: str) -> str:
    return f"{settings.BASE_URL.rstrip('/')}/scim/v2/{path}"


def _attribute(name: str, about: str, **more: Any) -> dict[str, Any]:
    plain = {
        "name": name,
        "type": "string",
        "multiValued": False,
        "description": about,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
    return plain | more


_VALUE = _attribute("value", "The value.")
_ATTRIBUTES = [
    _attribute(
        "userName", "What the provider calls the person.", required=True, uniqueness="server"
    ),
    _attribute(
        "displayName",
        "The person's name, as coworkers read it. Taken when they are invited.",
        required=True,
        mutability="immutable",
    ),
    _attribute(
        "name",
        "The same, in parts.",
        type="complex",
        mutability="immutable",
        subAttributes=[
            _attribute("formatted", "The whole name.", mutability="immutable"),
            _attribute("givenName", "The given name.", mutability="immutable", returned="never"),
            _attribute("familyName", "The family name.", mutability="immutable", returned="never"),
        ],
    ),
    _attribute(
        "active",
        "False ends the person's membership, or their invitation. It never becomes true again.",
        type="boolean",
    ),
    _attribute(
        "emails",
        "Where the invitation goes. Not kept.",
        type="complex",
        multiValued=True,
        required=True,
        mutability="writeOnly",
        returned="never",
        subAttributes=[
            _VALUE | {"required": True, "mutability": "writeOnly", "returned": "never"},
            _attribute("type", "Such as work.", mutability="writeOnly", returned="never"),
            _attribute(
                "primary", "Preferred.", type="boolean", mutability="writeOnly", returned="never"
            ),
        ],
    ),
    _attribute(
        "roles",
        "What the person does at the agency. Roles are taken away here, and given at the desk.",
        type="complex",
        multiValued=True,
        subAttributes=[_VALUE],
    ),
]


def _schema() -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:Schema"],
        "id": USER,
        "name": "User",
        "description": "A member of the agency, or who is invited",
        "attributes": _ATTRIBUTES,
        "meta": {"resourceType": "Schema", "location": _place(f"Schemas/{USER}")},
    }


def _type() -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:ResourceType"],
        "id": "User",
        "name": "User",
        "description": "A member of the agency, or who is invited",
        "endpoint": "/Users",
        "schema": USER,
        "schemaExtensions": [],
        "meta": {"resourceType": "ResourceType", "location": _place("ResourceTypes/User")},
    }


def _listed(*found: dict[str, Any]) -> ScimAnswer:
    number = len(found)
    return ScimAnswer(
        {
            "schemas": [LIST],
            "totalResults": number,
            "startIndex": 1,
            "itemsPerPage": number,
            "Resources": found,
        }
    )


class Config(ScimEndpoint):
    def get(self, request: HttpRequest) -> ScimAnswer:
        no = {"supported": False}
        return ScimAnswer(
            {
                "schemas": [f"{_CORE}:ServiceProviderConfig"],
                "patch": {"supported": True},
                "bulk": no | {"maxOperations": 0, "maxPayloadSize": 0},
                "filter": {"supported": True, "maxResults": MOST_ON_PAGE},
                "changePassword": no,
                "sort": no,
                "etag": no,
                "authenticationSchemes": [
                    {
                        "type": "oauthbearertoken",
                        "name": "Token of the agency",
                        "description": "The agency's administrator makes it at the desk.",
                    }
                ],
                "meta": {
                    "resourceType": "ServiceProviderConfig",
                    "location": _place("ServiceProviderConfig"),
                },
            }
        )


class ResourceTypes(ScimEndpoint):
    def get(self, request: HttpRequest) -> ScimAnswer:
        return _listed(_type())


class ResourceType(ScimEndpoint):
    def get(self, request: HttpRequest, name: str) -> ScimAnswer:
        if name != "User":
            raise NotVisible
        return ScimAnswer(_type())


class Schemas(ScimEndpoint):
    def get(self, request: HttpRequest) -> ScimAnswer:
        return _listed(_schema())


class OneSchema(ScimEndpoint):
    def get(self, request: HttpRequest, name: str) -> ScimAnswer:
        if name != USER:
            raise NotVisible
        return ScimAnswer(_schema())


class Nothing(ScimEndpoint):
    """Any other address: groups, bulk and the like are not here."""

    def get(self, request: HttpRequest, rest: str) -> ScimAnswer:
        raise NotVisible

    post = put = patch = delete = get
