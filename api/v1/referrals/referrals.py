"""Endpoints of the referral. permissions/policy/rules.py says who may act, and
referrals/act_registry/transitions.py from which state. GET /v1/referrals/transitions serves both.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema

from api.http import cursors
from api.http.endpoints import Endpoint, moment_parameter, page_size
from api.http.json_bodies import Answer
from api.v1.referrals.new_referrals import ReferralIn, taken_apart
from api.v1.referrals.referral_shapes import (
    HistoryOut,
    ReferralOut,
    ReferralPageOut,
    TransitionsOut,
    referral_json,
)
from api.v1.shapes import REFUSALS, said_of
from openapi.schema import ACTING_MEMBER, AS_KNOWN, page_limit, problems, signed_in
from permissions import entity_tags
from permissions.errors import BadRequest
from referrals.act_registry.registry import ACTS, MOVES, RULES
from referrals.notices import Notice
from referrals.own_numbers import record_numbers
from referrals.partner_systems import one_request
from referrals.queries import details, lists
from referrals.queries.history import read_history
from referrals.queries.line_json import line_json
from referrals.queries.list_filters import FILTERS, Filter, Filters, Kind


def _parameter(name: str, filter_: Filter) -> OpenApiParameter:
    kinds: dict[Kind, Any] = {
        Kind.FLAG: bool,
        Kind.CODE: str,
        Kind.MOMENT: {"type": "string", "format": "date-time"},
        Kind.NUMBER: {"type": "string", "minLength": 1, "maxLength": record_numbers.MAX_CHARS},
    }
    codes = list(filter_.codes) or None
    return OpenApiParameter(name, kinds[filter_.kind], description=filter_.says, enum=codes)


class Referrals(Endpoint):
    query = ("box", *FILTERS, "cursor", "limit")
    repeats: ClassVar = {"post": ACTS["create"].repeat}
    logged_as = "referral.create"

    @extend_schema(
        operation_id="list_referrals",
        auth=signed_in("referrals:read"),
        parameters=[
            OpenApiParameter("box", enum=["in", "out"], description="Sent to us, or by us."),
            *(_parameter(name, filter_) for name, filter_ in FILTERS.items()),
            OpenApiParameter("cursor", str),
            page_limit(100),
            ACTING_MEMBER,
        ],
        responses={200: ReferralPageOut, **problems(400, 401, 403, 429, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List your agency's referrals, newest first."""
        ask = request.GET
        box, limit = ask.get("box"), page_size(ask.get("limit"), lists.MAX_PAGE)
        if box not in (None, "in", "out"):
            raise BadRequest("invalid", "Enter in or out.", "box")
        filters = _filters(ask)
        scope = f"referrals:{box}:{filters}"
        lines, place = lists.list_page(
            self.principal,
            box=box,
            filters=filters,
            after=cursors.from_cursor(self.principal, scope, ask.get("cursor")),
            limit=limit,
        )
        page = {
            "items": [line_json(line) for line in lines],
            "next": cursors.to_cursor(self.principal, scope, place),
        }
        return Answer(page)

    @extend_schema(
        operation_id="create_referral",
        auth=signed_in("referrals:write", "referrals:read"),
        **said_of("create"),
        request=ReferralIn,
        parameters=[ACTING_MEMBER],
        responses={201: ReferralOut, **problems(*REFUSALS)},
    )
    def post(self, request: HttpRequest) -> Answer:
        body = self.body(ReferralIn)
        key = self.idempotency_key("referrals")
        service_id, replaces, parts = taken_apart(body)
        notice = notice_of(body)
        created = one_request.create_with_parts(
            self.principal, service_id, notice, parts, replaces=replaces, key=key
        )
        return shown(created, 201)


def _filters(ask: Any) -> Filters:
    """Read and check each filter of the query. Raises BadRequest."""
    return Filters(**{name: _given(one, name, ask.get(name)) for name, one in FILTERS.items()})


def _given(filter_: Filter, name: str, text: str | None) -> Any:
    if filter_.kind is Kind.MOMENT:
        return moment_parameter(text, name)
    if filter_.kind is Kind.NUMBER:
        return None if text is None else record_numbers.normalized(text, name)
    if filter_.kind is Kind.FLAG:
        if text not in (None, "true", "false"):
            raise BadRequest("invalid", "Enter true or false.", name)
        return text == "true"
    if text is not None and text not in filter_.codes:
        raise BadRequest("invalid", f"Enter one of {', '.join(filter_.codes)}.", name)
    return text


def notice_of(body: dict[str, Any]) -> Notice:
    plain = {**body, "needs": tuple(body["needs"]), "access_needs": tuple(body["access_needs"])}
    return Notice(**plain)


def shown(seen: details.Detail, status: int = 200) -> Answer:
    """Return the referral as it now is, with its ETag: the answer of most acts."""
    answer = Answer(referral_json(seen), status)
    answer["ETag"] = entity_tags.with_content(seen.etag, answer.content)
    if status == 201:
        answer["Location"] = f"/v1/referrals/{seen.referral.id}"
    return answer


class Transitions(Endpoint):
    public = True

    @extend_schema(
        operation_id="transitions", responses={200: TransitionsOut, **problems(400, 401, 503)}
    )
    def get(self, request: HttpRequest) -> Answer:
        """Read the tables that the server enforces: who may do what, from which states, and to
        which state it leads."""
        items = [
            {
                "act": act,
                "from_side": RULES[act].from_side,
                "to_side": RULES[act].to_side,
                "scope": RULES[act].scope,
                "from_states": None if move.from_side is None else sorted(move.from_side),
                "to_states": None if move.to_side is None else sorted(move.to_side),
                "target": move.target,
            }
            for act, move in MOVES.items()
        ]
        return self.answer(TransitionsOut, {"items": items})


class ReferralDetail(Endpoint):
    @extend_schema(
        operation_id="read_referral",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: ReferralOut, **AS_KNOWN, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Read one referral, as your side is shown it. Each reading is an entry of the access log,
        also one that is answered 304."""
        return shown(details.read_detail(self.principal, referral_id))


class History(Endpoint):
    @extend_schema(
        operation_id="read_history",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: HistoryOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Read what your side may know of what happened on a referral, oldest first."""
        steps = read_history(self.principal, referral_id)
        return self.answer(HistoryOut, {"items": steps})
