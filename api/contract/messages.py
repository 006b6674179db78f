"""What Cairn posts to a webhook (Standard Webhooks), as the contract describes it."""

from typing import Any

from api.v1.shapes import EVENT_ACTS
from referrals.webhooks.signatures import BODY_BYTES

_ID = {"type": "string", "format": "uuid"}
_NUMBER = {"type": "string", "pattern": "^[0-9]+$"}
_SIGNED = [
    (
        "webhook-id",
        "The id of the message, the same at each try: store it, and ignore a repeat.",
        _ID,
    ),
    ("webhook-timestamp", "When this try was signed, in seconds since 1970.", _NUMBER),
    (
        "webhook-signature",
        "`v1,` and the HMAC-SHA256 of id, timestamp and body, joined by dots, in base64. While a"
        " secret changes there are two, with a space between them.",
        {"type": "string"},
    ),
]
_AT, _EXAMPLE_ID = "2026-11-30T03:15:00.000000Z", "01890000-0000-7000-8000-0000000000e1"


def webhooks() -> dict[str, Any]:
    """Return the `webhooks` of the contract, one for each kind of message."""
    event = {"event_id": _ID, "referral_id": _ID, "act": {"type": "string", "enum": EVENT_ACTS}}
    checkpoint = {"seq": _NUMBER, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}
    return {
        "referral.event": _message(
            "referral.event",
            "Something happened on a referral of your agency.",
            "It names the event, the referral and the act, and nothing else. Read the event at"
            " `/v1/events/{event_id}`, and the referral at its own address.",
            event,
            {
                "event_id": _EXAMPLE_ID,
                "referral_id": "01890000-0000-7000-8000-000000000001",
                "act": "accept",
            },
        ),
        "log.checkpoint": _message(
            "log.checkpoint",
            "A part of the access log was sealed.",
            "For a witness of the log: a webhook about `checkpoints`. Fetch the checkpoint, and"
            " compare.",
            checkpoint,
            {"seq": "12", "sha256": "0" * 64},
        ),
        "ping": _message(
            "ping", "A test that you asked for.", "It holds no ids. Answer it as any other.", {}, {}
        ),
    }


def _message(
    kind: str, summary: str, description: str, data: dict[str, Any], example: dict[str, str]
) -> dict[str, Any]:
    shape = {
        "type": "object",
        "description": f"Every message has {BODY_BYTES} bytes, so its size tells an onlooker"
        " nothing.",
        "required": ["type", "timestamp", "data", "pad"],
        "properties": {
            "type": {"type": "string", "const": kind},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"type": "object", "properties": data, "required": sorted(data)},
            "pad": {"type": "string", "description": "Zeros, up to the size. Ignore it."},
        },
    }
    value = {"type": kind, "timestamp": _AT, "data": example, "pad": "000"}
    answers = {
        "2XX": "It arrived. Answer at once, and work on it later.",
        "410": "Do not send here again: the webhook stops, and its manager is notified.",
        "default": "It did not arrive. It is sent again, less and less often, for 75 hours.",
    }
    return {
        "post": {
            "operationId": f"on_{kind.replace('.', '_')}",
            "tags": ["webhooks"],
            "summary": summary,
            "description": description,
            "security": [],
            "parameters": [
                {"in": "header", "name": name, "required": True, "description": said, "schema": one}
                for name, said, one in _SIGNED
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": shape, "example": value}},
            },
            "responses": {status: {"description": text} for status, text in answers.items()},
        }
    }
