"""Where you and your agency are notified, whether you are on call, and what was sent there."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint, Shape
from api.http.fields import Code, Flag, Text, Whole
from api.http.json_bodies import Answer
from openapi.schema import IN_PERSON, problems
from permissions.errors import BadRequest
from permissions.identity import contact_channels
from permissions.models import DUTY
from referrals.act_registry.repeats import Repeat
from referrals.notifications import channel_checks, sent_messages
from referrals.notifications.line_tests import answers

STATES = ("waiting", "sent", "dead")


class ChannelIn(Shape):
    kind = Code(choices=list(contact_channels.KINDS))
    address = Text(max_length=254, help_text="A mail address, or a phone number.")
    use = Code(
        choices=list(contact_channels.USES),
        default="own",
        help_text="own: yours. duty, escalation: your agency's, for its agency_admin.",
    )
    language = Code(choices=list(contact_channels.LANGUAGES), default="en")
    position = Whole(min_value=1, max_value=contact_channels.MOST_CHANNELS, default=1)


class ChannelOut(serializers.Serializer):
    id = serializers.UUIDField()
    use = serializers.CharField()
    kind = serializers.CharField()
    address = serializers.CharField()
    language = serializers.CharField()
    position = serializers.IntegerField()
    proven_at = serializers.DateTimeField(
        allow_null=True, help_text="Null: nothing is sent there but the code that proves it."
    )
    test_asked_at = serializers.DateTimeField(allow_null=True)
    test_outcome = serializers.CharField(
        allow_null=True, help_text="waiting, handed_over, failed; arrived, not_arrived: as you said"
    )


class ChannelsOut(serializers.Serializer):
    duty = serializers.CharField()
    own = ChannelOut(many=True)
    agencys = ChannelOut(many=True, allow_null=True, help_text="Null: not yours to see.")


class DutyIn(Shape):
    duty = Code(choices=list(DUTY))


class DutyOut(serializers.Serializer):
    duty = serializers.CharField()


class CodeIn(Shape):
    code = Text(max_length=20, help_text="Six digits; spaces and hyphens are ignored.")


class ArrivedIn(Shape):
    arrived = Flag()


class MessageOut(serializers.Serializer):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    template = serializers.CharField()
    channel_id = serializers.UUIDField()
    state = serializers.CharField(help_text="waiting, sent, dead")
    tries = serializers.IntegerField()
    outcome = serializers.CharField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    own = serializers.BooleanField(help_text="False: one of your agency's own channels.")


class MessagesOut(serializers.Serializer):
    items = MessageOut(many=True)


class Channels(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}
    logged_as = "channel.add"

    @extend_schema(
        operation_id="list_channels",
        auth=IN_PERSON,
        responses={200: ChannelsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List your own channels and your duty, and your agency's channels if you are its
        agency_admin."""
        return self.answer(ChannelsOut, contact_channels.list_channels(self.principal))

    @extend_schema(
        operation_id="add_channel",
        auth=IN_PERSON,
        request=ChannelIn,
        responses={201: ChannelOut, **problems(400, 401, 403, 409, 413, 415, 503)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Add a channel. Nothing is sent there until it is proven: ask for a code (`/code`), then
        give it (`/verify`). Adding the same one again changes its language and position."""
        body = self.body(ChannelIn)
        kind, address = body.pop("kind"), body.pop("address")
        added = contact_channels.add_channel(
            self.principal,
            kind,
            address,
            use=body["use"],
            language=body["language"],
            position=body["position"],
        )
        return self.answer(ChannelOut, added, 201)


class Channel(Endpoint):
    repeats: ClassVar = {"delete": Repeat.SAFE}

    @extend_schema(
        operation_id="remove_channel",
        auth=IN_PERSON,
        responses={204: None, **problems(400, 401, 403, 404, 503)},
    )
    def delete(self, request: HttpRequest, channel_id: UUID) -> Answer:
        """Remove a channel. Nothing is sent there any longer."""
        contact_channels.remove_channel(self.principal, channel_id)
        return Answer(status=204)


class SendCode(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}

    @extend_schema(
        operation_id="send_channel_code",
        auth=IN_PERSON,
        request=None,
        responses={202: ChannelOut, **problems(400, 401, 403, 404, 429, 503)},
    )
    def post(self, request: HttpRequest, channel_id: UUID) -> Answer:
        """Send a code to a channel that is not proven, by its own kind. It is valid for ten minutes
        and replaces the one before. Once a minute and three times a day to one number or address;
        six times a day for all of a member's channels, and for all of an agency's."""
        key = self.idempotency_key(f"channels/{channel_id}/code")
        found = channel_checks.send_code(self.principal, channel_id, key=key)
        return self.answer(ChannelOut, found, 202)


class VerifyChannel(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}
    logged_as = "channel.prove"

    @extend_schema(
        operation_id="verify_channel",
        auth=IN_PERSON,
        request=CodeIn,
        responses={200: ChannelOut, **problems(400, 401, 403, 404, 409, 413, 415, 503)},
    )
    def post(self, request: HttpRequest, channel_id: UUID) -> Answer:
        """Prove a channel by the code that was sent there. It is notified from now on. A code takes
        five tries."""
        code = self.body(CodeIn)["code"]
        return self.answer(
            ChannelOut, contact_channels.prove_channel(self.principal, channel_id, code)
        )


class RingChannel(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}

    @extend_schema(
        operation_id="test_channel",
        auth=IN_PERSON,
        request=None,
        responses={202: ChannelOut, **problems(400, 401, 403, 404, 409, 503)},
    )
    def post(self, request: HttpRequest, channel_id: UUID) -> Answer:
        """Send a test to a proven channel. Its outcome is in `test_outcome`."""
        key = self.idempotency_key(f"channels/{channel_id}/ring")
        found = channel_checks.send_test(self.principal, channel_id, key=key)
        return self.answer(ChannelOut, found, 202)


class ChannelArrived(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}
    logged_as = "channel.tested"

    @extend_schema(
        operation_id="say_whether_a_test_arrived",
        auth=IN_PERSON,
        request=ArrivedIn,
        responses={200: ChannelOut, **problems(400, 401, 403, 404, 409, 413, 415, 503)},
    )
    def post(self, request: HttpRequest, channel_id: UUID) -> Answer:
        """Record whether the test arrived. A provider that accepted it may not have delivered it
        yet."""
        yes = self.body(ArrivedIn)["arrived"]
        return self.answer(ChannelOut, answers.record_arrival(self.principal, channel_id, yes))


class Duty(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}
    logged_as = "member.set_duty"

    @extend_schema(
        operation_id="set_duty",
        auth=IN_PERSON,
        request=DutyIn,
        responses={200: DutyOut, **problems(400, 401, 403, 413, 415, 503)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Set your duty: on call (notified of all that is new), reachable (notified of what is
        yours), or off duty (what is yours is forwarded at once)."""
        duty = contact_channels.set_duty(self.principal, self.body(DutyIn)["duty"])
        return self.answer(DutyOut, {"duty": duty})


class Messages(Endpoint):
    query = ("state",)

    @extend_schema(
        operation_id="list_messages",
        auth=IN_PERSON,
        parameters=[OpenApiParameter("state", str, enum=list(STATES))],
        responses={200: MessagesOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the newest hundred messages sent to your own channels, and to your agency's if you
        are its agency_admin. They show neither the address, nor the words, nor what a message was
        about."""
        state = request.GET.get("state")
        if state is not None and state not in STATES:
            raise BadRequest("unknown_code", f"state is one of {', '.join(STATES)}.", "state")
        return self.answer(
            MessagesOut, {"items": sent_messages.list_messages(self.principal, state)}
        )


class RetryMessage(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}

    @extend_schema(
        operation_id="retry_message",
        auth=IN_PERSON,
        request=None,
        responses={200: MessageOut, **problems(400, 401, 403, 404, 409, 503)},
    )
    def post(self, request: HttpRequest, message_id: UUID) -> Answer:
        """Try to send a dead message again, from the start."""
        return self.answer(MessageOut, sent_messages.retry(self.principal, message_id))
