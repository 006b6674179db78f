"""Django REST framework with ModelSerializer, served by gunicorn."""

import os

os.environ["BENCH_PEER"] = "bench.peers.drf_app"
from typing import Any, ClassVar

from bench.acts import ACTS, NOTICE
from bench.peers import django_models as m
from bench.peers import django_work as work
from django.core.wsgi import get_wsgi_application
from django.urls import path
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.response import Response
from rest_framework.views import APIView

TIMES = ("created_at", "sent_at", "ack_by", "accept_by", "expires_at")


# -- Shapes ----------------------------------------------------------------------------------------


class AgencyOut(serializers.ModelSerializer):
    class Meta:
        model = m.Agency
        fields = ("id", "name")


class NamedOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField(allow_null=True)


class LineOut(serializers.ModelSerializer):
    side = serializers.CharField()
    from_agency = AgencyOut()
    to_agency = AgencyOut()
    service = NamedOut()
    handoff_by = serializers.DateTimeField(allow_null=True)
    asked_to_ring_at = serializers.DateTimeField(allow_null=True)
    external_ref = serializers.CharField(allow_null=True)
    holder_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = m.Referral
        fields = (
            *("id", "side", "reference", "from_agency", "to_agency", "service", "status"),
            *("urgency", "needs", "wanted", "handoff_by", "asked_to_ring_at", "external_ref"),
            *("holder_id", *TIMES),
        )


class NoticeOut(serializers.ModelSerializer):
    class Meta:
        model = m.Referral
        fields = (*NOTICE, "agreement")


class ReleaseOut(serializers.ModelSerializer):
    in_force = serializers.BooleanField()

    class Meta:
        model = m.Release
        fields = (
            *("id", "basis", "purpose", "fields", "form", "signed_at", "expires_at", "in_force"),
        )


class BlockOut(serializers.Serializer):
    kind = serializers.CharField()
    member = NamedOut(allow_null=True)
    ours = serializers.BooleanField()
    set_at = serializers.DateTimeField()


class OpeningsOut(serializers.Serializer):
    people = serializers.IntegerField()
    times = serializers.ListField(child=serializers.DateTimeField())


class ReferralOut(serializers.ModelSerializer):
    side = serializers.CharField()
    from_agency = AgencyOut()
    to_agency = AgencyOut()
    service = NamedOut()
    notice = NoticeOut()
    handoff_by = serializers.DateTimeField(allow_null=True)
    asked_to_ring_at = serializers.DateTimeField(allow_null=True)
    hold_until = serializers.DateTimeField(allow_null=True)
    remind_at = serializers.DateTimeField(allow_null=True)
    holder = NamedOut(allow_null=True)
    assigned = NamedOut(many=True)
    release = ReleaseOut(allow_null=True)
    purge_at = serializers.DateTimeField(allow_null=True)
    blocks = BlockOut(many=True)
    plan = serializers.ListField(child=serializers.UUIDField())
    replaces_id = serializers.UUIDField(allow_null=True)
    external_ref = serializers.CharField(allow_null=True)
    openings = OpeningsOut(allow_null=True)
    acts = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = m.Referral
        fields = (
            *("id", "side", "reference", "from_agency", "to_agency", "service", "status", "code"),
            *("suggested_service_id", "notice", *TIMES, "acknowledged_at", "accepted_at"),
            *("handoff_by", "escalated_at", "asked_to_ring_at", "hold_until", "remind_at"),
            *("holder", "assigned", "release", "release_ended", "purge_at", "blocks", "plan"),
            *("replaces_id", "external_ref", "openings", "acts"),
        )


class EventOut(serializers.ModelSerializer):
    side = serializers.CharField()
    referral_id = serializers.UUIDField()

    class Meta:
        model = m.Event
        fields = ("id", "at", "referral_id", "act", "side", "code", "member_id", "about_id")


class ReferralIn(serializers.ModelSerializer):
    send = serializers.DictField(required=False)

    class Meta:
        model = m.Referral
        fields = ("service_id", "send", *NOTICE)


class NoticeIn(serializers.ModelSerializer):
    class Meta:
        model = m.Referral
        fields = tuple(NOTICE)


class ActIn(serializers.Serializer):
    """What any of the acts is sent."""

    member_id = serializers.UUIDField(required=False)
    services = serializers.ListField(child=serializers.UUIDField(), required=False)
    until = serializers.DateTimeField(required=False)
    signed_at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(required=False)
    attestations = serializers.ListField(child=serializers.CharField(), required=False)
    consenters = serializers.ListField(child=serializers.DictField(), required=False)
    adult = serializers.BooleanField(required=False)
    packet = serializers.DictField(child=serializers.CharField(), required=False)
    texts: ClassVar = (
        *("agreement", "code", "callback", "mode", "result", "interpreter", "outcome", "text"),
        *("via", "reason", "purpose", "basis", "form"),
    )

    def get_fields(self) -> Any:
        found = super().get_fields()
        found |= {name: serializers.CharField(required=False) for name in self.texts}
        names = serializers.ListField(child=serializers.CharField(), required=False)
        return found | {"fields": names}


# -- Views -----------------------------------------------------------------------------------------


class Token(BaseAuthentication):
    def authenticate(self, request: Any) -> Any:
        found = work.caller_of(request)
        if found is None:
            raise AuthenticationFailed
        return found, None

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"


class View(APIView):
    authentication_classes: ClassVar = [Token]
    permission_classes: ClassVar[list[Any]] = []


def body_of(shape: type[serializers.Serializer], request: Any) -> Any:
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    return given.validated_data


class Referrals(View):
    def get(self, request: Any) -> Response:
        found = work.inbox(request.user, int(request.query_params.get("limit", 50)))
        return Response({"items": LineOut(found.items, many=True).data, "next": found.next})

    def post(self, request: Any) -> Response:
        made = work.create(request.user, dict(body_of(ReferralIn, request)))
        return Response(ReferralOut(made).data, 201)


class Detail(View):
    def get(self, request: Any, referral_id: Any) -> Response:
        return Response(ReferralOut(work.detail(request.user, referral_id)).data)


class Events(View):
    def get(self, request: Any) -> Response:
        found = work.events(request.user, int(request.query_params.get("limit", 100)))
        return Response({"items": EventOut(found.items, many=True).data, "next": found.next})


class Acts(View):
    def post(self, request: Any, referral_id: Any, act: str) -> Response:
        body = dict(body_of(NoticeIn if act == "put_notice" else ActIn, request))
        if act == "open_packet":
            return Response(work.open_packet(request.user, referral_id, body["purpose"]))
        made = work.perform(request.user, referral_id, act, body)
        return Response({"id": made}, 201) if ACTS[act].record else Response(ReferralOut(made).data)


urlpatterns = [
    path("v1/referrals", Referrals.as_view()),
    path("v1/events", Events.as_view()),
    path("v1/referrals/<uuid:referral_id>", Detail.as_view()),
    path("v1/referrals/<uuid:referral_id>/<str:act>", Acts.as_view()),
]
application = get_wsgi_application()
