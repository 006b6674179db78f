"""Mandated reports and compelled disclosures, recorded for the own side (R8)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.fields import Moment, Text
from api.rendering import Answer
from api.v1.referrals import REFUSALS, coded
from api.views import Endpoint, Shape
from openapi.schema import ACTING_MEMBER, IDEMPOTENCY_KEY, problems
from referrals import codes, records


class RecordFields(Shape):
    at = Moment(help_text="When it was made.")
    survivor_told = coded(codes.SURVIVOR_TOLD)
    detail = Text(
        max_length=records.MAX_DETAIL_CHARS, default="", allow_blank=True, help_text="Sealed."
    )


class RecordReportIn(RecordFields):
    """A report that the law asks for, once it was made. It moves no data."""

    basis = coded(codes.REPORT_BASIS)
    to = coded(codes.REPORT_TO)


class RecordDisclosureIn(RecordFields):
    """A disclosure that was compelled or asked for. It moves no data."""

    basis = coded(codes.COMPELLED_BY)
    to = coded(codes.COMPELLED_TO)


class RecordedOut(serializers.Serializer):
    id = serializers.UUIDField()
    line = serializers.CharField(help_text="What the network's state says of it.")
    warning = serializers.CharField(help_text="Empty where there is none.")


class RecordEndpoint(Endpoint):
    """The record is kept whatever it says; the answer holds what to think of."""

    def kept(self, referral_id: UUID, shape: type[Shape], keep: Callable[..., Any]) -> Answer:
        record = records.Record(**self.body(shape))
        key = self.idempotency_key(f"referrals/{referral_id}/{keep.__name__}")
        return self.answer(RecordedOut, keep(self.principal, referral_id, record, key=key), 201)


def record_schema(name: str, shape: type[Shape], summary: str) -> Any:
    return extend_schema(
        operation_id=name,
        summary=summary,
        request=shape,
        parameters=[IDEMPOTENCY_KEY, ACTING_MEMBER],
        responses={201: RecordedOut, **problems(*REFUSALS, 422)},
    )


class RecordReport(RecordEndpoint):
    @record_schema("record_report", RecordReportIn, "Record a mandated report. Your side's alone.")
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        return self.kept(referral_id, RecordReportIn, records.record_report)


class RecordDisclosure(RecordEndpoint):
    @record_schema(
        "record_disclosure", RecordDisclosureIn, "Record a compelled disclosure. Your side's alone."
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        return self.kept(referral_id, RecordDisclosureIn, records.record_disclosure)
