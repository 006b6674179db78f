"""Webhooks: where your agency's events are sent, and what became of each message."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, NothingIn, Shape, page_size
from api.http.fields import Code, Flag, Id, Text
from api.http.json_bodies import Answer
from openapi.schema import AS_KNOWN, MUST_MATCH, page_limit, problems, signed_in
from permissions import entity_tags
from referrals.act_registry.repeats import Repeat
from referrals.queries.lists import Place
from referrals.webhooks import endpoints, ssrf_guard

POSTED = (400, 401, 403, 413, 415, 503)
REFUSALS = (*POSTED, 404)


class WebhookIn(Shape):
    url = Text(
        max_length=ssrf_guard.MAX_URL,
        help_text="https, a public host name, port 443 or 8443. Looked up now and at each sending.",
    )
    about = Code(
        choices=["events", "checkpoints"],
        default="events",
        help_text="checkpoints: a witness of the access log, for a caller that may read the log"
        " (`audit:read`). No one else is shown it.",
    )


class WebhookChangeIn(Shape):
    """Members that are not named stay as they are. Any change resumes a webhook that was
    stopped."""

    url = Text(max_length=ssrf_guard.MAX_URL, required=False)
    paused = Flag(required=False)


class WebhookOut(serializers.Serializer):
    id = serializers.UUIDField()
    url = serializers.CharField()
    about = serializers.ChoiceField(
        choices=["events", "checkpoints", "tasks"],
        help_text="tasks: a Subscription that was made by FHIR.",
    )
    created_at = serializers.DateTimeField()
    paused = serializers.BooleanField()
    state = serializers.ChoiceField(
        choices=["ok", "failing", "paused", "gone", "given_up"],
        help_text="gone: it answered 410. given_up: 75 hours in vain.",
    )
    failing_since = serializers.DateTimeField(allow_null=True)
    next_at = serializers.DateTimeField(allow_null=True, help_text="The next try, while it fails.")


class WebhookSecretOut(WebhookOut):
    secret = serializers.CharField(
        allow_null=True,
        help_text="Shown this once. Signs as Standard Webhooks v1 says. Null: a replay of the"
        " request. If its answer was lost, make a new secret with `rotate`.",
    )


class WebhooksOut(serializers.Serializer):
    items = WebhookOut(many=True)


class ReplayIn(Shape):
    event_id = Id(help_text="Sent again from this one on, itself included.")


class PingOut(serializers.Serializer):
    message_id = serializers.UUIDField(help_text="Its webhook-id; look for it in the deliveries.")


class DeliveryOut(serializers.Serializer):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    event_id = serializers.UUIDField(allow_null=True)
    checkpoint = serializers.IntegerField(
        allow_null=True, help_text="Its `seq`. Neither this nor `event_id`: a test."
    )
    message_id = serializers.UUIDField()
    outcome = serializers.CharField(
        help_text="delivered, refused, redirect, gone, timeout, tls, unreachable, no_answer,"
        " target_refused, no_secret."
    )
    status = serializers.IntegerField(allow_null=True)
    took_ms = serializers.IntegerField()


class DeliveriesOut(serializers.Serializer):
    items = DeliveryOut(many=True)
    next = serializers.CharField(allow_null=True)


class Webhooks(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "webhook.create"

    @extend_schema(
        operation_id="list_webhooks",
        auth=signed_in("webhooks:write"),
        responses={200: WebhooksOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List your agency's webhooks."""
        return self.answer(WebhooksOut, {"items": endpoints.list_endpoints(self.principal)})

    @extend_schema(
        operation_id="create_webhook",
        auth=signed_in("webhooks:write"),
        request=WebhookIn,
        responses={201: WebhookSecretOut, **problems(*POSTED, 409, 429)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Send events from now on to an address of yours. Each message is JSON of 256 bytes with
        its `type`, a `timestamp` and, in `data`, `event_id`, `referral_id` and `act`; it is signed
        (headers webhook-id, webhook-timestamp, webhook-signature). Read the whole event at
        /v1/events/{event_id}. Answer 2xx within ten seconds, and keep webhook-id: a message may
        come twice. Messages come in order, so one that you refuse holds back those behind it. The
        same address is refused a second time, so a repeated request makes no second webhook.
        The replay of a request shows no secret.

        A witness of the access log (`about`: `checkpoints`) is sent a message of type
        `log.checkpoint`, once a minute at most: the newest checkpoint's `seq`, and the SHA-256 of
        its signed `body`. Keep both, and compare them with /v1/access-log/checkpoints: a `seq` that
        is smaller than one you hold, or another hash under it, shows that the log was not kept."""
        given, key = self.body(WebhookIn), self.idempotency_key("webhooks")
        made = endpoints.create(self.principal, **given, key=key)
        return self._with_etag(made)

    def _with_etag(self, made: endpoints.Endpoint) -> Answer:
        answer = self.answer(WebhookSecretOut, made, 201)
        answer["ETag"] = entity_tags.with_content(made.etag, answer.content)
        return answer


class OneWebhook(Endpoint):
    repeats: ClassVar = {"patch": Repeat.SAFE, "delete": Repeat.SAFE}
    logged_as = "webhook.change"

    @extend_schema(
        operation_id="read_webhook",
        auth=signed_in("webhooks:write"),
        responses={200: WebhookOut, **AS_KNOWN, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """Read one webhook: whether its messages arrive, and since when they do not."""
        return self._shown(endpoints.read(self.principal, webhook_id))

    @extend_schema(
        operation_id="change_webhook",
        auth=signed_in("webhooks:write"),
        request=WebhookChangeIn,
        parameters=[MUST_MATCH],
        responses={200: WebhookOut, **problems(*REFUSALS, 409, 412, 428, 429)},
    )
    def patch(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """Change a webhook's address, pause it, or end the pause. It continues with the first event
        that it did not take."""
        given = self.body(WebhookChangeIn)
        return self._shown(
            endpoints.change(
                self.principal,
                webhook_id,
                url=given.get("url"),
                paused=given.get("paused"),
                if_match=self.if_match(),
            )
        )

    @extend_schema(
        operation_id="remove_webhook",
        auth=signed_in("webhooks:write"),
        responses={204: None, **problems(400, 401, 403, 404, 503)},
    )
    def delete(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """Remove a webhook. Nothing more is sent there."""
        endpoints.remove(self.principal, webhook_id)
        return Answer(status=204)

    def _shown(self, seen: endpoints.Endpoint) -> Answer:
        answer = self.answer(WebhookOut, seen)
        answer["ETag"] = entity_tags.with_content(seen.etag, answer.content)
        return answer


class Rotate(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "webhook.rotate"

    @extend_schema(
        operation_id="rotate_webhook_secret",
        auth=signed_in("webhooks:write"),
        request=NothingIn,
        responses={200: WebhookSecretOut, **problems(*REFUSALS)},
    )
    def post(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """Make a new secret, which is shown this once. For 24 hours messages carry two signatures,
        one of them by the previous secret. Calling this twice makes two secrets, unless
        an Idempotency-Key says that it is the same request."""
        self.body(NothingIn)
        key = self.idempotency_key(f"webhooks/{webhook_id}/rotate")
        return self.answer(WebhookSecretOut, endpoints.rotate(self.principal, webhook_id, key=key))


class Ping(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "webhook.ping"

    @extend_schema(
        operation_id="ping_webhook",
        auth=signed_in("webhooks:write"),
        request=NothingIn,
        responses={202: PingOut, **problems(*REFUSALS, 409)},
    )
    def post(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """Send a test message (type `ping`) at once. When it arrives, a webhook that failed is
        tried again with the messages that wait for it."""
        self.body(NothingIn)
        key = self.idempotency_key(f"webhooks/{webhook_id}/ping")
        message_id = endpoints.ping(self.principal, webhook_id, key=key)
        return self.answer(PingOut, {"message_id": message_id}, 202)


class Replay(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "webhook.replay"

    @extend_schema(
        operation_id="replay_webhook",
        auth=signed_in("webhooks:write"),
        request=ReplayIn,
        responses={200: WebhookOut, **problems(*REFUSALS, 409)},
    )
    def post(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """Send events again from an event of your feed on, in order, each under its old
        webhook-id."""
        event_id = self.body(ReplayIn)["event_id"]
        key = self.idempotency_key(f"webhooks/{webhook_id}/replay")
        found = endpoints.replay(self.principal, webhook_id, event_id, key=key)
        return self.answer(WebhookOut, found)


class Deliveries(Endpoint):
    query = ("cursor", "limit")

    @extend_schema(
        operation_id="list_webhook_deliveries",
        auth=signed_in("webhooks:write"),
        parameters=[
            OpenApiParameter("cursor", str),
            page_limit(100),
        ],
        responses={200: DeliveriesOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, webhook_id: UUID) -> Answer:
        """List each delivery attempt of the last 30 days, newest first."""
        limit = page_size(request.GET.get("limit"), endpoints.MAX_PAGE)
        scope = f"webhook:{webhook_id}"
        after = None
        if text := request.GET.get("cursor"):
            at, id_ = cursors.unsealed(self.principal, scope, text, "cursor")
            after = Place(datetime.fromisoformat(at), UUID(id_))
        items, place = endpoints.deliveries(self.principal, webhook_id, after, limit)
        cursor = place and cursors.sealed(
            self.principal, scope, place.created_at.isoformat(), str(place.id)
        )
        return self.answer(DeliveriesOut, {"items": items, "next": cursor})
