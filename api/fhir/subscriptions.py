"""Subscription: an agency's systems learn that a Task of theirs has changed.

Each is a webhook of `/v1` about `tasks`: the same sender, the same retries, the same signature, the
same limits, managed by the same people (ADR 0035).
"""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest

from api.fhir import names
from api.fhir.endpoint import FhirEndpoint
from api.fhir.sent.subscriptions import CONTENT, ID_ONLY, read_subscription
from api.fhir.shown import searches
from api.http.json_bodies import Answer
from permissions.errors import NotVisible
from referrals.act_registry.repeats import Repeat
from referrals.webhooks import endpoints
from referrals.webhooks.task_notifications import TOPIC

ABOUT = "tasks"
# Subscription.status, by the state of the webhook; any other is an error.
_STATUS = {"ok": "active", "paused": "off"}


class Subscriptions(FhirEndpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "webhook.create"

    def get(self, request: HttpRequest) -> Answer:
        """List the agency's Subscriptions."""
        kept = [one for one in endpoints.list_endpoints(self.principal) if one.about == ABOUT]
        return self.shown(searches.bundle("Subscription", {}, map(subscription, kept), (), None))

    def post(self, request: HttpRequest) -> Answer:
        """Subscribe. The answer has the secret that signs each message, once. It is active at once:
        there is no handshake."""
        sent = self.data
        with self.reading():
            asked = read_subscription(sent, TOPIC)
        key = self.idempotency_key("fhir/Subscription")
        made = endpoints.create(self.principal, asked.url, ABOUT, key=key)
        answer = self.shown(subscription(made), 201, version=_version(made))
        answer["Location"] = f"{names.base()}/Subscription/{made.id}"
        return answer


class Subscription(FhirEndpoint):
    repeats: ClassVar = {"put": Repeat.SAFE, "delete": Repeat.SAFE}
    logged_as = "webhook.change"

    def get(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        return self._answer(self._read(webhook_id))

    def put(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """Change the address, or switch it off and on. It goes on with the first event that it did
        not take."""
        sent = self.data
        with self.reading():
            asked = read_subscription(sent, TOPIC)
        self._read(webhook_id)
        changed = endpoints.change(
            self.principal, webhook_id, url=asked.url, paused=asked.off, if_match=self.if_match()
        )
        return self._answer(changed)

    def delete(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """End it. Nothing more is sent there."""
        self._read(webhook_id)
        endpoints.remove(self.principal, webhook_id)
        return Answer(status=204)

    def _read(self, webhook_id: UUID) -> endpoints.Endpoint:
        """Return the webhook if it is a Subscription. Raises NotVisible, NotPermitted."""
        found = endpoints.read(self.principal, webhook_id)
        if found.about != ABOUT:
            raise NotVisible
        return found

    def _answer(self, found: endpoints.Endpoint) -> Answer:
        return self.shown(subscription(found), version=_version(found))


def subscription(found: endpoints.Endpoint) -> dict[str, Any]:
    """Return the webhook as a Subscription; with its secret where that was just made."""
    made: dict[str, Any] = {
        "resourceType": "Subscription",
        "id": str(found.id),
        "meta": {"versionId": _version(found)},
        "status": _STATUS.get(found.state, "error"),
        "reason": "A Task of the agency has changed",
        "criteria": TOPIC,
        "channel": {
            "type": "rest-hook",
            "endpoint": found.url,
            "payload": names.MEDIA_TYPE,
            "_payload": {"extension": [{"url": CONTENT, "valueCode": ID_ONLY}]},
        },
    }
    if found.secret is not None:
        made["extension"] = [{"url": names.extension("secret"), "valueString": found.secret}]
    return made


def _version(found: endpoints.Endpoint) -> str:
    return found.etag.strip('"')
