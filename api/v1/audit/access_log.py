"""The access log, for auditors: who of ours saw what, when, for which purpose; page by page, as a
file, counted; and who else may read it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers

from api.audit_downloads import MEDIA_TYPES, export_entries, row
from api.http import cursors
from api.http.endpoints import (
    Endpoint,
    Shape,
    WithFieldsMember,
    month_parameter,
    page_size,
    uuid_parameter,
)
from api.http.fields import Id, Moment
from api.http.json_bodies import Answer
from api.v1.audit.access_log_filters import FILTER_PARAMETERS, FILTERS, ID, filters_of
from openapi.schema import problems
from permissions.audit import oversight, queries, statistics
from permissions.errors import BadRequest
from referrals.queries.lists import Place


class AccessEntryOut(WithFieldsMember):
    """Ids and codes; never a value. The survivor is the agency's own handle, `subject`."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    member_id = serializers.UUIDField(allow_null=True)
    member_name = serializers.CharField(
        allow_null=True, help_text="Null: no member, or not of your agency (any longer)."
    )
    client_id = serializers.UUIDField(allow_null=True)
    act = serializers.CharField()
    purpose = serializers.CharField(allow_null=True)
    referral_id = serializers.UUIDField(allow_null=True)
    referral_ids = serializers.ListField(child=serializers.UUIDField(), allow_null=True)
    subject = serializers.UUIDField(allow_null=True)
    fields_ = serializers.ListField(child=serializers.CharField(), allow_null=True)
    release_id = serializers.UUIDField(
        allow_null=True, help_text="Of an auditor's reading: the opt-in that allowed it."
    )
    directory_id = serializers.UUIDField(
        allow_null=True, help_text="The entry of the directory that it is about."
    )
    decision = serializers.ChoiceField(choices=["allowed", "refused"])
    rule = serializers.CharField(allow_null=True)
    request_id = serializers.UUIDField(allow_null=True)
    address_prefix = serializers.CharField(allow_null=True)


class AccessLogOut(serializers.Serializer):
    items = AccessEntryOut(many=True)
    next = serializers.CharField(
        allow_null=True,
        help_text="The cursor of what is earlier. Where several filters stand, a page may have"
        " fewer items than its limit, or none, and more behind it: go on until this is null.",
    )


class ListingOut(serializers.Serializer):
    member_id = serializers.UUIDField(allow_null=True)
    member_name = serializers.CharField(allow_null=True)
    client_id = serializers.UUIDField(allow_null=True)
    act = serializers.CharField(
        help_text="How: referral.list, event.list and so on. webhook.send, in nobody's name: your"
        " agency's webhooks were sent it."
    )
    times = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class ListingsOut(serializers.Serializer):
    items = ListingOut(many=True)


class CountOut(serializers.Serializer):
    agency_id = serializers.UUIDField(allow_null=True, help_text="Null: a caller nobody knows.")
    act = serializers.CharField()
    decision = serializers.ChoiceField(choices=["allowed", "refused"])
    rule = serializers.CharField(allow_null=True, help_text="Why it was refused.")
    entries = serializers.IntegerField()


class CountsOut(serializers.Serializer):
    items = CountOut(many=True)


class OptInIn(Shape):
    to_agency_id = Id(help_text="An agency that oversees the network.")
    ends_at = Moment(help_text="At most 90 days from now.")


class OptInOut(serializers.Serializer):
    id = serializers.UUIDField()
    agency_id = serializers.UUIDField(help_text="Whose entries are read.")
    agency_name = serializers.CharField()
    to_agency_id = serializers.UUIDField(help_text="Whose auditors read them.")
    to_agency_name = serializers.CharField()
    given_by = serializers.UUIDField()
    given_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    stands = serializers.BooleanField()
    times_read = serializers.IntegerField(
        help_text="Pages, trails and exports that were read by it. By whom is not said."
    )
    last_read_at = serializers.DateTimeField(allow_null=True)


class OptInsOut(serializers.Serializer):
    items = OptInOut(many=True)


