"""The referral: its JSON shapes, then its endpoints. Who may and from which state: see
permissions/policy.py and referrals/transitions.py, both served at GET /v1/referrals/transitions."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers

from api import cursors
from api.fields import Code, Flag, Id, Moment, Text
from api.rendering import Answer
from api.views import Endpoint, HasFields, NamedTexts, NothingIn, Shape, moment_parameter, page_size
from openapi.schema import ACTING_MEMBER, IDEMPOTENCY_KEY, IF_MATCH, problems
from permissions import disclosure, policy
from permissions.errors import BadRequest
from permissions.prepared import Along
from referrals import (
    acts,
    blocks,
    codes,
    holds,
    listing,
    packets,
    reading,
    seeing,
    staff,
    transitions,
)
from referrals.filters import STATUSES, Filters
from referrals.notices import Notice

REFUSALS = (400, 401, 403, 404, 409, 412, 413, 415, 503)


def coded(labels: Any, **options: Any) -> Code:
    return Code(choices=list(labels), **options)


def coded_list(labels: Any, **options: Any) -> serializers.ListField:
    return serializers.ListField(child=coded(labels), max_length=len(labels), **options)


# -- Shapes in -------------------------------------------------------------------------------------


class NoticeFields(Shape):
    urgency = coded(codes.URGENCY)
    needs = coded_list(codes.NEEDS, allow_empty=False)
    callback = Text(max_length=32, help_text="The worker's phone number, never the survivor's.")
    concern = coded(codes.CONCERN, default="not_stated")
    age_band = coded(codes.AGE_BAND, default="not_stated")
    household_size = coded(codes.HOUSEHOLD_SIZE, default="not_stated")
    language = coded(codes.LANGUAGE, default="not_stated")
    interpreter = coded(codes.INTERPRETER, default="not_stated", help_text="Never her family.")
    interpreter_not_local = Flag(default=False, help_text="Nobody who may know her, or her people.")
    access_needs = coded_list(codes.ACCESS_NEEDS, default=list)
    wanted = coded(codes.WANTED, default="call_worker")
    with_worker_until = Moment(default=None, allow_null=True)
    survivor_can_talk_now = Flag(default=None, allow_null=True)


class NoticeIn(NoticeFields):
    """The whole notice (T2): coded, no free text, no identity, no incident."""


class ReferralIn(NoticeFields):
    """A draft: the service it is for, and its notice."""

    service_id = Id()
    replaces = Id(
        default=None,
        allow_null=True,
        help_text="A referral of yours whose place it takes, with what is left of its plan, and"
        " with whom your side keeps out of it.",
    )


class PacketIn(Shape):
    """Packet fields to write; those not named stay as they are."""

    packet = NamedTexts(
        disclosure.PACKET_FIELDS,
        child=Text(max_length=disclosure.MAX_FIELD_CHARS),
        help_text=f"Keys: {', '.join(disclosure.PACKET_FIELDS)}. `screening` holds codes of that"
        " list, one after the other.",
    )


class SendIn(Shape):
    agreement = coded(codes.AGREEMENT, help_text="The survivor's, to this notice. A no stays here.")


class DeclineIn(Shape):
    code = coded(codes.DECLINE, help_text="What the sender is shown.")
    suggested_service_id = Id(default=None, allow_null=True)
    private_reason = coded(
        codes.PRIVATE_REASON, default=None, allow_null=True, help_text="Stays with your agency."
    )


class CompleteIn(Shape):
    outcome = coded(codes.OUTCOME)


class UnableIn(Shape):
    code = coded(codes.PRIVATE_REASON)


class WithdrawIn(Shape):
    code = coded(codes.WITHDRAW)


class AssignIn(Shape):
    member_id = Id(help_text="A worker or lead of your agency.")
    reason = coded(
        codes.SELF_ASSIGNMENT,
        default=None,
        allow_null=True,
        help_text="Needed from a lead who names herself.",
    )


class HandOverIn(Shape):
    member_id = Id(help_text="A worker or lead of your agency.")
    keep = Flag(default=False, help_text="Whom she replaces stays assigned.")


class TakeOverIn(Shape):
    reason = coded(
        codes.SELF_ASSIGNMENT,
        default=None,
        allow_null=True,
        help_text="Needed from a lead, except at the recipient before the accept.",
    )
    keep = Flag(default=False, help_text="Whom she replaces stays assigned.")


class SetHoldIn(Shape):
    until = Moment(help_text="Within 366 days; then it is set anew.")


class BlockIn(Shape):
    """Whom it is about: one of both."""

    member_id = Id(default=None, allow_null=True, help_text="A member of your own agency.")
    other_agency = Flag(default=False, help_text="The whole other agency; by the sender.")


class PurposeIn(Shape):
    purpose = coded(codes.PURPOSE, help_text="Purpose of use; it stands in the access log.")


class NoteIn(Shape):
    text = Text(max_length=packets.MAX_NOTE_CHARS)


# -- Shapes out ------------------------------------------------------------------------------------


class AgencyOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ServiceOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class MemberOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField(allow_null=True)


class LineOut(serializers.Serializer):
    """One referral in a list."""

    id = serializers.UUIDField()
    side = serializers.ChoiceField(choices=["from", "to"])
    reference = serializers.CharField()
    from_agency = AgencyOut()
    to_agency = AgencyOut()
    service = ServiceOut()
    status = serializers.CharField(help_text="As your side is shown it.")
    urgency = serializers.CharField()
    needs = serializers.ListField(child=serializers.CharField())
    wanted = serializers.CharField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    ack_by = serializers.DateTimeField(allow_null=True)
    accept_by = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    handoff_by = serializers.DateTimeField(allow_null=True, help_text="Recipient only.")
    asked_to_ring_at = serializers.DateTimeField(
        allow_null=True, help_text="When the other side last asked you to ring."
    )
    holder_id = serializers.UUIDField(allow_null=True, help_text="Your side's.")


class ReferralPageOut(serializers.Serializer):
    items = LineOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class NoticeOut(serializers.Serializer):
    urgency = serializers.CharField()
    needs = serializers.ListField(child=serializers.CharField())
    callback = serializers.CharField()
    concern = serializers.CharField()
    age_band = serializers.CharField()
    household_size = serializers.CharField()
    language = serializers.CharField()
    interpreter = serializers.CharField()
    interpreter_not_local = serializers.BooleanField()
    access_needs = serializers.ListField(child=serializers.CharField())
    wanted = serializers.CharField()
    with_worker_until = serializers.DateTimeField(allow_null=True)
    survivor_can_talk_now = serializers.BooleanField(allow_null=True)
    agreement = serializers.CharField(allow_null=True)


class ReleaseOut(HasFields):
    """For those who answer for it: assigned members and leads of either side."""

    id = serializers.UUIDField()
    basis = serializers.CharField()
    purpose = serializers.CharField()
    fields_ = serializers.ListField(child=serializers.CharField())
    form = serializers.CharField()
    signed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    in_force = serializers.BooleanField()


class BlockOut(serializers.Serializer):
    """For those who answer for it: whom your side bars; the sender's mark for your leads."""

    kind = serializers.ChoiceField(choices=["member", "agency", "leads_only"])
    member = MemberOut(allow_null=True)
    ours = serializers.BooleanField(help_text="False: the sender's mark, which binds your agency.")
    set_at = serializers.DateTimeField()


