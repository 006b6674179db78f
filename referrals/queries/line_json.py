"""A line of a list of referrals as JSON: in an answer of the API, and in an export."""

from typing import Any

from referrals.queries.lists import Line


def line_json(line: Line) -> dict[str, Any]:
    """Return the members of a line as the API and an export show them. Built without a serializer,
    which took longer for fifty lines than the rest of the request; tests/api/test_hot_answers.py
    compares it with the contract's shape."""
    return {
        "id": line.id,
        "side": line.side,
        "reference": line.reference,
        "from_agency": {"id": line.from_agency_id, "name": line.from_agency_name},
        "to_agency": {"id": line.to_agency_id, "name": line.to_agency_name},
        "service": {"id": line.service_id, "name": line.service_name},
        "status": line.status,
        "urgency": line.urgency,
        "needs": line.needs,
        "wanted": line.wanted,
        "created_at": line.created_at,
        "sent_at": line.sent_at,
        "ack_by": line.ack_by,
        "accept_by": line.accept_by,
        "expires_at": line.expires_at,
        "handoff_by": line.handoff_by,
        "asked_to_ring_at": line.asked_to_ring_at,
        "holder_id": line.holder_id,
        "external_ref": line.external_ref,
    }
