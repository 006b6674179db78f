"""The feed of events: what your side may know of its referrals, in order, from any point on."""

from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, page_size
from api.http.json_bodies import Answer
from openapi.schema import ACTING_MEMBER, problems
from referrals.queries import event_feed


class EventOut(serializers.Serializer):
    """An event, in ids and codes. `member_id` and `about_id` are members of your own agency."""

    id = serializers.UUIDField(help_text="Also the header webhook-id of its message.")
    at = serializers.DateTimeField()
    referral_id = serializers.UUIDField()
    act = serializers.CharField()
    side = serializers.ChoiceField(choices=["from", "to", "system"], help_text="Whose act.")
    code = serializers.CharField(allow_null=True)
    member_id = serializers.UUIDField(allow_null=True)
    about_id = serializers.UUIDField(allow_null=True)


class EventsOut(serializers.Serializer):
    items = EventOut(many=True)
    next = serializers.CharField(help_text="Where to go on, as `after`; also when nothing is new.")


class Events(Endpoint):
    query = ("after", "limit")

    @extend_schema(
        operation_id="read_events",
        parameters=[
            ACTING_MEMBER,
            OpenApiParameter("after", str, description="`next` of a page; from the beginning."),
            OpenApiParameter("limit", int, description="1 to 100, default 50."),
        ],
        responses={200: EventsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Read the events of your agency's referrals, oldest first. Fewer than `limit` means that
        there is nothing more for now. A client that continues from `next` misses no event and gets
        none twice. An event appears once all that could come before it are there."""
        limit = page_size(request.GET.get("limit"), event_feed.MAX_PAGE)
        after = event_feed.BEGINNING
        if text := request.GET.get("after"):
            xact, id_ = cursors.unsealed(self.principal, "events", text, "after")
            after = event_feed.Place(int(xact), UUID(id_))
        entries, place = event_feed.read_events(self.principal, after, limit)
        cursor = cursors.sealed(self.principal, "events", str(place.xact), str(place.id))
        return self.answer(EventsOut, {"items": entries, "next": cursor})