class OpeningsOut(serializers.Serializer):
    """Of a packet sent by mistake: by how many it had been opened, and when; not by whom."""

    people = serializers.IntegerField()
    times = serializers.ListField(child=serializers.DateTimeField())


class ReferralOut(serializers.Serializer):
    """One referral, as the caller's side is shown it (T2 and T5). Never a packet field."""

    id = serializers.UUIDField()
    side = serializers.ChoiceField(choices=["from", "to"])
    reference = serializers.CharField()
    from_agency = AgencyOut()
    to_agency = AgencyOut()
    service = ServiceOut()
    status = serializers.CharField()
    code = serializers.CharField(allow_null=True)
    suggested_service_id = serializers.UUIDField(allow_null=True)
    notice = NoticeOut()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True)
    ack_by = serializers.DateTimeField(allow_null=True)
    accept_by = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    handoff_by = serializers.DateTimeField(allow_null=True, help_text="Recipient only.")
    escalated_at = serializers.DateTimeField(
        allow_null=True, help_text="A deadline passed that your side is shown."
    )
    asked_to_ring_at = serializers.DateTimeField(
        allow_null=True, help_text="When the other side last asked you to ring."
    )
    hold_until = serializers.DateTimeField(allow_null=True, help_text="Your side's legal hold.")
    holder = MemberOut(allow_null=True, help_text="Your side's.")
    assigned = MemberOut(many=True, help_text="Your side's.")
    release = ReleaseOut(allow_null=True)
    release_ended = serializers.BooleanField()
    purge_at = serializers.DateTimeField(
        allow_null=True, help_text="When your side's part is deleted, once it was told so."
    )
    blocks = BlockOut(many=True)
    plan = serializers.ListField(
        child=serializers.UUIDField(), help_text="The sender's next services; its assigned alone."
    )
    replaces_id = serializers.UUIDField(allow_null=True, help_text="Likewise.")
    openings = OpeningsOut(allow_null=True, help_text="Of what your side marked as an error.")
    acts = serializers.ListField(child=serializers.CharField(), help_text="Open to you now.")


