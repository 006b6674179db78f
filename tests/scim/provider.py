"""An agency's identity provider: its token, made at the desk, and what it sends."""

import html
import re
from typing import Any
from uuid import UUID

import orjson

from permissions.models import Client
from tests.enrollment.links import sent
from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import at_the_desk

PAGE = "/desk/agency/scim"
USERS = "/scim/v2/Users"
MEDIA = "application/scim+json"
ANYWHERE = {"origin": "anywhere", "networks": ""}
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
NIA = {
    "schemas": [USER],
    "userName": "nia@newcomer.invalid",
    "externalId": "00u1nia",
    "displayName": "Nia Newcomer",
    "emails": [{"value": "nia@newcomer.invalid", "type": "work", "primary": True}],
    "active": True,
}


def make_token(who: str = "ywca.admin", **form: str) -> str:
    """The token that the page shows once."""
    answer = at_the_desk(who).submit(PAGE, ANYWHERE | form)
    found = re.search(r"cairn_scim_[\w-]+", html.unescape(answer.content.decode()))
    assert found, answer.content.decode()
    return found[0]


def remove_token(who: str = "ywca.admin") -> None:
    at_the_desk(who).submit(f"{PAGE}/end", {})


class Provider:
    """What the provider sends with one token."""

    def __init__(self, token: str, **headers: Any) -> None:
        self.http = HttpClient(headers={"Authorization": f"Bearer {token}"} | headers)

    def get(self, path: str = USERS, **query: Any) -> Any:
        return self.http.get(path, query)

    def send(self, method: str, path: str, body: Any = None, media: str = MEDIA) -> Any:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.http.generic(method, path, raw, media)

    def invite(self, **changed: Any) -> Any:
        return self.send("POST", USERS, NIA | changed)

    def patch(self, user_id: str, *operations: Any) -> Any:
        body = {"schemas": [PATCH_OP], "Operations": list(operations)}
        return self.send("PATCH", f"{USERS}/{user_id}", body)

    def put(self, user_id: str, body: Any) -> Any:
        return self.send("PUT", f"{USERS}/{user_id}", body)

    def delete(self, user_id: str) -> Any:
        return self.http.delete(f"{USERS}/{user_id}")

    def found(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(**query)
        assert answer.status_code == 200, answer.content
        listed: list[dict[str, Any]] = answer.json()["Resources"]
        return listed

    def by_name(self, name: str) -> dict[str, Any]:
        (one,) = [one for one in self.found() if one["displayName"] == name]
        return one


def active(value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": "active", "value": value}


def link_sent() -> str:
    """The path of the newest link that was sent."""
    found = re.search(r"/join/\S+", sent()[0]["text"])
    assert found
    return found[0]


def system() -> Client:
    return Client.objects.using("signin").get(scopes=["scim"])


def refusal(answer: Any) -> tuple[int, str, str]:
    """Status, scimType and detail of a refusal, which has SCIM's shape."""
    assert answer["Content-Type"] == MEDIA, answer.content
    body = answer.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(answer.status_code)
    return answer.status_code, body.get("scimType", ""), body["detail"]


def id_of(text: str) -> UUID:
    return UUID(text)
