"""Exports of an agency's own referrals: who asked, who confirmed, the sealed parts (ADR 0118)."""

from django.db import models

from permissions.database.uuid7 import uuid7


class Export(models.Model):
    """One export: asked for by a lead, confirmed by another, written part by part as the first.

    `credential` is the secret by which the background work acts as the lead, sealed by a key that
    is not in the database; it is gone as soon as nothing is left to write. `after_at` and
    `after_id` say how far it is written, and are gone then as well.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(
        "permissions.Membership", models.PROTECT, related_name="+", db_index=False
    )
    # The system that asked in the lead's name; null: the lead in person.
    system = models.ForeignKey(
        "permissions.Client", models.PROTECT, null=True, related_name="+", db_index=False
    )
    confirmed_by = models.ForeignKey(
        "permissions.Membership", models.PROTECT, null=True, related_name="+", db_index=False
    )
    public_key = models.JSONField()  # a JWK; its other half opens the parts
    thumbprint = models.TextField()  # of the key (RFC 7638)
    credential = models.BinaryField(null=True)
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField()  # from then on it is over, whatever state it is in
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(null=True)  # deleted, refused, right_ended, expired
    after_at = models.DateTimeField(null=True)
    after_id = models.UUIDField(null=True)

    class Meta:
        db_table = "bulk_export"
        constraints = [
            models.UniqueConstraint(
                fields=["asked_by"],
                condition=models.Q(ended_at__isnull=True),
                name="one_export_a_lead",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class ExportPart(models.Model):
    """Some referrals of an export, sealed to the agency's key: the server cannot open it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    export = models.ForeignKey(
        Export, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    number = models.IntegerField()  # from 1
    referrals = models.IntegerField()
    sealed = models.TextField()  # a compact JWE (RFC 7516)

    class Meta:
        db_table = "bulk_export_part"
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="one_part_a_number")
        ]

    def __str__(self) -> str:
        return str(self.id)