class PacketOut(serializers.Serializer):
    """An opened packet. The receipt is the id of the access entry that opened it."""

    safe_contact = serializers.CharField(
        allow_null=True,
        help_text="Comes before any contact in the packet, and governs it. Null: none is in it.",
    )
    packet = serializers.DictField(child=serializers.CharField())
    release_id = serializers.UUIDField(allow_null=True)
    release_expires_at = serializers.DateTimeField(allow_null=True)
    handling = serializers.ListField(
        child=serializers.CharField(),
        help_text="Codes of how to handle it, that of its redisclosure notice among them.",
    )
    notice = serializers.CharField(
        allow_null=True,
        help_text="That notice in words: keep it with whatever you copy (42 CFR 2.32). Null: your"
        " own packet, or a release without one. Spanish: GET /v1/codes, `redisclosure_notice`.",
    )
    receipt = serializers.UUIDField()


class NoteOut(serializers.Serializer):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    member_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    content = serializers.DictField(child=serializers.CharField(allow_null=True))


class NotesOut(serializers.Serializer):
    items = NoteOut(many=True)


class CreatedOut(serializers.Serializer):
    id = serializers.UUIDField()


class StepOut(serializers.Serializer):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    act = serializers.CharField()
    side = serializers.ChoiceField(choices=["from", "to", "system"])
    by = serializers.CharField(allow_null=True, help_text="Your own side's people only.")
    about = serializers.CharField(
        allow_null=True, help_text="Of your own people, the one whom it concerns."
    )
    code = serializers.CharField(allow_null=True)


class HistoryOut(serializers.Serializer):
    items = StepOut(many=True)


class TransitionOut(serializers.Serializer):
    act = serializers.CharField()
    from_side = serializers.CharField(allow_null=True, help_text="Who of the sender's agency.")
    to_side = serializers.CharField(allow_null=True, help_text="Who of the recipient's agency.")
    scope = serializers.CharField(help_text="What a client needs.")
    from_states = serializers.ListField(child=serializers.CharField(), allow_null=True)
    to_states = serializers.ListField(child=serializers.CharField(), allow_null=True)
    target = serializers.CharField(allow_null=True, help_text="Null: the state stays.")


class TransitionsOut(serializers.Serializer):
    items = TransitionOut(many=True)


def referral_json(seen: reading.Detail) -> dict[str, Any]:
    """`ReferralOut` of what a side was shown."""
    referral, release = seen.referral, seen.release
    holder_id = seen.own.holder_id if seen.own else None
    return {
        **{
            name: getattr(referral, name)
            for name in (
                *("id", "reference", "code", "suggested_service_id", "created_at", "sent_at"),
                *("acknowledged_at", "accepted_at", "ack_by", "accept_by", "expires_at"),
            )
        },
        "side": seen.side,
        "from_agency": seen.from_agency,
        "to_agency": seen.to_agency,
        "service": {"id": referral.service_id, "name": referral.service_name},
        "status": seen.status,
        "notice": referral,
        "handoff_by": seen.own.handoff_by if seen.own and seen.side == "to" else None,
        "escalated_at": seen.escalated_at,
        "asked_to_ring_at": seen.asked_to_ring_at,
        "hold_until": seen.own.hold_until if seen.own else None,
        "holder": {"id": holder_id, "name": seen.names.get(holder_id)} if holder_id else None,
        "assigned": [{"id": one, "name": seen.names.get(one)} for one in seen.assigned],
        "release": release
        and {
            **{name: getattr(release, name) for name in ("id", "basis", "purpose", "fields")},
            **{name: getattr(release, name) for name in ("form", "signed_at", "expires_at")},
            "in_force": seen.release_in_force,
        },
        "release_ended": seen.release_ended,
        "purge_at": seen.purge_at,
        "blocks": [
            {
                "kind": one.kind,
                "member": one.member_id
                and {"id": one.member_id, "name": seen.names.get(one.member_id)},
                "ours": one.ours,
                "set_at": one.set_at,
            }
            for one in seen.blocks
        ],
        "plan": seen.plan,
        "replaces_id": seen.replaces_id,
        "openings": seen.openings,
        "acts": seen.acts,
    }


