"""The directory's change feed, for clients that keep a copy of it."""

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, page_size
from api.http.json_bodies import Answer
from api.v1.directory.answers import ANYBODY
from directory.search import change_feed
from openapi.schema import page_limit, problems
from permissions.database.db_identity import identified_transaction

SCOPE = "directory-changes"


class DirectoryChangeOut(serializers.Serializer):
    kind = serializers.ChoiceField(
        ["organization", "service", "service_at_location", "taxonomy", "taxonomy_term"]
    )
    id = serializers.UUIDField()
    action = serializers.ChoiceField(["created", "updated", "deleted"])
    at = serializers.DateTimeField()


class DirectoryChangesOut(serializers.Serializer):
    items = DirectoryChangeOut(many=True)
    next = serializers.CharField(help_text="Ask with `after` for what comes; there always is one.")


class Changes(Endpoint):
    public = True
    query = ("after", "limit")

    @extend_schema(
        operation_id="directory_changes",
        auth=ANYBODY,
        parameters=[
            OpenApiParameter("after", str, description="`next` of the page before."),
            page_limit(500),
        ],
        responses={200: DirectoryChangesOut, **problems(400, 401, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List what changed in the directory, oldest first. Read each named document again, drop
        those that are `deleted`, and continue with `next`, also after an empty page. No change is
        missed."""
        asked = request.GET
        limit = page_size(asked.get("limit"), change_feed.MAX_PAGE)
        after = 0
        if text := asked.get("after"):
            after = int(cursors.unsealed(self.principal, SCOPE, text, "after")[0])
        with identified_transaction(self.principal):
            lines = change_feed.list_changes(self.principal, after, limit)
        last = lines[-1].seq if lines else after
        page = {
            "items": lines,
            "next": cursors.sealed(self.principal, SCOPE, str(last)),
        }
        return self.answer(DirectoryChangesOut, page)
