"""Who calls, for which agency, and what they may do: the first request of a new integration."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import MAX_KEY, Endpoint
from api.http.json_bodies import MAX_BODY, Answer
from openapi.schema import ACTING_MEMBER, problems
from permissions.policy import disclosure, release_needs
from permissions.principal import Principal
from permissions.staff import introspection
from referrals import packet_fields
from referrals.acts.availability import MOST_WAITING
from referrals.queries import lists
from referrals.webhooks import endpoints


def _words(**options: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), **options)


class MyAgencyOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    duties = _words(help_text="What the rules on releases depend on.")


class MyClientOut(serializers.Serializer):
    id = serializers.UUIDField()
    client_id = serializers.CharField(help_text="As in the assertions that you sign.")
    name = serializers.CharField()
    system_of_record = serializers.BooleanField(
        help_text="Whether your agency lets packets be opened through it."
    )


class MyMemberOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    roles = _words(help_text="Those that count in this request.")
    duty = serializers.CharField(help_text="on_call, reachable, off_duty")
    staff_ref = serializers.CharField(allow_null=True)


class BasisOut(serializers.Serializer):
    """A basis that your agency's releases may have, and what such a release needs."""

    covers = serializers.ChoiceField(
        choices=["packet", "notice", "outcome"],
        help_text="What a release lets the other agency have: fields of the packet, the notice, or"
        " what you report back to the sender. Without `notice`, your notices need no release.",
    )
    basis = serializers.CharField()
    recipient_kinds = _words(
        help_text="The kinds of agencies that it may go to. Empty: to every kind."
    )
    ages = _words(help_text="Of the survivor: adult, minor, not_stated.")
    forms = _words(
        help_text="written, screen, own_phone, oral_witnessed. Where 42 CFR part 2 applies,"
        " oral_witnessed is refused."
    )
    attestations = _words(help_text="All of them, whatever the recipient and the form.")
    attestations_by_recipient_kind = serializers.DictField(
        child=_words(), help_text="In addition, for recipients of these kinds."
    )
    attestations_by_form = serializers.DictField(
        child=_words(), help_text="In addition, for these forms."
    )
    promptly_informed = serializers.BooleanField(
        help_text="Whether the release states how the survivor is informed of the disclosure."
    )
    text = serializers.CharField(help_text="The rule in plain words.")
    source = serializers.CharField(help_text="The law.")  # type: ignore[assignment]


class ConsentersOut(serializers.Serializer):
    """Who consents for a survivor of this age (R6)."""

    age = serializers.CharField()
    together = serializers.ListField(
        child=_words(), help_text="Each list names people who are enough together."
    )
    minor_may_consent_alone = serializers.BooleanField(
        help_text="Whether the survivor alone is enough if they may lawfully receive the service"
        " alone."
    )


class MyLimitsOut(serializers.Serializer):
    """All limits: docs/guides/limits.md."""

    openings_a_day = serializers.IntegerField(
        allow_null=True,
        help_text="The number of different referrals whose packets or notes the system may open"
        " within 24 hours. Null: a member, who has no such limit.",
    )
    networks = serializers.IntegerField(
        allow_null=True,
        help_text="How many networks it may call from. Null: from anywhere, or a member.",
    )
    token_seconds = serializers.IntegerField(allow_null=True, help_text="Null: a member.")
    requests_a_second = serializers.IntegerField(
        allow_null=True, help_text="On average, to one process of the server. Null: no limit."
    )
    page_size = serializers.IntegerField(help_text="Items on one page of a list.")
    body_bytes = serializers.IntegerField()
    field_characters = serializers.IntegerField(help_text="Of one field of a packet.")
    idempotency_key_characters = serializers.IntegerField()
    waiting_referrals = serializers.IntegerField(
        help_text="Sent to one agency within 24 hours, while it has not looked at them."
    )
    webhooks = serializers.IntegerField(help_text="An agency's endpoints of one kind.")


