"""Settings and tables of the two peers that are made with Django."""

import os
from typing import Any

import django
from django.conf import settings
from psycopg2.extensions import parse_dsn

_DSN = parse_dsn(os.environ["BENCH_DSN"])
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _DSN["dbname"],
            "USER": _DSN["user"],
            "PASSWORD": _DSN.get("password", ""),
            "HOST": _DSN["host"],
            "PORT": _DSN.get("port", ""),
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    ROOT_URLCONF=os.environ["BENCH_PEER"],
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    SECRET_KEY="of the benchmark alone",
    USE_TZ=True,
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
)
django.setup()

from bench.peers.shapes import uuid7  # noqa: E402
from django.contrib.postgres.fields import ArrayField  # noqa: E402 (they need the settings)
from django.db import models  # noqa: E402


def words() -> Any:
    return ArrayField(models.TextField(), default=list)


class Base(models.Model):
    class Meta:
        abstract = True
        managed = False
        app_label = "peers"


class Row(Base):
    id = models.UUIDField(primary_key=True, default=uuid7)

    class Meta(Base.Meta):
        abstract = True


def to(model: str, related: str = "+", column: str | None = None) -> Any:
    return models.ForeignKey(
        model, models.CASCADE, related_name=related, db_column=column, null=True
    )


class Agency(Row):
    name = models.TextField()

    class Meta(Base.Meta):
        db_table = "permissions_agency"


class Member(Row):
    name = models.TextField()
    agency = to(Agency)
    person_id = models.UUIDField(null=True)

    class Meta(Base.Meta):
        db_table = "permissions_membership"


class Credential(Base):
    hash = models.BinaryField(primary_key=True)
    agency = to(Agency)
    client_id = models.UUIDField()
    ended_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta(Base.Meta):
        db_table = "credential"


class Listing(Row):
    name = models.TextField()
    answered_by = models.UUIDField()

    class Meta(Base.Meta):
        db_table = "directory_listing"


class Entry(Row):
    agency_id = models.UUIDField(null=True)
    member_id = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)
    act = models.TextField()
    purpose = models.TextField(null=True)
    referral_id = models.UUIDField(null=True)
    referral_ids = ArrayField(models.UUIDField(), null=True)
    subject = models.UUIDField(null=True)
    fields = ArrayField(models.TextField(), null=True)
    release_id = models.UUIDField(null=True)
    decision = models.TextField(default="allowed")
    rule = models.TextField(null=True)
    request_id = models.UUIDField(default=uuid7)
    address_prefix = models.TextField(default="127.0.0.0/24")

    class Meta(Base.Meta):
        db_table = "access_entry"


class Referral(Row):
    from_agency = to(Agency)
    to_agency = to(Agency)
    service_id = models.UUIDField()
    service_name = models.TextField()
    reference = models.TextField()
    reference_day = models.DateField()
    status = models.TextField(default="draft")
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ack_by = models.DateTimeField(null=True)
    accept_by = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    handoff_within = models.IntegerField(null=True)
    escalated_at = models.DateTimeField(null=True)
    from_asks_ring_at = models.DateTimeField(null=True)
    to_asks_ring_at = models.DateTimeField(null=True)
    code = models.TextField(null=True)
    suggested_service_id = models.UUIDField(null=True)
    release_ended = models.BooleanField(default=False)
    urgency = models.TextField(default="routine")
    needs = words()
    callback = models.TextField(default="")
    concern = models.TextField(default="not_stated")
    age_band = models.TextField(default="not_stated")
    household_size = models.TextField(default="not_stated")
    language = models.TextField(default="not_stated")
    interpreter = models.TextField(default="not_stated")
    interpreter_not_local = models.BooleanField(default=False)
    access_needs = words()
    wanted = models.TextField(default="call_worker")
    with_worker_until = models.DateTimeField(null=True)
    survivor_can_talk_now = models.BooleanField(null=True)
    agreement = models.TextField(null=True)

    class Meta(Base.Meta):
        db_table = "referral"


class Side(Row):
    referral = to(Referral, "sides")
    agency = to(Agency)
    holder_id = models.UUIDField(null=True)
    subject = models.UUIDField(default=uuid7)
    state = models.TextField(null=True)
    handoff_by = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True)
    remind_at = models.DateTimeField(null=True)
    called_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta(Base.Meta):
        db_table = "referral_side"


