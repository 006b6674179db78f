"""Messages for a subscriber by FHIR: the notification Bundles of the Subscriptions R5 Backport
(1.1.0), with the id of a Task and nothing else (`id-only`).

They are the same events as every webhook's: the sender gets nothing of what only the recipient
knows (R2). Which act it was is not in it either; the Task is read for that.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

TOPIC = "http://hl7.org/fhir/us/sdoh-clinicalcare/SubscriptionTopic/Task"
PROFILE = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
    "backport-subscription-status-r4"
)
MESSAGE_BYTES = 2048  # of every message: its size tells an onlooker nothing (threat TH12)


def notification(
    endpoint_id: UUID, message_id: UUID, at: datetime, referral_id: UUID | None
) -> bytes:
    """Return the Bundle: of an event on the Task of a referral, or a heartbeat (None). Padded with
    white space, which ends JSON, to the size that all of them have.

    The number of an event is always 1, and of those since the beginning 0: a count would say how
    much happens. The header webhook-id tells a repeat. Raises ValueError for what would be larger.
    """
    base = f"{settings.BASE_URL.rstrip('/')}/fhir"
    subscription = f"{base}/Subscription/{endpoint_id}"
    moment = at.astimezone(UTC)
    status: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": subscription}},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": "active"},
        {
            "name": "type",
            "valueCode": "heartbeat" if referral_id is None else "event-notification",
        },
        {"name": "events-since-subscription-start", "valueString": "0"},
    ]
    entries: list[dict[str, Any]] = []
    if referral_id is not None:
        task = f"{base}/Task/{referral_id}"
        event = [
            {"name": "event-number", "valueString": "1"},
            {"name": "timestamp", "valueInstant": moment},
            {"name": "focus", "valueReference": {"reference": task}},
        ]
        status.append({"name": "notification-event", "part": event})
        entries.append(_entry(task, f"Task/{referral_id}"))
    parameters = {
        "resourceType": "Parameters",
        "id": str(message_id),
        "meta": {"profile": [PROFILE]},
        "parameter": status,
    }
    first = _entry(f"urn:uuid:{message_id}", f"{subscription}/$status") | {"resource": parameters}
    bundle = {
        "resourceType": "Bundle",
        "id": str(message_id),
        "type": "history",
        "timestamp": moment,
        "entry": [first, *entries],
    }
    bare = orjson.dumps(bundle, option=orjson.OPT_UTC_Z)
    if len(bare) > MESSAGE_BYTES:
        raise ValueError("A message is larger than all messages are.")
    return bare.ljust(MESSAGE_BYTES)


def _entry(full_url: str, read_at: str) -> dict[str, Any]:
    return {
        "fullUrl": full_url,
        "request": {"method": "GET", "url": read_at},
        "response": {"status": "200"},
    }
