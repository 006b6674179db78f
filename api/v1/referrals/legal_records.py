"""Mandated reports and compelled disclosures, which a side records for itself (R8)."""

from typing import Any

from rest_framework import serializers

from api.http.endpoints import Shape
from api.http.fields import Moment, Text
from api.v1.shapes import coded
from referrals import codes
from referrals.acts import legal_records


class RecordFields(Shape):
    at = Moment(help_text="When it was made.")
    survivor_told = coded(codes.SURVIVOR_TOLD)
    detail = Text(
        max_length=legal_records.MAX_DETAIL_CHARS,
        lines=3,
        default="",
        allow_blank=True,
        help_text="Sealed.",
    )


class RecordReportIn(RecordFields):
    """A report that the law requires, recorded once it was made. Recording it moves no data."""

    basis = coded(codes.REPORT_BASIS)
    to = coded(codes.REPORT_TO)


class RecordDisclosureIn(RecordFields):
    """A disclosure that was compelled or requested. Recording it moves no data."""

    basis = coded(codes.COMPELLED_BY)
    to = coded(codes.COMPELLED_TO)


class RecordedOut(serializers.Serializer):
    id = serializers.UUIDField()
    line = serializers.CharField(help_text="What the network's state says of it.")
    warning = serializers.CharField(help_text="Empty where there is none.")


def record_of(body: dict[str, Any]) -> legal_records.Record:
    return legal_records.Record(**body)