class Assignment(Row):
    referral = to(Referral, "assignments", "content_object_id")
    permission_id = models.IntegerField()
    user_id = models.UUIDField()
    membership_id = models.UUIDField()
    agency = to(Agency)

    class Meta(Base.Meta):
        db_table = "referral_assignment"
        ordering = ("id",)


class Event(Row):
    referral = to(Referral)
    from_agency_id = models.UUIDField()
    to_agency_id = models.UUIDField()
    at = models.DateTimeField()
    act = models.TextField()
    agency_id = models.UUIDField(null=True)
    member_id = models.UUIDField(null=True)
    about_id = models.UUIDField(null=True)
    code = models.TextField(null=True)
    reserved = models.BooleanField(default=False)
    from_sees = models.BooleanField()
    to_sees = models.BooleanField()
    xact = models.BigIntegerField(db_default=models.Func(function="sec.xact"))

    class Meta(Base.Meta):
        db_table = "referral_event"


class Release(Row):
    referral = to(Referral, "releases")
    from_agency = to(Agency)
    to_agency = to(Agency)
    direction = models.TextField()
    basis = models.TextField()
    purpose = models.TextField()
    fields = words()
    form = models.TextField()
    signed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    signed_fields = words()
    signed_until = models.DateTimeField()
    attestations = words()
    consenters = models.JSONField(default=list)
    minor_may_consent_alone = models.BooleanField(default=False)
    adult = models.BooleanField(default=False)
    promptly_informed = models.TextField(default="")
    redisclosure_notice = models.TextField(default="network")
    intermediary = models.TextField(default="")
    created_at = models.DateTimeField()
    ended = models.BooleanField(default=False)

    class Meta(Base.Meta):
        db_table = "release"
        ordering = ("-created_at", "-id")


class ReleasePaper(Row):
    release = to(Release)
    agency = to(Agency)
    evidence_ref = models.TextField()

    class Meta(Base.Meta):
        db_table = "release_paper"


class ReleaseEnd(Row):
    release = to(Release)
    agency = to(Agency)
    revoked_at = models.DateTimeField()
    revoked_via = models.TextField()
    revoked_by = models.UUIDField()

    class Meta(Base.Meta):
        db_table = "release_end"


class Block(Row):
    referral = to(Referral, "marks")
    agency = to(Agency)
    kind = models.TextField()
    bars_agency = to(Agency)
    bars_member_id = models.UUIDField(null=True)
    set_by = models.UUIDField()
    set_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta(Base.Meta):
        db_table = "conflict_block"
        ordering = ("set_at", "id")


class Plan(Row):
    referral = to(Referral, "planned")
    agency = to(Agency)
    services = ArrayField(models.UUIDField(), default=list)
    replaces_id = models.UUIDField(null=True)

    class Meta(Base.Meta):
        db_table = "referral_plan"


class SelfAssignment(Row):
    referral = to(Referral)
    agency = to(Agency)
    member_id = models.UUIDField()
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta(Base.Meta):
        db_table = "self_assignment"


class Grant(Row):
    referral_id = models.UUIDField()
    agency = to(Agency)
    release_id = models.UUIDField(null=True)
    fields = words()
    opened_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    closed = models.BooleanField(default=False)
    kek_version = models.IntegerField(null=True)
    key_bundle = models.BinaryField(null=True)

    class Meta(Base.Meta):
        db_table = "packet_grant"


class PacketField(Row):
    referral = to(Referral)
    from_agency = to(Agency)
    field = models.TextField()
    version = models.IntegerField()
    ciphertext = models.BinaryField()

    class Meta(Base.Meta):
        db_table = "packet_field"


class PrivateKey(Row):
    referral_id = models.UUIDField()
    agency = to(Agency)
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()

    class Meta(Base.Meta):
        db_table = "private_key"


class Note(Row):
    referral = to(Referral)
    agency = to(Agency)
    member_id = models.UUIDField()
    kind = models.TextField()
    created_at = models.DateTimeField()
    ciphertext = models.BinaryField()

    class Meta(Base.Meta):
        db_table = "note"


MODELS: dict[str, Any] = {one._meta.db_table: one for one in Row.__subclasses__()}
