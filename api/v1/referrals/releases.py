"""The survivor's permission: its JSON shapes, then its endpoints. Its rules are in
referrals/releases/terms.py."""

from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint, Shape, WithFieldsMember
from api.http.fields import Flag, Id, Moment, Text
from api.http.json_bodies import Answer
from api.v1.referrals.referral_shapes import ReleaseOut
from api.v1.shapes import coded, coded_list
from openapi.schema import ACTING_MEMBER, problems, signed_in
from permissions.policy import disclosure
from referrals import codes, packet_fields
from referrals.acts import return_releases
from referrals.releases import records
from referrals.releases.terms import Consenter, Terms

# -- Shapes in -------------------------------------------------------------------------------------


class ConsenterIn(Shape):
    who = coded(disclosure.CONSENTERS)
    signed_at = Moment()
    not_the_abuser = Flag(default=False)


class ReleaseIn(WithFieldsMember, Shape):
    """The survivor's permission for this recipient, field by field."""

    basis = coded(
        disclosure.BASES,
        help_text="Which one is allowed depends on your agency's duties and on the recipient."
        " hipaa_agreement is for an adult, to law enforcement or child protection only"
        " (45 CFR 164.512(c)).",
    )
    purpose = coded(codes.RELEASE_PURPOSE)
    fields_ = coded_list(packet_fields.PACKET_FIELDS, allow_empty=False)
    form = coded(
        (*disclosure.FORMS, disclosure.FORMER_FORM),
        help_text="written: signed on paper, which your agency keeps. screen, own_phone: drawn by"
        " the survivor in your own system; state artifact_sha256. oral_witnessed is refused where"
        " the basis needs a signature, and where 42 CFR part 2 applies. e_signature says nothing of"
        " what was signed, and is refused (signature_missing); old releases keep it.",
    )
    artifact_sha256 = Text(
        validators=[RegexValidator(r"^([0-9a-f]{64})?$")],
        max_length=64,
        default="",
        allow_blank=True,
        help_text="SHA-256 of what the survivor signed in your system, in 64 small hexadecimal"
        " digits. For screen and own_phone it must be there; for written it may be that of a scan."
        " You keep the artifact: Cairn never gets it.",
    )
    signed_at = Moment()
    expires_at = Moment()
    attestations = coded_list(codes.CODE_LISTS["attestation"])
    consenters = ConsenterIn(many=True, allow_empty=False)
    minor_may_consent_alone = Flag(
        default=False, help_text="A minor who may lawfully receive this service alone."
    )
    adult = Flag(
        default=False,
        help_text="The survivor is 18 or over. Set it if they consent alone and the notice does not"
        " state their age. With a notice that says minor, it needs the attestation came_of_age.",
    )
    promptly_informed = coded(
        codes.PROMPTLY_INFORMED,
        default=None,
        allow_null=True,
        help_text="Only for hipaa_agreement: how the survivor is informed (45 CFR 164.512(c)(2)).",
    )
    redisclosure_notice = coded(
        codes.REDISCLOSURE_NOTICE,
        default=None,
        allow_null=True,
        help_text="Null: part2 where 42 CFR part 2 applies, else network.",
    )
    evidence_ref = Text(
        max_length=100,
        default="",
        allow_blank=True,
        help_text="Where the paper is kept: a place or number of yours. It is not sealed: write"
        " nothing about the survivor here.",
    )
    witnessed_by = Id(
        default=None,
        allow_null=True,
        help_text="The member who heard it, or who saw the survivor sign on the screen."
        " Null: the acting member.",
    )
    witnessed_at = Moment(default=None, allow_null=True, help_text="Null: at signed_at.")


class ReturnReleaseIn(ReleaseIn):
    """The survivor's permission to report to the sender what came of the referral."""

    fields_ = coded_list(packet_fields.RETURN_FIELDS, allow_empty=False)


class NoticeReleaseIn(ReleaseIn):
    """The survivor's permission for the notice. It lists no field."""

    fields_ = None  # type: ignore[assignment]  # how DRF leaves a field out


class NarrowReleaseIn(WithFieldsMember, Shape):
    """What is left of the release. Null leaves a term as it is."""

    fields_ = coded_list(
        packet_fields.PACKET_FIELDS, allow_empty=False, default=None, allow_null=True
    )
    expires_at = Moment(default=None, allow_null=True)


# -- Shapes out ------------------------------------------------------------------------------------


class ConsenterOut(serializers.Serializer):
    who = serializers.CharField()
    signed_at = serializers.DateTimeField()
    not_the_abuser = serializers.BooleanField()


class PaperOut(serializers.Serializer):
    """What the agency that recorded the release keeps to itself."""

    evidence_ref = serializers.CharField()
    witnessed_by = serializers.UUIDField(allow_null=True)
    witnessed_at = serializers.DateTimeField(allow_null=True)