def line_json(line: listing.Line) -> dict[str, Any]:
    """What `LineOut` makes of it, without a serializer: fifty lines took it longer than the rest
    of the request. tests/test_hot_answers.py holds the two against each other."""
    return {
        "id": line.id,
        "side": line.side,
        "reference": line.reference,
        "from_agency": {"id": line.from_agency_id, "name": line.from_agency_name},
        "to_agency": {"id": line.to_agency_id, "name": line.to_agency_name},
        "service": {"id": line.service_id, "name": line.service_name},
        "status": line.status,
        "urgency": line.urgency,
        "needs": line.needs,
        "wanted": line.wanted,
        "created_at": line.created_at,
        "sent_at": line.sent_at,
        "ack_by": line.ack_by,
        "accept_by": line.accept_by,
        "expires_at": line.expires_at,
        "handoff_by": line.handoff_by,
        "asked_to_ring_at": line.asked_to_ring_at,
        "holder_id": line.holder_id,
    }


def packet_json(opened: packets.Opened) -> dict[str, Any]:
    """What `PacketOut` makes of it, without a serializer, as in a list."""
    return {
        "safe_contact": opened.safe_contact,
        "packet": opened.fields,
        "release_id": opened.release_id,
        "release_expires_at": opened.release_expires_at,
        "handling": opened.handling,
        "notice": opened.notice,
        "receipt": opened.entry_id,
    }


# -- Endpoints -------------------------------------------------------------------------------------


