"""Requests to the token endpoint, and what the log and the database keep of them."""

from typing import Any

import requests

from tests.support.ground.live_server import Server
from tests.support.people.client_assertions import assertion, token_request


def ask(server: Server, form: dict[str, Any], **headers: str) -> requests.Response:
    url = server.demo["token_url"]
    return requests.post(url, data=form, headers=headers, timeout=30, allow_redirects=False)


def token(server: Server, key: str = "police", **form: str) -> str:
    client = server.client(key)
    answer = ask(server, token_request(assertion(client, server.demo["token_url"]), **form))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def get(server: Server, secret: str, path: str = "/v1/referrals", **headers: str) -> Any:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    headers = {"Authorization": f"Bearer {secret}", **names}
    return requests.get(f"{server.base_url}{path}", headers=headers, timeout=30)


def entries(superuser: Any, answer: requests.Response) -> list[dict[str, Any]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) FROM access_entry e WHERE request_id = %s",
            [answer.headers["X-Request-Id"]],
        )
        return [row for (row,) in cursor.fetchall()]


def credentials_held(superuser: Any) -> int:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM credential")
        count: int = cursor.fetchone()[0]
    return count
