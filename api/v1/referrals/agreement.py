"""The tally of agreement: how often a notice was offered, and how often the survivor said no
(R14)."""

from typing import ClassVar

from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from api.http.endpoints import Endpoint, Shape
from api.http.fields import Id
from api.http.json_bodies import Answer
from openapi.schema import ACTING_MEMBER, problems, signed_in
from referrals.act_registry.repeats import Repeat
from referrals.acts import agreement


class SaidNoIn(Shape):
    """Takes nothing about the survivor, the service or the hour."""

    draft_id = Id(
        required=False,
        help_text="The draft that was begun before the survivor was asked. It is deleted at once.",
    )


class AgreementTally(Endpoint):
    repeats: ClassVar = {"post": Repeat.COUNTED}

    @extend_schema(
        operation_id="she_said_no",
        auth=signed_in("referrals:write"),
        request=SaidNoIn,
        parameters=[ACTING_MEMBER],
        responses={
            200: OpenApiTypes.OBJECT,
            **problems(400, 401, 403, 404, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: HttpRequest) -> Answer:
        """Record that the survivor does not want the notice sent. This adds one to the tally and
        keeps nothing else about it. A draft that you name is deleted with its packet and notes; the
        log keeps that it was begun and that it was purged. Give the survivor the number, and leave
        the choice to them. Calling this twice counts two; naming the same draft again returns
        404. Without a draft a member may do this 12 times an hour, and a system 60 times (429)."""
        body = self.body(SaidNoIn)
        agreement.record_no(self.principal, body.get("draft_id"))
        return Answer({})
