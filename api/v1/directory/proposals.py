"""New and renamed entries that wait for a second person, and what that person decides."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from api.v1.directory.editing import EDITORS, REFUSALS
from directory.editing import edit, proposals
from openapi.schema import problems
from referrals.act_registry.repeats import Repeat


class DirectoryProposalOut(serializers.Serializer):
    """A change that is not reviewed yet. No reader of the directory is shown any of it."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    table = serializers.ChoiceField(["organization", "service"])
    entry_id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    name = serializers.CharField()
    alternate_name = serializers.CharField()
    answered_by = serializers.UUIDField(allow_null=True)
    reasons = serializers.ListField(
        child=serializers.ChoiceField(["takes_referrals", "resembles_another"]),
        help_text="Why it waits.",
    )
    agency_id = serializers.UUIDField(help_text="Whose change it is.")
    agency_name = serializers.CharField()
    member_id = serializers.UUIDField(allow_null=True, help_text="Who made it, of your agency.")
    state = serializers.ChoiceField(
        ["waiting", "approved"], help_text="`approved`: an editor of its agency may publish it."
    )
    may_decide = serializers.BooleanField(help_text="Whether you may approve or reject it.")


class DirectoryProposalsOut(serializers.Serializer):
    items = DirectoryProposalOut(many=True)


class Proposals(Endpoint):
    @extend_schema(
        operation_id="directory_proposals",
        auth=EDITORS,
        responses={200: DirectoryProposalsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the new and renamed entries that wait for a second person: those of your agency, for
        its directory editors and leads, and those that you may decide on."""
        return self.answer(DirectoryProposalsOut, {"items": proposals.pending(self.principal)})


class _Decision(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}

    def decided(self, proposal_id: UUID, *, approve: bool) -> Answer:
        edit.decide(self.principal, proposal_id, approve=approve)
        return Answer(status=204)


class Approve(_Decision):
    @extend_schema(
        operation_id="directory_approve_proposal",
        request=None,
        responses={204: None, **problems(400, 401, 404, 409, 412, 503)},
    )
    def post(self, request: HttpRequest, proposal_id: UUID) -> Answer:
        """Approve it, as a lead or directory editor of its agency who did not make it, as a
        directory editor of an agency that it resembles, or as the outside reviewer. It is published
        at once where you may edit the entry; otherwise an editor of its agency publishes it."""
        return self.decided(proposal_id, approve=True)


class Reject(_Decision):
    @extend_schema(
        operation_id="directory_reject_proposal",
        request=None,
        responses={204: None, **problems(400, 401, 404, 503)},
    )
    def post(self, request: HttpRequest, proposal_id: UUID) -> Answer:
        """Reject it, as the people who may approve it. Nothing of it is published."""
        return self.decided(proposal_id, approve=False)


class Publish(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}

    @extend_schema(
        operation_id="directory_publish_proposal",
        auth=EDITORS,
        request=None,
        responses={204: None, **REFUSALS},
    )
    def post(self, request: HttpRequest, proposal_id: UUID) -> Answer:
        """Publish a change of your agency that was approved by someone who may not edit the
        entry."""
        edit.publish(self.principal, proposal_id)
        return Answer(status=204)
