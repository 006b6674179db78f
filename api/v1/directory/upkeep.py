"""What an entry's editors have in addition to its document: history, reviews, a sealed address."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, Shape, WithFieldsMember, page_size
from api.http.fields import Text
from api.http.json_bodies import Answer
from api.v1.directory.editing import EDITORS, REFUSALS
from directory.editing import confidential_addresses, reviews
from openapi.schema import IN_PERSON, page_limit, problems
from referrals.act_registry.repeats import Repeat
from referrals.queries.lists import Place

_PAGED = [OpenApiParameter("cursor", str), page_limit(100)]


class DirectoryEditOut(WithFieldsMember):
    """Who changed which members of a document. It never shows their earlier values."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    table = serializers.ChoiceField(["organization", "service", "location"])
    row_id = serializers.UUIDField()
    action = serializers.ChoiceField(["created", "updated", "deleted"])
    fields_ = serializers.ListField(child=serializers.CharField())
    agency_id = serializers.UUIDField()
    member_id = serializers.UUIDField(allow_null=True)
    client_id = serializers.UUIDField(allow_null=True)


class DirectoryHistoryOut(serializers.Serializer):
    items = DirectoryEditOut(many=True)
    next = serializers.CharField(allow_null=True)


class History(Endpoint):
    query = ("cursor", "limit")

    @extend_schema(
        operation_id="directory_history",
        auth=EDITORS,
        parameters=_PAGED,
        responses={200: DirectoryHistoryOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, organization_id: UUID) -> Answer:
        """List the changes of an organization's entries, newest first, for its editors."""
        asked, scope = request.GET, f"directory-history:{organization_id}"
        limit = page_size(asked.get("limit"), reviews.MAX_PAGE)
        after = cursors.from_cursor(self.principal, scope, asked.get("cursor"))
        found, more = reviews.history(self.principal, organization_id, after, limit)
        last = Place(found[-1].at, found[-1].id) if more else None
        cursor = cursors.to_cursor(self.principal, scope, last)
        return self.answer(DirectoryHistoryOut, {"items": found, "next": cursor})


class DirectoryReviewOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    organization_id = serializers.UUIDField()
    organization_name = serializers.CharField()
    status = serializers.CharField()
    assured_date = serializers.DateField(allow_null=True)


class DirectoryReviewsOut(serializers.Serializer):
    items = DirectoryReviewOut(many=True)
    next = serializers.CharField(allow_null=True)


class Reviews(Endpoint):
    query = ("cursor", "limit")

    @extend_schema(
        operation_id="directory_reviews",
        auth=EDITORS,
        parameters=_PAGED,
        responses={200: DirectoryReviewsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the open services that your agency edits and that have not been assured for long, or
        ever, the longest first. Check each one, then set its `assured_date`."""
        asked, scope = request.GET, "directory-reviews"
        limit = page_size(asked.get("limit"), reviews.MAX_PAGE)
        after: tuple[date | None, UUID] | None = None
        if text := asked.get("cursor"):
            day, row_id = cursors.unsealed(self.principal, scope, text, "cursor")
            after = (date.fromisoformat(day) if day else None, UUID(row_id))
        found, more = reviews.due_reviews(self.principal, after, limit)
        cursor = None
        if more:
            last = found[-1]
            day = last.assured_date.isoformat() if last.assured_date else ""
            cursor = cursors.sealed(self.principal, scope, day, str(last.id))
        return self.answer(DirectoryReviewsOut, {"items": found, "next": cursor})


class ConfidentialAddressIn(Shape):
    address_1 = Text(max_length=500)
    city = Text(max_length=500)
    attention = Text(max_length=500, required=False)
    address_2 = Text(max_length=500, required=False)
    region = Text(max_length=500, required=False)
    state_province = Text(max_length=500, required=False)
    postal_code = Text(max_length=50, required=False)
    country = Text(max_length=50, required=False)
    directions = Text(max_length=2000, lines=3, required=False)


class ConfidentialAddress(Endpoint):
    repeats: ClassVar = {"put": Repeat.SAFE, "delete": Repeat.SAFE}
    logged_as = "address.put"

    @extend_schema(
        operation_id="directory_open_confidential_address",
        auth=IN_PERSON,
        responses={200: ConfidentialAddressIn, **problems(400, 401, 404, 503)},
    )
    def get(self, request: HttpRequest, location_id: UUID) -> Answer:
        """Read where a confidential place of your own agency is. For its workers, leads and
        directory editors, signed in themselves. Each opening is an access entry."""
        return Answer(confidential_addresses.open_address(self.principal, location_id))

    @extend_schema(
        operation_id="directory_put_confidential_address",
        auth=EDITORS,
        request=ConfidentialAddressIn,
        responses={204: None, **REFUSALS},
    )
    def put(self, request: HttpRequest, location_id: UUID) -> Answer:
        """Store the address here, sealed with your agency's key, for your agency's own people
        alone. Your agency decides whether to do so; nothing else in the directory holds or needs
        it."""
        confidential_addresses.put_address(
            self.principal, location_id, self.body(ConfidentialAddressIn)
        )
        return Answer(status=204)

    @extend_schema(
        operation_id="directory_remove_confidential_address",
        auth=EDITORS,
        responses={204: None, **REFUSALS},
    )
    def delete(self, request: HttpRequest, location_id: UUID) -> Answer:
        """Remove the sealed address from here."""
        confidential_addresses.remove_address(self.principal, location_id)
        return Answer(status=204)
