"""The access log, for auditors: who of our agency saw what, when and for which purpose. It is read
page by page, as a file or as counts. Opt-ins say who else may read it."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
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
from openapi.schema import IN_PERSON, MONTH, page_limit, problems, signed_in
from permissions.audit import oversight, queries, statistics
from permissions.errors import BadRequest
from referrals.act_registry.repeats import Repeat
from referrals.queries.lists import Place


class AccessEntryOut(WithFieldsMember):
    """One entry: ids and codes, never a value. `subject` is the agency's own handle for the
    survivor."""

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
        help_text="The cursor of the earlier entries. With several filters, a page may have fewer"
        " items than its limit, or none, although more follow: go on until this is null.",
    )


class ListingOut(serializers.Serializer):
    member_id = serializers.UUIDField(allow_null=True)
    member_name = serializers.CharField(allow_null=True)
    client_id = serializers.UUIDField(allow_null=True)
    act = serializers.CharField(
        help_text="How: referral.list, event.list and so on. webhook.send has no member: it was"
        " sent to your agency's webhooks."
    )
    times = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class ListingsOut(serializers.Serializer):
    items = ListingOut(many=True)


class CountOut(serializers.Serializer):
    agency_id = serializers.UUIDField(allow_null=True, help_text="Null: an unknown caller.")
    act = serializers.CharField()
    decision = serializers.ChoiceField(choices=["allowed", "refused"])
    rule = serializers.CharField(allow_null=True, help_text="Why it was refused.")
    entries = serializers.IntegerField(
        help_text="At least as many of another agency, and fewer than ten more."
    )


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
        auth=signed_in("audit:read"),
        parameters=[
            *FILTER_PARAMETERS,
            OpenApiParameter("cursor", str),
            page_limit(100),
        ],
        responses={200: AccessLogOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List entries of your agency's own people and clients, newest first. An oversight auditor
        also reads those of an agency that has opted in, without names and without the handle of a
        survivor."""
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
        auth=signed_in("audit:read"),
        parameters=[*FILTER_PARAMETERS, OpenApiParameter("format", enum=sorted(MEDIA_TYPES))],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "text/plain"): OpenApiTypes.STR,
            **problems(400, 401, 403, 404, 429, 503),
        },
    )
    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Download all entries that match, newest first, as `ndjson` (one entry a line, as in the
        list) or `csv` (with a byte order mark, for spreadsheets; a cell that a spreadsheet would
        run begins with an apostrophe). `sealed` takes no filters and holds all that is sealed, for
        `verifier.py --own`: your agency's own entries as text, and only the hash of any other
        agency's. If the connection ends without its last chunk, the file is incomplete; fetch it
        again. To continue an earlier export, begin a minute before its end; otherwise an entry that
        was being written at that time is in neither file."""
        kind = request.GET.get("format", "ndjson")
        if kind not in MEDIA_TYPES:
            raise BadRequest("invalid", f"{' or '.join(sorted(MEDIA_TYPES))}.", "format")
        return export_entries(self.principal, filters_of(request.GET), kind)


class Listings(Endpoint):
    query = ("referral_id",)

    @extend_schema(
        operation_id="list_listings",
        auth=signed_in("audit:read"),
        parameters=[OpenApiParameter("referral_id", ID, required=True)],
        responses={200: ListingsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List who of your agency had a referral in their lists or in its feed, how often and when,
        and what of it was sent to your webhooks. For the rest of its trail, read the log by
        `referral_id`."""
        referral_id = uuid_parameter(request.GET.get("referral_id"), "referral_id")
        if referral_id is None:
            raise BadRequest("invalid", "Say which referral.", "referral_id")
        found, names = queries.listings(self.principal, referral_id)
        items = [
            one._asdict() | {"member_name": one.member_id and names.get(one.member_id)}
            for one in found
        ]
        return self.answer(ListingsOut, {"items": items})


class Counts(Endpoint):
    query = ("month",)

    @extend_schema(
        operation_id="count_access_log",
        auth=signed_in("audit:read"),
        parameters=[
            OpenApiParameter("month", MONTH, required=True, description="2026-11, in UTC.")
        ],
        responses={200: CountsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Count the entries of each kind in a month, for your agency. An oversight auditor gets the
        counts of each agency, rounded down, and of unknown callers."""
        found = statistics.counts(self.principal, *month_parameter(request.GET.get("month")))
        return self.answer(CountsOut, {"items": found})


class OptIns(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "access_log.opt_in"

    @extend_schema(
        operation_id="list_opt_ins",
        auth=signed_in("audit:read"),
        responses={200: OptInsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the opt-ins that let another agency's auditors read entries: those in force, then
        the newest others, a hundred at most. An agency's administrator and auditors see the
        agency's own; auditors of an oversight agency also see those given to it."""
        return self.answer(OptInsOut, {"items": oversight.list_opt_ins(self.principal)})

    @extend_schema(
        operation_id="give_opt_in",
        auth=IN_PERSON,
        request=OptInIn,
        responses={201: OptInOut, **problems(400, 401, 403, 409, 413, 415, 503)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Let an oversight agency's auditors read your agency's entries for a limited time. An
        agency_admin does this in person."""
        body, key = self.body(OptInIn), self.idempotency_key("access-log/opt-ins")
        given = oversight.grant_opt_in(
            self.principal, body["to_agency_id"], body["ends_at"], key=key
        )
        return self.answer(OptInOut, given, 201)


class OneOptIn(Endpoint):
    repeats: ClassVar = {"delete": Repeat.SAFE}

    @extend_schema(
        operation_id="withdraw_opt_in",
        auth=IN_PERSON,
        responses={200: OptInOut, **problems(400, 401, 403, 404, 503)},
    )
    def delete(self, request: HttpRequest, opt_in_id: UUID) -> Answer:
        """Withdraw an opt-in: it lets no one read from now on. It stays in the list."""
        return self.answer(OptInOut, oversight.withdraw_opt_in(self.principal, opt_in_id))
