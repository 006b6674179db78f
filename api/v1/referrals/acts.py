"""The acts on a referral: POST /v1/referrals/{id}/{act}, one endpoint per entry of the registry
(referrals/act_registry/registry.py). Three tables below name what is written by hand because an
entry's fields cannot express it."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from api.http.endpoints import Endpoint, NothingIn, Shape
from api.http.fields import Flag, Id, Moment, Text
from api.http.json_bodies import Answer as HttpAnswer
from api.v1.referrals import (
    accounting,
    legal_records,
    packets,
    referral_shapes,
    referrals,
    releases,
    rights,
)
from api.v1.shapes import REFUSALS, CreatedOut, coded, said_of
from openapi.schema import ACTING_MEMBER, IF_MATCH, problems, signed_in
from referrals.act_registry import fields as act_fields
from referrals.act_registry.registry import ACTS, Act, Answer
from referrals.act_registry.repeats import Repeat


class Special(NamedTuple):
    """A request shape written by hand: `arguments` turns its body into the function's arguments,
    and `shows` is the shape of the answer."""

    shape: type[Shape]
    arguments: Callable[[dict[str, Any]], dict[str, Any]] = dict
    shows: type[serializers.Serializer] = CreatedOut


def _record(body: dict[str, Any]) -> dict[str, Any]:
    return {"record": legal_records.record_of(body)}


def _terms(body: dict[str, Any]) -> dict[str, Any]:
    return {"terms": releases.terms_of(body)}


SHAPES = {
    "put_notice": Special(
        referral_shapes.NoticeIn, lambda body: {"notice": referrals.notice_of(body)}
    ),
    "put_packet": Special(packets.PacketIn, lambda body: {"fields": body["packet"]}),
    "put_release": Special(releases.ReleaseIn, _terms),
    "put_notice_release": Special(releases.NoticeReleaseIn, _terms),
    "narrow_release": Special(releases.NarrowReleaseIn),
    "put_return_release": Special(releases.ReturnReleaseIn, _terms),
    "record_report": Special(legal_records.RecordReportIn, _record, legal_records.RecordedOut),
    "record_disclosure": Special(
        legal_records.RecordDisclosureIn, _record, legal_records.RecordedOut
    ),
    "record_rights": Special(
        rights.RecordRightsIn,
        lambda body: {"rights": rights.rights_of(body)},
        rights.RightsRecordedOut,
    ),
}
ENDPOINTS: dict[str, type[Endpoint]] = {  # acts with an answer of their own
    "open_packet": packets.OpenPacket,
    "open_notes": packets.OpenNotes,
    "account_disclosures": accounting.AccountDisclosures,
}
ELSEWHERE = {"create"}  # POST /v1/referrals: there is no referral yet


class ActEndpoint(Endpoint):
    """Reads the body, performs the act and returns the referral or the record that it made."""

    act: ClassVar[Act]
    special: ClassVar[Special]

    def post(self, request: HttpRequest, referral_id: UUID) -> HttpAnswer:
        act, special = self.act, self.special
        arguments = special.arguments(self.body(special.shape))
        if act.repeat is Repeat.KEYED:
            arguments["key"] = self.idempotency_key(f"referrals/{referral_id}/{act.name}")
        if act.answer is Answer.REFERRAL:
            etag = self.if_match()
            return referrals.shown(act.do(self.principal, referral_id, if_match=etag, **arguments))
        result = act.do(self.principal, referral_id, **arguments)
        shows = special.shows
        return self.answer(shows, {"id": result} if shows is CreatedOut else result, 201)


def endpoint(name: str) -> type[Endpoint]:
    """Return the endpoint class of an act."""
    act = ACTS[name]
    if act.answer is Answer.OWN:
        return ENDPOINTS[name]
    special = SHAPES.get(name) or Special(_shape(act), _arguments(act))
    shown: dict[int, type[serializers.Serializer]]
    if act.answer is Answer.REFERRAL:
        headers, shown = [IF_MATCH], {200: referral_shapes.ReferralOut}
    else:
        headers, shown = [], {201: special.shows}
    own = {
        "act": act,
        "special": special,
        "repeats": {"post": act.repeat},
        "logged_as": f"referral.{name}",
    }
    made = type(_camel(name), (ActEndpoint,), own)
    schema = extend_schema(
        operation_id=name,
        auth=signed_in(act.rule.scope),
        request=special.shape,
        parameters=[*headers, ACTING_MEMBER],
        responses={**shown, **problems(*REFUSALS)},
        **said_of(name),
    )
    view: type[Endpoint] = extend_schema_view(post=schema)(made)
    return view


def _arguments(act: Act) -> Callable[[dict[str, Any]], dict[str, Any]]:
    fields = act.body.fields if act.body else ()
    renamed = {field.name: field.parameter for field in fields if field.argument}
    if not renamed:
        return dict
    return lambda body: {renamed.get(name, name): value for name, value in body.items()}


_made: dict[str, type[Shape]] = {"NothingIn": NothingIn}


def _shape(act: Act) -> type[Shape]:
    """Make the request shape from the fields of the act's entry."""
    body = act.body
    assert body is not None  # acts without a body are in SHAPES
    name = body.name or f"{_camel(act.name)}In"
    if name not in _made:
        fields = {field.name: _field(field) for field in body.fields}
        _made[name] = type(name, (Shape,), {**fields, "__doc__": body.says or None})
    return _made[name]


def _field(field: act_fields.Field) -> serializers.Field:
    options: dict[str, Any] = {"help_text": field.help} if field.help else {}
    if not field.required:
        options |= {"default": field.default}
        options |= {"allow_null": True} if field.default is None else {}
    match field:
        case act_fields.Code():
            return coded(field.codes, **options)
        case act_fields.Text():
            return Text(max_length=field.longest, lines=field.lines, **options)
        case act_fields.Flag():
            return Flag(**options)
        case act_fields.Moment():
            return Moment(**options)
        case act_fields.Id():
            return Id(**options)
        case act_fields.Ids():
            return serializers.ListField(child=Id(), max_length=field.most, **options)
    raise ImproperlyConfigured(f"No field of the API for {type(field).__name__}.")


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _check() -> None:
    """Check that each act has one endpoint, and that only acts that need it are written by hand.
    Raises ImproperlyConfigured."""
    by_hand = {name for name, act in ACTS.items() if act.body is None}
    own = {name for name, act in ACTS.items() if act.answer is Answer.OWN}
    wrong = (by_hand ^ (own | set(SHAPES))) | (own ^ (ELSEWHERE | set(ENDPOINTS)))
    if wrong:
        raise ImproperlyConfigured(f"Acts without one endpoint: {', '.join(sorted(wrong))}.")


def route(name: str) -> URLPattern:
    """Return the route of an act."""
    return path(f"referrals/<uuid:referral_id>/{name}", endpoint(name).as_view())


_check()
