"""Webhooks: where an agency's own systems learn of its events, and what was sent there."""

from django.db import models
from django.db.models.lookups import LessThanOrEqual

from permissions.database.uuid7 import uuid7
from permissions.keys.wrapping import WEBHOOK_KEY_OWNER
from referrals.models.referrals import Referral


class WebhookEndpoint(models.Model):
    """An address of an agency's own system. Only ids are sent."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    url = models.TextField()
    # What is sent there: the agency's events, in FHIR's words the changes of its Tasks or, to a
    # witness, the log's newest checkpoint.
    about = models.TextField(db_default="events")
    at_seq = models.BigIntegerField(db_default=0)  # the last checkpoint that it accepted
    created_at = models.DateTimeField()
    paused = models.BooleanField(db_default=False)  # by its owner
    stopped = models.TextField(null=True)  # by the sender, until it is resumed
    # The last event that it accepted, in its agency's feed. The next one comes after it.
    at_xact = models.BigIntegerField()
    at_event = models.UUIDField()
    tries = models.IntegerField(db_default=0)  # failed tries in a row
    failing_since = models.DateTimeField(null=True)
    next_at = models.DateTimeField()  # not before
    ping_id = models.UUIDField(null=True)  # a requested test
    # One sender at a time, so that events keep their order. A dead sender's lease expires.
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_endpoint"
        constraints = [
            models.CheckConstraint(
                name="webhook_endpoint_url_check",
                condition=LessThanOrEqual(
                    models.Func(
                        models.F("url"),
                        function="octet_length",
                        output_field=models.IntegerField(),
                    ),
                    500,
                ),
            ),
            models.CheckConstraint(
                name="webhook_endpoint_about_check",
                condition=models.Q(about__in=("events", "checkpoints", "tasks")),
            ),
            models.CheckConstraint(
                name="webhook_endpoint_stopped_check",
                condition=models.Q(stopped__in=("gone", "given_up")),
            ),
            models.UniqueConstraint(
                fields=["agency", "url"],
                name="one_endpoint_an_address",
                condition=models.Q(removed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class WebhookSecret(models.Model):
    """The secrets that sign the messages of an endpoint; two while the receiver changes over.

    They are wrapped for the sender, which is no agency: `agency_id` says whose key wraps them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="+", db_index=False)
    agency_id = models.UUIDField(db_default=WEBHOOK_KEY_OWNER)
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_secret"
        indexes = [models.Index(fields=["endpoint"], name="webhook_secret_endpoint")]

    def __str__(self) -> str:
        return str(self.id)


class WebhookDelivery(models.Model):
    """One row per try, kept for 30 days."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="+", db_index=False)
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    # None: a checkpoint or a test. No foreign key: the row is deleted with its referral.
    event_id = models.UUIDField(null=True)
    checkpoint = models.BigIntegerField(null=True)  # its number
    referral = models.ForeignKey(  # for purge; not shown
        Referral, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    message_id = models.UUIDField()  # the header webhook-id
    at = models.DateTimeField()
    outcome = models.TextField()
    status = models.IntegerField(null=True)
    took_ms = models.IntegerField()

    class Meta:
        db_table = "webhook_delivery"
        indexes = [
            models.Index(fields=["endpoint", "-at", "-id"], name="webhook_delivery_endpoint"),
            models.Index(fields=["referral"], name="webhook_delivery_referral"),
            models.Index(fields=["at"], name="webhook_delivery_at"),
        ]

    def __str__(self) -> str:
        return str(self.id)
