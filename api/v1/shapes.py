"""What the shapes of several resources share: coded fields, a purpose, an id, and an act's texts
for the contract."""

from typing import Any

from rest_framework import serializers

from api.http.endpoints import Shape
from api.http.fields import Code
from referrals import codes
from referrals.act_registry.registry import ACTS

REFUSALS = (400, 401, 403, 404, 409, 412, 413, 415, 503)


def coded(labels: Any, **options: Any) -> Code:
    return Code(choices=list(labels), **options)


def coded_list(labels: Any, **options: Any) -> serializers.ListField:
    return serializers.ListField(child=coded(labels), max_length=len(labels), **options)


def said_of(act: str) -> dict[str, str]:
    """Return the summary and description of an act's entry, for `extend_schema`."""
    return {"summary": ACTS[act].summary, "description": ACTS[act].description}


class PurposeIn(Shape):
    purpose = coded(codes.PURPOSE, help_text="Purpose of use; the access log records it.")


class CreatedOut(serializers.Serializer):
    id = serializers.UUIDField()