class AccessLog(Endpoint):
    query = (*FILTERS, "cursor", "limit")

    @extend_schema(
        operation_id="read_access_log",
        parameters=[
            *FILTER_PARAMETERS,
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int, description="1 to 100, default 50."),
        ],
        responses={200: AccessLogOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Entries of your agency's own people and clients, newest first. As an oversight auditor
        also those of an agency that has opted in: no names, and no handle of a survivor."""
        limit = page_size(request.GET.get("limit"), queries.MAX_PAGE)
        filters = filters_of(request.GET)
        scope = f"access-log:{filters.scope}"
        after = cursors.from_cursor(self.principal, scope, request.GET.get("cursor"))
        page = queries.access_log(self.principal, filters, after=after, limit=limit)
        place = Place(*page.next) if page.next else None
        cursor = cursors.to_cursor(self.principal, scope, place)
        items = [row(entry, page.names) for entry in page.entries]
        return self.answer(AccessLogOut, {"items": items, "next": cursor})


class AccessLogExport(Endpoint):
    query = (*FILTERS, "format")

    @extend_schema(
        operation_id="export_access_log",
        parameters=[*FILTER_PARAMETERS, OpenApiParameter("format", enum=sorted(MEDIA_TYPES))],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "text/plain"): OpenApiTypes.STR,
            **problems(400, 401, 403, 404, 503),
        },
    )
    def get(self, request: HttpRequest) -> HttpResponseBase:
        """All that fits, newest first: `ndjson` (one entry a line, as in the list) or `csv` (with a
        byte order mark, for spreadsheets; cells that one would run begin with an apostrophe).
        `sealed`, without filters: all that is sealed, for `verifier.py --own`; your agency's own
        entries as text, of any other's the hash alone. A connection that ends without its last
        chunk: it is not whole, fetch it again. To go on from an earlier one, begin a minute
        before its end: what was being written then stands in neither."""
        kind = request.GET.get("format", "ndjson")
        if kind not in MEDIA_TYPES:
            raise BadRequest("invalid", f"{' or '.join(sorted(MEDIA_TYPES))}.", "format")
        return export_entries(self.principal, filters_of(request.GET), kind)


class Listings(Endpoint):
    query = ("referral_id",)

    @extend_schema(
        operation_id="list_listings",
        parameters=[OpenApiParameter("referral_id", ID, required=True)],
        responses={200: ListingsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Who of your agency had a referral in her lists or its feed, how often and when, and what
        of it was sent to your webhooks. The rest of its trail: the log by `referral_id`."""
        referral_id = uuid_parameter(request.GET.get("referral_id"), "referral_id")
        if referral_id is None:
            raise BadRequest("invalid", "Say which referral.", "referral_id")
        found, names = queries.listings(self.principal, referral_id)
        items = [one._asdict() | {"member_name": names.get(one.member_id)} for one in found]
        return self.answer(ListingsOut, {"items": items})


class Counts(Endpoint):
    query = ("month",)

    @extend_schema(
        operation_id="count_access_log",
        parameters=[OpenApiParameter("month", str, required=True, description="2026-11, in UTC.")],
        responses={200: CountsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """How many entries of each kind in a month: your agency's; as an oversight auditor each
        agency's, refusals and callers whom nobody knows included."""
        found = statistics.counts(self.principal, *month_parameter(request.GET.get("month")))
        return self.answer(CountsOut, {"items": found})


class OptIns(Endpoint):
    @extend_schema(
        operation_id="list_opt_ins",
        responses={200: OptInsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Who else may read, or could: what stands, then the newest, a hundred at most. For an
        agency's administrator and auditors, and for the auditors of whom it was given to."""
        return self.answer(OptInsOut, {"items": oversight.list_opt_ins(self.principal)})

    @extend_schema(
        operation_id="give_opt_in",
        request=OptInIn,
        responses={201: OptInOut, **problems(400, 401, 403, 409, 413, 415, 503)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Let an oversight agency's auditors read your agency's entries, for a time: an
        agency_admin in person."""
        body = self.body(OptInIn)
        given = oversight.grant_opt_in(self.principal, body["to_agency_id"], body["ends_at"])
        return self.answer(OptInOut, given, 201)


class OneOptIn(Endpoint):
    @extend_schema(
        operation_id="withdraw_opt_in",
        responses={200: OptInOut, **problems(400, 401, 403, 404, 503)},
    )
    def delete(self, request: HttpRequest, opt_in_id: UUID) -> Answer:
        """Take it back: nobody reads by it from now on. It stays in the list."""
        return self.answer(OptInOut, oversight.withdraw_opt_in(self.principal, opt_in_id))