class EndOut(serializers.Serializer):
    """How the release ended, if your own agency recorded that."""

    revoked_at = serializers.DateTimeField()
    revoked_via = serializers.CharField()
    revoked_by = serializers.UUIDField()


class FullReleaseOut(ReleaseOut):
    """A release with all its terms. `paper` and `end` are shown only for your own agency's."""

    direction = serializers.ChoiceField(choices=["outbound", "return"])
    covers = serializers.ChoiceField(
        choices=["notice", "packet", "outcome"],
        help_text="What it lets the other agency have: the notice, fields of the packet, or what is"
        " returned to the sender.",
    )
    from_agency_id = serializers.UUIDField()
    to_agency_id = serializers.UUIDField()
    signed_fields = serializers.ListField(
        child=serializers.CharField(), help_text="As signed; `fields` is what is left of them."
    )
    signed_until = serializers.DateTimeField(help_text="As signed.")
    attestations = serializers.ListField(child=serializers.CharField())
    consenters = ConsenterOut(many=True)
    minor_may_consent_alone = serializers.BooleanField()
    adult = serializers.BooleanField(help_text="Said so with the release.")
    artifact_sha256 = serializers.CharField(
        help_text="SHA-256 of what was signed: of a system's own artifact where it recorded it,"
        " else of the record that Cairn sealed among the notes of the agency that wrote it."
        " Empty for a paper without one, and for what was said."
    )
    promptly_informed = serializers.CharField(help_text="Empty where the basis does not ask it.")
    redisclosure_notice = serializers.CharField()
    intermediary = serializers.CharField(help_text="The platform, named, under 42 CFR part 2.")
    created_at = serializers.DateTimeField()
    ended = serializers.BooleanField()
    paper = PaperOut(allow_null=True)
    end = EndOut(allow_null=True)


class ReleasesOut(serializers.Serializer):
    items = FullReleaseOut(many=True)


class ToldOut(serializers.Serializer):
    """Only what the survivor allowed to be returned. A member is null if nothing recorded says yes
    or no."""

    connected = serializers.BooleanField(allow_null=True, required=False)
    engaged = serializers.BooleanField(allow_null=True, required=False)
    outcome_code = serializers.CharField(allow_null=True, required=False)

    def to_representation(self, told: dict[str, Any]) -> dict[str, Any]:
        return {name: told[name] for name, _ in self.fields.items() if name in told}


class ReturnedOut(serializers.Serializer):
    returned = ToldOut(allow_null=True, help_text="Null: no return release is in force.")
    expires_at = serializers.DateTimeField(allow_null=True)
    notice = serializers.CharField(
        allow_null=True,
        help_text="Keep it with whatever you copy (42 CFR 2.32). Null: a release without one.",
    )


# -- Endpoints -------------------------------------------------------------------------------------


class Releases(Endpoint):
    @extend_schema(
        operation_id="list_releases",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: ReleasesOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """List the survivor's releases as your side may know them, newest first. Ended releases
        stay on record."""
        kept = records.list_releases(self.principal, referral_id)
        return self.answer(ReleasesOut, {"items": [release_json(one) for one in kept]})


RELEASE_COLUMNS = (
    *("id", "direction", "from_agency_id", "to_agency_id", "basis", "purpose", "fields", "form"),
    *(
        "signed_at",
        "expires_at",
        "signed_fields",
        "signed_until",
        "attestations",
        "consenters",
        "minor_may_consent_alone",
        "adult",
    ),
    *("artifact_sha256", "promptly_informed", "redisclosure_notice"),
    *("intermediary", "created_at", "ended"),
)


COVERS = {"notice": "notice", "outbound": "packet", "return": "outcome"}


def release_json(kept: records.ReleaseRecord) -> dict[str, Any]:
    """Build what `FullReleaseOut` serializes from one release."""
    columns = {name: getattr(kept.release, name) for name in RELEASE_COLUMNS}
    columns["covers"] = COVERS[kept.release.direction]
    columns["direction"] = "return" if kept.release.direction == "return" else "outbound"
    return columns | {"in_force": kept.in_force, "paper": kept.paper, "end": kept.end}


def terms_of(body: dict[str, Any]) -> Terms:
    return Terms(
        consenters=tuple(Consenter(**one) for one in body.pop("consenters")),
        fields=tuple(body.pop("fields", ())),
        attestations=tuple(body.pop("attestations")),
        **body,
    )


class ReadReturned(Endpoint):
    @extend_schema(
        operation_id="read_returned",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: ReturnedOut, **problems(400, 401, 403, 404, 503)},
    )
    def get(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Read what the recipient reported to you under the survivor's return release, if one is in
        force."""
        told = return_releases.read_returned(self.principal, referral_id)
        answer = {
            "returned": told.content if told else None,
            "expires_at": told.expires_at if told else None,
            "notice": told.notice if told else None,
        }
        return self.answer(ReturnedOut, answer)