class Referrals(Endpoint):
    query = (
        *("box", "needs_answer", "pressing", "status", "urgency", "overdue", "mine"),
        *("updated_since", "cursor", "limit"),
    )

    @extend_schema(
        operation_id="list_referrals",
        parameters=[
            OpenApiParameter("box", enum=["in", "out"], description="Sent to us, or by us."),
            OpenApiParameter("needs_answer", bool, description="Those that wait for an answer."),
            OpenApiParameter(
                "pressing",
                bool,
                description="Those that wait for an answer, whose other side asked you to ring"
                " within a day, or whose first contact is late.",
            ),
            OpenApiParameter("status", enum=STATUSES, description="As your side is shown it."),
            OpenApiParameter("urgency", enum=list(codes.URGENCY)),
            OpenApiParameter("overdue", bool, description="Past a deadline you are shown."),
            OpenApiParameter("mine", bool, description="Those the acting member works on."),
            OpenApiParameter(
                "updated_since",
                {"type": "string", "format": "date-time"},
                description="Something that your side may know happened after it.",
            ),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int, description="1 to 100, default 50."),
            ACTING_MEMBER,
        ],
        responses={200: ReferralPageOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Your agency's referrals, newest first."""
        ask = request.GET
        box, limit = ask.get("box"), page_size(ask.get("limit"), listing.MAX_PAGE)
        if box not in (None, "in", "out"):
            raise BadRequest("invalid", "in or out.", "box")
        filters = _filters(ask)
        scope = f"referrals:{box}:{filters}"
        lines, place = listing.list_page(
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
        request=ReferralIn,
        parameters=[IDEMPOTENCY_KEY, ACTING_MEMBER],
        responses={201: ReferralOut, **problems(*REFUSALS, 422)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Begin a referral: a draft that nobody else sees. `send` puts it before the service."""
        body = self.body(ReferralIn)
        key = self.idempotency_key("referrals")
        service_id, replaces = body.pop("service_id"), body.pop("replaces")
        created = acts.create(self.principal, service_id, _notice(body), replaces=replaces, key=key)
        return _shown(created, 201)


def _filters(ask: Any) -> Filters:
    """The query's, each checked. Raises BadRequest."""

    def yes(name: str) -> bool:
        if ask.get(name, "false") not in ("true", "false"):
            raise BadRequest("invalid", "true or false.", name)
        return bool(ask.get(name) == "true")

    status, urgency = ask.get("status"), ask.get("urgency")
    if status is not None and status not in STATUSES:
        raise BadRequest("invalid", f"One of {', '.join(STATUSES)}.", "status")
    if urgency is not None and urgency not in codes.URGENCY:
        raise BadRequest("invalid", f"One of {', '.join(codes.URGENCY)}.", "urgency")
    return Filters(
        needs_answer=yes("needs_answer"),
        pressing=yes("pressing"),
        status=status,
        urgency=urgency,
        overdue=yes("overdue"),
        mine=yes("mine"),
        updated_since=moment_parameter(ask.get("updated_since"), "updated_since"),
    )


def _notice(body: dict[str, Any]) -> Notice:
    plain = {**body, "needs": tuple(body["needs"]), "access_needs": tuple(body["access_needs"])}
    return Notice(**plain)


def _shown(seen: reading.Detail, status: int = 200) -> Answer:
    """The referral as it now is, with its ETag: the answer of every act."""
    headers = {"ETag": seen.etag}
    if status == 201:
        headers["Location"] = f"/v1/referrals/{seen.referral.id}"
    return Answer(ReferralOut(referral_json(seen)).data, status, headers=headers)


class Transitions(Endpoint):
    public = True

    @extend_schema(
        operation_id="transitions", responses={200: TransitionsOut, **problems(400, 401, 503)}
    )
    def get(self, request: HttpRequest) -> Answer:
        """The tables that the server obeys: who may do what, from which state, to which."""
        items = [
            {
                "act": act,
                **policy.RULES[act]._asdict(),
                "from_states": None if move.from_side is None else sorted(move.from_side),
                "to_states": None if move.to_side is None else sorted(move.to_side),
                "target": move.target,
            }
            for act, move in transitions.MOVES.items()
        ]
        return self.answer(TransitionsOut, {"items": items})


class ReferralDetail(Endpoint):
    @extend_schema(
        operation_id="read_referral",
        parameters=[ACTING_MEMBER],
        responses={200: ReferralOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """One referral, as your side is shown it."""
        return _shown(reading.detail(self.principal, referral_id))


class History(Endpoint):
    @extend_schema(
        operation_id="read_history",
        parameters=[ACTING_MEMBER],
        responses={200: HistoryOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """What your side may know of what happened, oldest first."""
        steps = reading.history(self.principal, referral_id)
        return self.answer(HistoryOut, {"items": steps})


class ActEndpoint(Endpoint):
    """POST /v1/referrals/{id}/{act}: read the body, do the act, show the referral."""

    shape: type[Shape] = NothingIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        raise NotImplementedError

    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        return _shown(self.act(referral_id, self.body(self.shape)))


def act_schema(name: str, shape: type[Shape], summary: str) -> Any:
    return extend_schema_view(
        post=extend_schema(
            operation_id=name,
            summary=summary,
            request=shape,
            parameters=[IF_MATCH, ACTING_MEMBER],
            responses={200: ReferralOut, **problems(*REFUSALS)},
        )
    )


@act_schema("put_notice", NoticeIn, "Replace the draft's notice.")
class PutNotice(ActEndpoint):
    shape = NoticeIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.put_notice(self.principal, referral_id, _notice(body), if_match=self.if_match())


@act_schema("put_packet", PacketIn, "Write packet fields, sealed one by one.")
class PutPacket(ActEndpoint):
    shape = PacketIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return packets.put_packet(
            self.principal, referral_id, body["packet"], if_match=self.if_match()
        )


@act_schema("send", SendIn, "Put the notice before the recipient.")
class Send(ActEndpoint):
    shape = SendIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.send(self.principal, referral_id, body["agreement"], if_match=self.if_match())


@act_schema("acknowledge", NothingIn, "Say that somebody looks at it. Shows no identity.")
class Acknowledge(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.acknowledge(self.principal, referral_id, if_match=self.if_match())


@act_schema("accept", NothingIn, "Take it on.")
class Accept(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.accept(self.principal, referral_id, if_match=self.if_match())


@act_schema("decline", DeclineIn, "Say that the agency cannot take it.")
class Decline(ActEndpoint):
    shape = DeclineIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.decline(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("complete", CompleteIn, "The work is done. Your side's alone.")
class Complete(ActEndpoint):
    shape = CompleteIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.complete(self.principal, referral_id, body["outcome"], if_match=self.if_match())


@act_schema("unable", UnableIn, "It did not come about. Your side's alone.")
class Unable(ActEndpoint):
    shape = UnableIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.unable(self.principal, referral_id, body["code"], if_match=self.if_match())


@act_schema("withdraw", WithdrawIn, "Take the referral back.")
class Withdraw(ActEndpoint):
    shape = WithdrawIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.withdraw(self.principal, referral_id, body["code"], if_match=self.if_match())


@act_schema("stop", NothingIn, "No contact; everything ends.")
class Stop(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.stop(self.principal, referral_id, if_match=self.if_match())


@act_schema("assign", AssignIn, "Put a colleague on it, after its end too. Your side's alone.")
class Assign(ActEndpoint):
    shape = AssignIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return staff.assign(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("hand_over", HandOverIn, "Make a colleague the holder. Your side's alone.")
class HandOver(ActEndpoint):
    shape = HandOverIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return staff.hand_over(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("take_over", TakeOverIn, "Become the holder yourself. Your side's alone.")
class TakeOver(ActEndpoint):
    shape = TakeOverIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return staff.take_over(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("set_hold", SetHoldIn, "Keep your side's part from purge until a day. A lead's.")
class SetHold(ActEndpoint):
    shape = SetHoldIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return holds.set_hold(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("end_hold", NothingIn, "End your side's legal hold. A lead's.")
class EndHold(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return holds.end_hold(self.principal, referral_id, if_match=self.if_match())


@act_schema("block", BlockIn, "Bar somebody from it, on the survivor's word. Your side's alone.")
class Block(ActEndpoint):
    shape = BlockIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return blocks.block(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("unblock", BlockIn, "Lift your side's block.")
class Unblock(ActEndpoint):
    shape = BlockIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return blocks.unblock(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("leads_only", NothingIn, "One of the recipient's: only its leads see it.")
class LeadsOnly(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return blocks.leads_only(self.principal, referral_id, if_match=self.if_match())


@act_schema("end_leads_only", NothingIn, "Lift your side's mark.")
class EndLeadsOnly(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return blocks.end_leads_only(self.principal, referral_id, if_match=self.if_match())


class OpenPacket(Endpoint):
    def along(self, referral_id: UUID) -> Along:
        """What the caller is to the referral."""
        self.asked = seeing.along(referral_id)
        return self.asked

    @extend_schema(
        operation_id="open_packet",
        request=PurposeIn,
        parameters=[ACTING_MEMBER],
        responses={200: PacketOut, **problems(*REFUSALS, 429)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Open the packet, for a purpose. Each opening is an entry in the access log."""
        purpose = self.body(PurposeIn)["purpose"]
        opened = packets.open_packet(self.principal, referral_id, purpose, along=self.asked)
        return Answer(packet_json(opened))


class AddNote(Endpoint):
    @extend_schema(
        operation_id="add_note",
        request=NoteIn,
        parameters=[IDEMPOTENCY_KEY, ACTING_MEMBER],
        responses={201: CreatedOut, **problems(*REFUSALS, 422)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Add a note of your own agency, for its assigned members only."""
        text = self.body(NoteIn)["text"]
        key = self.idempotency_key(f"referrals/{referral_id}/add_note")
        note = packets.add_note(self.principal, referral_id, text, key=key)
        return self.answer(CreatedOut, {"id": note}, 201)


class OpenNotes(Endpoint):
    @extend_schema(
        operation_id="open_notes",
        request=PurposeIn,
        parameters=[ACTING_MEMBER],
        responses={200: NotesOut, **problems(*REFUSALS, 429)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Read your agency's own notes, for a purpose. An entry in the access log."""
        purpose = self.body(PurposeIn)["purpose"]
        notes = packets.open_notes(self.principal, referral_id, purpose)
        return self.answer(NotesOut, {"items": notes})
