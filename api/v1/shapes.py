"""What the shapes of several resources share: coded fields, a purpose, an id, and an act's texts
for the contract."""

from typing import Any

from rest_framework import serializers

from api.http.endpoints import Shape
from api.http.fields import Code
from referrals import codes
from referrals.act_registry.registry import ACTS

REFUSALS = (400, 401, 403, 404, 409, 412, 413, 415, 503)
# What a side may be shown of a referral: the acts that leave an event, those that no person did,
# and the codes of either.
NO_ONES_ACTS = ("closed", "escalated", "expire", "idle", "purge_due", "reminder")
EVENT_ACTS = sorted({*(name for name, act in ACTS.items() if act.history), *NO_ONES_ACTS})
EVENT_CODES = sorted(
    {
        code
        for name in ("clock", "ended_by_the_clock", *(act.codes for act in ACTS.values()))
        for code in codes.CODE_LISTS.get(name, ())
    }
)


def one_of(labels: Any, **options: Any) -> serializers.ChoiceField:
    """Return a member of an answer that is one of a closed list, to which words may be added."""
    return serializers.ChoiceField(choices=list(labels), **options)


def some_of(labels: Any, **options: Any) -> serializers.ListField:
    return serializers.ListField(child=one_of(labels), **options)


def coded(labels: Any, **options: Any) -> Code:
    return Code(choices=list(labels), **options)


def coded_list(labels: Any, **options: Any) -> serializers.ListField:
    return serializers.ListField(child=coded(labels), max_length=len(labels), **options)


def said_of(act: str) -> dict[str, Any]:
    """Return the summary and description of an act's entry, for `extend_schema`."""
    return {"summary": ACTS[act].summary, "description": ACTS[act].description}


class PurposeIn(Shape):
    purpose = coded(codes.PURPOSE, help_text="Purpose of use; the access log records it.")


class CreatedOut(serializers.Serializer):
    id = serializers.UUIDField()
