"""A hospital's record learns that a Task has changed: ids only, signed, and nothing of what is the
recipient's own."""

import json
from typing import Any
from uuid import uuid4

import pytest
import standardwebhooks
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.subscription import Subscription

from referrals import worker
from tests.support.people.fhir_bundles import BASE, subscription
from tests.support.people.fhir_sent import sent
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work
from tests.support.servers.webhook_receiver import Receiver

ADMIN = "police.admin"
TOPIC = "http://hl7.org/fhir/us/sdoh-clinicalcare/SubscriptionTopic/Task"


def subscribed(api: Any, receiver: Receiver, who: str = ADMIN) -> tuple[dict[str, Any], str]:
    """The Subscription as it was made, and its secret."""
    answer = sent(api(who), "post", "Subscription", subscription(receiver.url))
    assert answer.status_code == 201, answer.content
    made = dict(answer.json())
    Subscription.model_validate(made)
    assert answer["Location"] == f"{BASE}/Subscription/{made['id']}"
    assert answer["ETag"] == f'W/"{made["meta"]["versionId"]}"'
    (secret,) = made.pop("extension")
    return made, str(secret["valueString"])


def parameters(bundle: dict[str, Any]) -> dict[str, Any]:
    """The parts of a notification's status, by name."""
    return {
        one["name"]: next((value for name, value in one.items() if name != "name"), None)
        for one in bundle["entry"][0]["resource"]["parameter"]
    }


def test_each_change_arrives_once_signed_with_the_tasks_id_and_no_more(
    story: Story, api: Any, receiver: Receiver
) -> None:
    made, secret = subscribed(api, receiver)
    assert (made["status"], made["criteria"]) == ("active", TOPIC)
    story.send().answers("acknowledge").answers("accept")
    work()
    fed = api("police.worker").get("/v1/events").json()["items"]
    assert receiver.ids() == [one["id"] for one in fed]
    library = standardwebhooks.Webhook(secret)
    for had in receiver.had:
        library.verify(had.body, had.headers)
        assert had.headers["content-type"] == "application/fhir+json"
        assert len(had.body) == 2048, "all are of one size"
        bundle = json.loads(had.body)
        Bundle.model_validate(bundle)
        assert (bundle["type"], bundle["id"]) == ("history", had.id)
        status = parameters(bundle)
        assert status["type"] == "event-notification"
        assert status["topic"] == TOPIC
        assert status["subscription"] == {"reference": f"{BASE}/Subscription/{made['id']}"}
        (task,) = bundle["entry"][1:]
        assert task["fullUrl"] == f"{BASE}/Task/{story.id}"
        assert "resource" not in task
        assert not {"accept", "acknowledge", "send"} & {*had.body.decode().split('"')}


