"""The feed of events: what your side may know of its referrals, in order, from any point on."""

from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, page_size, uuid_parameter
from api.http.json_bodies import Answer
from api.v1.shapes import EVENT_ACTS, EVENT_CODES, one_of
from openapi.schema import ACTING_MEMBER, page_limit, problems, signed_in
from permissions.errors import BadRequest
from referrals.queries import event_feed


class EventOut(serializers.Serializer):
    """An event, in ids and codes. `member_id` and `about_id` are members of your own agency."""

    id = serializers.UUIDField(help_text="Also the header webhook-id of its message.")
    at = serializers.DateTimeField()
    referral_id = serializers.UUIDField()
    act = one_of(EVENT_ACTS)
    side = serializers.ChoiceField(choices=["from", "to", "system"], help_text="Whose act.")
    code = one_of(EVENT_CODES, allow_null=True)
    member_id = serializers.UUIDField(allow_null=True)
    about_id = serializers.UUIDField(allow_null=True)


class EventsOut(serializers.Serializer):
    items = EventOut(many=True)
    next = serializers.CharField(help_text="Where to go on, as `after`; also when nothing is new.")


RETRY_AFTER_S = 5  # for who is at the end

EMPTY_WAITS = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    response=[200],
    description="With a page without events: the seconds until it is worth asking again.",
)


class Events(Endpoint):
    query = ("after", "from", "referral_id", "limit")

    @extend_schema(
        operation_id="read_events",
        auth=signed_in("events:read"),
        parameters=[
            ACTING_MEMBER,
            EMPTY_WAITS,
            OpenApiParameter("after", str, description="`next` of a page; from the beginning."),
            OpenApiParameter(
                "from",
                str,
                enum=["now"],
                description="`now`: a page without events, whose `next` leads to what happens from"
                " now on. Not together with `after`.",
            ),
            OpenApiParameter(
                "referral_id",
                {"type": "string", "format": "uuid"},
                description="Only events of this referral. One that you may not see has none. A"
                " cursor belongs to the filter with which it was made.",
            ),
            page_limit(100),
        ],
        responses={200: EventsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Read the events of your agency's referrals, oldest first. Fewer than `limit` means that
        there is nothing more for now. A client that continues from `next` misses no event and gets
        none twice. An event appears once all that could come before it are there. The server does
        not hold a request until something happens: a page without events comes at once, and
        `Retry-After` says when to ask again. A webhook spares the asking."""
        limit = page_size(request.GET.get("limit"), event_feed.MAX_PAGE)
        referral_id = uuid_parameter(request.GET.get("referral_id"), "referral_id")
        scope = "events" if referral_id is None else f"events:{referral_id}"
        entries: list[event_feed.Entry] = []
        if self._from_now():
            place = event_feed.present_end(self.principal)
        else:
            after = self._after(scope)
            entries, place = event_feed.read_events(self.principal, after, limit, referral_id)
        cursor = cursors.sealed(self.principal, scope, str(place.xact), str(place.id))
        answer = self.answer(EventsOut, {"items": entries, "next": cursor})
        if not entries:
            answer["Retry-After"] = str(RETRY_AFTER_S)
        return answer

    def _from_now(self) -> bool:
        """Return whether to begin at the present end. Raises BadRequest."""
        text = self.request.GET.get("from")
        if text not in (None, "now"):
            raise BadRequest("invalid", "Enter now.", "from")
        if text and "after" in self.request.GET:
            raise BadRequest("invalid", "Send after or from, not both.", "from")
        return text is not None

    def _after(self, scope: str) -> event_feed.Place:
        text = self.request.GET.get("after")
        if not text:
            return event_feed.BEGINNING
        xact, id_ = cursors.unsealed(self.principal, scope, text, "after")
        return event_feed.Place(int(xact), UUID(id_))


class OneEvent(Endpoint):
    @extend_schema(
        operation_id="read_event",
        auth=signed_in("events:read"),
        parameters=[ACTING_MEMBER],
        responses={200: EventOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, event_id: UUID) -> Answer:
        """Read one event of your feed by its id: the one that a webhook's message names. An event
        that your feed does not have, or not yet, is not found."""
        return self.answer(EventOut, event_feed.read_event(self.principal, event_id))
