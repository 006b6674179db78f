"""A Subscription (R4, Subscriptions R5 Backport 1.1.0) becomes a webhook: a rest-hook that is sent
the ids of Tasks and nothing else."""

from typing import Any, NamedTuple

from api.fhir import names
from api.fhir.sent.elements import NOT_KEPT, Element, not_supported
from api.fhir.sent.shapes import require_shape

_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
CONTENT = f"{_BACKPORT}/backport-payload-content"
ID_ONLY = "id-only"


class Asked(NamedTuple):
    """A Subscription as it was sent. `off`: nothing is to be sent for now."""

    url: str
    off: bool


def read_subscription(body: dict[str, Any], topic: str) -> Asked:
    """Read a Subscription to the topic. Raises BadRequest: what is not sent would be waited
    for in vain."""
    require_shape("Subscription", body, "Subscription")
    read = Element(body, "Subscription")
    read.leave("resourceType", "reason", "contact", *NOT_KEPT)
    read.leave("extension")  # what an answer has in addition, and is sent back
    status = read.take("status")
    if status not in ("requested", "active", "off"):
        raise not_supported("Subscription.status", "Enter requested, active or off.")
    if read.take("criteria") != topic:
        raise not_supported("Subscription.criteria", f"There is one topic: {topic}")
    channel = read.child("channel")
    assert channel is not None  # FHIR's shape has it
    channel.take_only("type", "rest-hook")
    url = channel.take("endpoint")
    if not url:
        raise not_supported("Subscription.channel.endpoint", "Enter the address to send to.")
    channel.take_only("payload", names.MEDIA_TYPE)
    _require_id_only(channel)
    channel.close()
    read.close()
    return Asked(str(url), status == "off")


def _require_id_only(channel: Element) -> None:
    payload = channel.child("_payload")
    if payload is None:
        return
    for extension in payload.children("extension"):
        if extension.take("url") != CONTENT or extension.take("valueCode") != ID_ONLY:
            raise not_supported(extension.path, "Only ids are sent: id-only.")
        extension.close()
    payload.close()
