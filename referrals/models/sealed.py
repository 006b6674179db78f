"""What is sealed or private to one side: packet fields, notes, own numbers, plans."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class PacketField(models.Model):
    """One field of the packet, sealed under its own key (T3). The newest version counts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    from_agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    field = models.TextField()
    version = models.IntegerField()
    ciphertext = models.BinaryField()  # nonce, then AES-256-GCM

    class Meta:
        db_table = "packet_field"
        constraints = [
            models.UniqueConstraint(
                fields=["referral", "from_agency", "field", "version"], name="one_field_version"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Note(models.Model):
    """An agency's own sealed record about its referral (T4), for its assigned members only.

    `kind`: note, outcome (complete), unable, hand_off, attempt, decline_reason, external_ref,
    same_person_as, report, disclosure, rights. Its content is sealed, codes included: "could not be
    reached" is information about the survivor.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    member_id = models.UUIDField()
    kind = models.TextField()
    created_at = models.DateTimeField()
    ciphertext = models.BinaryField()

    class Meta:
        db_table = "note"

    def __str__(self) -> str:
        return str(self.id)


class RecordNumber(models.Model):
    """The number that a referral has in an agency's own system (T4), for its assigned members.

    `key_bundle` holds the number itself, wrapped for the agency; `keyed` its hash, by a key that is
    not in the database. No role that serves requests reaches the table but by functions
    (referrals/sql/functions/record_numbers.sql).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint is made by the migration: the database deletes a number with its referral.
    referral = models.ForeignKey(
        Referral, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    keyed = models.BinaryField(max_length=32)
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()

    class Meta:
        db_table = "record_number"
        constraints = [
            models.UniqueConstraint(fields=["agency", "referral"], name="one_number_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


class Plan(models.Model):
    """The sender's next services, in order, and the referral that this one replaces (T4).

    For the sender's assigned members only: the services in the plan do not learn of each other.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    services = ArrayField(models.UUIDField(), default=list)
    replaces_id = models.UUIDField(null=True)  # no foreign key: that one may be purged first

    class Meta:
        db_table = "referral_plan"
        constraints = [
            models.UniqueConstraint(fields=["agency", "referral"], name="one_plan_an_agency")
        ]
        indexes = [
            models.Index(
                fields=["replaces_id"],
                name="referral_plan_replaces",
                condition=models.Q(replaces_id__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