class MyQuotaOut(serializers.Serializer):
    openings_left = serializers.IntegerField(
        help_text="The number of further referrals whose packets or notes it may open now. A"
        " referral that it opened within 24 hours may be opened again. Referrals that bar the"
        " acting member count against the limit, but are left out here."
    )


class MeOut(serializers.Serializer):
    agency = MyAgencyOut()
    client = MyClientOut(allow_null=True, help_text="Null: a member asks in person.")
    member = MyMemberOut(
        allow_null=True, help_text="Who asks, or whom the client names. Null: it names no one."
    )
    scopes = _words(help_text="The scopes of this token. Empty for a member, whose roles decide.")
    releases = BasisOut(many=True)
    consenters = ConsentersOut(many=True)
    longest_release_days = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="By urgency, from the first signature; `by_a_lead` where a lead records it.",
    )
    limits = MyLimitsOut()
    quota = MyQuotaOut(allow_null=True, help_text="Null: a member.")


COVERS = {"outbound": "packet", "notice": "notice", "return": "outcome"}


class Me(Endpoint):
    @extend_schema(
        operation_id="read_me",
        parameters=[ACTING_MEMBER],
        responses={200: MeOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Read who you are to Cairn: your agency, the client or member who asks, your scopes, the
        bases that your agency's releases may have with what each needs, your limits and what is
        left of your quota. Every live token or session may ask, whatever its scopes."""
        facts = introspection.own_facts(self.principal)
        client = facts.client
        return self.answer(
            MeOut,
            {
                "agency": facts.agency,
                "client": client and _client_json(client, self.principal),
                "member": facts.member and _member_json(facts.member, self.principal),
                "scopes": sorted(self.principal.scopes),
                "releases": _releases(self.principal),
                "consenters": _consenters(),
                "longest_release_days": {
                    **{urgency: longest.days for urgency, longest in disclosure.LONGEST.items()},
                    "by_a_lead": disclosure.LONGEST_BY_A_LEAD.days,
                },
                "limits": _limits(client, self.principal),
                "quota": client and {"openings_left": client.openings_left},
            },
        )


def _client_json(client: introspection.OwnClient, principal: Principal) -> dict[str, Any]:
    return client._asdict() | {"system_of_record": principal.system_of_record}


def _member_json(member: Any, principal: Principal) -> dict[str, Any]:
    return {
        "id": member.id,
        "name": member.name,
        "roles": sorted(principal.roles),
        "duty": member.duty,
        "staff_ref": member.staff_ref,
    }


def _releases(principal: Principal) -> list[dict[str, Any]]:
    """The rows of the law that the agency comes under (permissions/policy/disclosure.py)."""
    part2 = packet_fields.under_part2((), principal.duties)
    return [
        {
            "covers": COVERS[one.direction],
            "basis": one.row.basis,
            "recipient_kinds": one.row.recipients,
            "ages": one.row.ages,
            "forms": [form for form in one.row.forms if not part2 or form in disclosure.SIGNED],
            "attestations": one.always,
            "attestations_by_recipient_kind": one.by_recipient,
            "attestations_by_form": one.by_form,
            "promptly_informed": one.row.promptly_inform,
            "text": one.row.text,
            "source": one.row.source,
        }
        for one in release_needs.needs_of(principal.duties, principal.agency_kind)
    ]


def _consenters() -> list[dict[str, Any]]:
    return [
        {"age": one.age, "together": one.together, "minor_may_consent_alone": one.alone}
        for one in disclosure.WHO_CONSENTS
    ]


def _limits(client: introspection.OwnClient | None, principal: Principal) -> dict[str, Any]:
    return {
        "openings_a_day": client and client.openings_a_day,
        "networks": len(principal.networks) or None,
        "token_seconds": settings.CREDENTIAL_TOKEN_S if client else None,
        "requests_a_second": settings.REQUESTS_OF_CALLER or None,
        "page_size": lists.MAX_PAGE,
        "body_bytes": MAX_BODY,
        "field_characters": packet_fields.MAX_FIELD_CHARS,
        "idempotency_key_characters": MAX_KEY,
        "waiting_referrals": MOST_WAITING,
        "webhooks": endpoints.MOST,
    }
