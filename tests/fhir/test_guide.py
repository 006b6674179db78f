"""docs/guides/refer-by-fhir.md, followed by an engineer over real sockets: with a token that was
asked for in SMART's words, its Bundle is sent as it is written there."""

import json
import re
from typing import Any

import requests

from tests.support.ground.live_server import Server
from tests.support.ground.repository import REPOSITORY
from tests.support.people.callers import member_id
from tests.support.people.client_assertions import assertion, token_request
from tests.support.people.stories import service_of

GUIDE = (REPOSITORY / "docs" / "guides" / "refer-by-fhir.md").read_text()


def test_the_guide_leads_from_a_token_to_a_referral(server: Server) -> None:
    base = f"{server.base_url}/fhir"
    smart = requests.get(f"{base}/.well-known/smart-configuration", timeout=20).json()
    (scope,) = re.findall(r"`(system/[^`]+)`\.", GUIDE)
    signed = assertion(server.client("hospital"), smart["token_endpoint"])
    asked = token_request(signed, scope=scope)
    token = requests.post(smart["token_endpoint"], asked, timeout=20).json()
    assert token["scope"] == scope, "as it was asked for"
    headers = {
        "Authorization": f"Bearer {token['access_token']}",
        "Acting-Member": str(member_id("hospital.worker")),
        "Content-Type": "application/fhir+json",
    }

    def read(path: str) -> Any:
        answer = requests.get(f"{base}/{path}", headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    service = service_of("ywca")
    urls = {one["url"] for one in read(f"HealthcareService/{service}")["extension"]}
    assert f"{base}/StructureDefinition/answered-by" in urls
    (text,) = re.findall(r"```json\n(.+?)```", GUIDE, re.DOTALL)
    bundle = text.replace("BASE", base).replace("SERVICE", service)
    for status in ("201 Created", "200 OK"):  # the connection broke: the same once more
        answer = requests.post(base, bundle, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        entries = answer.json()["entry"]
        assert [one["response"]["status"] for one in entries] == [status] * 2
    task = read(entries[1]["response"]["location"].removeprefix(f"{base}/"))
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("requested", "sent")
    assert len(read("Task")["entry"]) == 1
    refused = requests.get(f"{server.base_url}/v1/webhooks", headers=headers, timeout=20)
    assert refused.status_code == 403, "the scopes are no wider than they were asked for"


def test_the_guide_explains_each_word_that_a_sender_is_shown() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `(\w+)` \| .+ \|$", GUIDE, re.MULTILINE)
    assert [word for _, word in rows[1:]] == [
        *("sent", "acknowledged", "accepted", "closed", "cannot_take", "expired")
    ]
    assert (
        json.loads(re.findall(r"```json\n(.+?)```", GUIDE, re.DOTALL)[0])["type"] == "transaction"
    )
