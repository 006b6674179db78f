"""Call records: referrals by phone to services that no agency here answers."""

from typing import ClassVar

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, Shape, page_size
from api.http.fields import Code, Flag, Id
from api.http.json_bodies import Answer
from api.v1.shapes import CreatedOut, one_of
from openapi.schema import ACTING_MEMBER, page_limit, problems, signed_in
from referrals import call_records, codes
from referrals.act_registry.repeats import Repeat


class CallRecordIn(Shape):
    service_id = Id()
    outcome = Code(choices=list(codes.CALL_OUTCOME))
    put_through = Flag(help_text="Whether the survivor spoke with the service in person.")


class CallRecordOut(serializers.Serializer):
    id = serializers.UUIDField()
    service_id = serializers.UUIDField()
    outcome = one_of(codes.CALL_OUTCOME)
    put_through = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class CallRecordsOut(serializers.Serializer):
    items = CallRecordOut(many=True)
    next = serializers.CharField(allow_null=True)


class CallRecords(Endpoint):
    query = ("cursor", "limit")
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "call_record.create"

    @extend_schema(
        operation_id="list_call_records",
        auth=signed_in("referrals:read"),
        parameters=[
            OpenApiParameter("cursor", str),
            page_limit(100),
            ACTING_MEMBER,
        ],
        responses={200: CallRecordsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List your own call records, newest first."""
        scope, ask = "call-records", request.GET
        found, place = call_records.list_page(
            self.principal,
            after=cursors.from_cursor(self.principal, scope, ask.get("cursor")),
            limit=page_size(ask.get("limit"), call_records.MAX_PAGE),
        )
        cursor = cursors.to_cursor(self.principal, scope, place)
        return self.answer(CallRecordsOut, {"items": found, "next": cursor})

    @extend_schema(
        operation_id="record_call",
        auth=signed_in("referrals:write", "referrals:read"),
        request=CallRecordIn,
        parameters=[ACTING_MEMBER],
        responses={201: CreatedOut, **problems(400, 401, 403, 409, 413, 415, 503)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Record what came of a call to a service that takes no referrals here now. The record is
        coded, without a word about the survivor."""
        body = self.body(CallRecordIn)
        key = self.idempotency_key("call-records")
        record = call_records.record_call(self.principal, key=key, **body)
        return self.answer(CreatedOut, {"id": record}, 201)