def test_nothing_arrives_of_what_the_recipient_does_afterwards(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    subscribed(api, receiver)
    story.accept()
    work()
    before = len(receiver.had)
    story.answers("start_handoff", {"mode": "phone"}).answers("complete", {"outcome": "served"})
    work()
    assert len(receiver.had) == before
    shift_clock("7 days 1 second")
    worker.run_until_idle(worker.jobs_named(["close", "webhooks"]))
    assert len(receiver.had) == before + 1, "that a week is over"


def test_a_test_is_a_heartbeat(story: Story, api: Any, receiver: Receiver) -> None:
    made, _ = subscribed(api, receiver)
    asked = api(ADMIN).post(f"/v1/webhooks/{made['id']}/ping")
    assert asked.status_code == 202, asked.content
    work()
    (had,) = receiver.had
    bundle = json.loads(had.body)
    assert parameters(bundle)["type"] == "heartbeat"
    assert len(bundle["entry"]) == 1
    assert len(had.body) == 2048


def test_it_is_a_webhook_of_v1_about_tasks(api: Any, receiver: Receiver) -> None:
    made, _ = subscribed(api, receiver)
    native = api(ADMIN).get(f"/v1/webhooks/{made['id']}").json()
    assert (native["about"], native["url"]) == ("tasks", receiver.url)
    listed = api(ADMIN).get("/fhir/Subscription").json()["entry"]
    assert [one["resource"] for one in listed] == [made]
    assert api(ADMIN).get(f"/fhir/Subscription/{made['id']}").json() == made
    plain = api(ADMIN).post("/v1/webhooks", {"url": f"{receiver.url}/other"}).json()
    assert api(ADMIN).get(f"/fhir/Subscription/{plain['id']}").status_code == 404
    assert len(api(ADMIN).get("/fhir/Subscription").json()["entry"]) == 1
    twice = sent(api(ADMIN), "post", "Subscription", subscription(receiver.url))
    code = twice.json()["issue"][0]["details"]["coding"][0]["code"]
    assert (twice.status_code, code) == (409, "webhook_exists")


def test_it_is_switched_off_on_and_ended(story: Story, api: Any, receiver: Receiver) -> None:
    made, _ = subscribed(api, receiver)
    path, match = f"Subscription/{made['id']}", f'W/"{made["meta"]["versionId"]}"'
    off = sent(api(ADMIN), "put", path, made | {"status": "off"}, If_Match=match)
    assert (off.status_code, off.json()["status"]) == (200, "off")
    stale = sent(api(ADMIN), "put", path, made, If_Match=match)
    assert stale.status_code == 412
    without = sent(api(ADMIN), "put", path, made)
    assert without.status_code == 428
    story.send()
    work()
    assert receiver.had == []
    on = sent(api(ADMIN), "put", path, made, If_Match=f'W/"{off.json()["meta"]["versionId"]}"')
    assert on.json()["status"] == "active"
    work()
    assert receiver.had
    assert api(ADMIN).delete(f"/fhir/{path}").status_code == 204
    assert api(ADMIN).get(f"/fhir/{path}").status_code == 404


SPOILT = {
    "another topic": {"criteria": "http://example.org/topic"},
    "a search": {"criteria": "Task?status=requested"},
    "whole resources": {
        "channel": {
            "_payload": {
                "extension": [
                    {
                        "url": subscription("x")["channel"]["_payload"]["extension"][0]["url"],
                        "valueCode": "full-resource",
                    }
                ]
            }
        }
    },
    "mail": {"channel": {"type": "email"}},
    "xml": {"channel": {"payload": "application/fhir+xml"}},
    "a secret of theirs": {"channel": {"header": ["Authorization: Bearer secret"]}},
    "an end": {"end": "2030-01-01T00:00:00Z"},
    "a status of ours": {"status": "error"},
    "no fhir": {"status": 7},
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_not_sent_is_not_subscribed_to(api: Any, receiver: Receiver, case: str) -> None:
    resource = subscription(receiver.url)
    change = dict(SPOILT[case])
    resource["channel"] |= change.pop("channel", {})
    answer = sent(api(ADMIN), "post", "Subscription", resource | change)
    code = answer.json()["issue"][0]["details"]["coding"][0]["code"]
    assert (answer.status_code, code) in ((400, "not_supported"), (400, "not_fhir"))
    assert "Bearer" not in answer.content.decode()
    assert "entry" not in api(ADMIN).get("/fhir/Subscription").json()


def test_an_address_that_leads_inward_is_refused(api: Any) -> None:
    answer = sent(api(ADMIN), "post", "Subscription", subscription("https://127.0.0.1/hook"))
    assert answer.status_code == 400


@pytest.mark.parametrize("who", ["police.worker", "police.lead", "police.auditor", "ywca.worker"])
def test_only_those_who_manage_webhooks_subscribe(api: Any, receiver: Receiver, who: str) -> None:
    refused = sent(api(who), "post", "Subscription", subscription(receiver.url))
    assert refused.status_code == 403
    assert api(who).get(f"/fhir/Subscription/{uuid4()}").status_code == 403
