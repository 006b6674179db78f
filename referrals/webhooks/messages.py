"""What is sent to an endpoint: the content of each message and its headers."""

import time

from referrals.webhooks import signatures, task_notifications
from referrals.webhooks.outbox import Batch, Message

JSON, FHIR_JSON = "application/json", "application/fhir+json"


def signed_message(batch: Batch, message: Message) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a message, signed by each live secret."""
    of_tasks = batch.about == "tasks"
    content = _notification(batch, message) if of_tasks else _message(message)
    headers = signatures.headers(batch.secrets, str(message.id), int(time.time()), content)
    return content, headers | {"Content-Type": FHIR_JSON if of_tasks else JSON}


def _notification(batch: Batch, message: Message) -> bytes:
    about = message.referral_id if message.event_id else None
    return task_notifications.notification(batch.endpoint_id, message.id, message.at, about)


def _message(message: Message) -> bytes:
    if told := message.checkpoint:
        return signatures.body("log.checkpoint", message.at, seq=told.seq, sha256=told.hash)
    kind = "referral.event" if message.event_id else "ping"
    return signatures.body(
        kind,
        message.at,
        event_id=message.event_id,
        referral_id=message.referral_id,
        act=message.act,
    )
