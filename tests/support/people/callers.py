"""The cast over HTTP: members and partner systems, each with a live credential."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5

from api.dev import demo
from permissions.identity import credentials
from permissions.models import Client
from permissions.principal import Principal
from tests.support.ground.http_client import HttpClient


def member_id(who: str) -> UUID:
    return uuid5(demo.NAMESPACE, who)


def agency_id(key: str) -> UUID:
    return demo.agency_id(key)


@dataclass
class Caller:
    """One of the cast with a live credential. Every call goes through the whole HTTP stack."""

    who: str
    secret: str
    acting: str | None = None
    http: HttpClient = field(default_factory=HttpClient)

    def headers(self, extra: dict[str, str]) -> dict[str, str]:
        found = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        if self.acting:
            found["Acting-Member"] = str(member_id(self.acting))
        return found | extra

    def get(self, path: str, query: dict[str, str] | None = None, **headers: str) -> Any:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.http.get(path, query or {}, headers=self.headers(names))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.http.post(
            path,
            body if body is not None else {},
            content_type="application/json",
            headers=self.headers(names),
        )

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self._sent("put", path, body, headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self._sent("patch", path, body, headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self._sent("delete", path, None, headers)

    def _sent(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return getattr(self.http, method)(
            path, body, content_type="application/json", headers=self.headers(names)
        )

    def act(self, referral_id: Any, act: str, body: Any = None, **headers: str) -> Any:
        return self.post(f"/v1/referrals/{referral_id}/{act}", body, **headers)


def scoped(api: Any, *scopes: str, acting: str | None = None) -> Caller:
    """The partner system of ywca with these scopes alone."""
    client: Caller = api("ywca.client", acting)
    client.secret = f"token-of-a-test-{uuid4().hex}"
    ours = Client.objects.get(agency_id=agency_id("ywca"))
    credentials.open_for_client(ours, client.secret, list(scopes))
    return client


def narrow(api: Any, key: str, acting: str | None, *scopes: str) -> Any:
    caller = api(f"{key}.client", acting)
    caller.secret = f"a-token-of-few-scopes-{uuid4()}"
    credentials.open_for_client(Client.objects.get(client_id=f"demo-{key}"), caller.secret, scopes)
    return caller


def principal(caller: Caller) -> Principal:
    found = credentials.resolve_credential(caller.secret)
    assert found is not None
    return found


WORKING = ("worker", "worker2", "lead")
