"""What is counted or stored apart from referrals, and the results of requests."""

from django.db import models

from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class AgreementTally(models.Model):
    """How often an agency's survivors were offered a notice in a month, and how often they said no.

    This is all that a "no" leaves (R14): no survivor, no member, no day.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    month = models.DateField()  # its first day, by the agency's clock
    offered = models.IntegerField(default=0)
    declined = models.IntegerField(default=0)

    class Meta:
        db_table = "agreement_tally"
        constraints = [
            models.UniqueConstraint(fields=["agency", "month"], name="one_tally_a_month")
        ]

    def __str__(self) -> str:
        return str(self.id)


class CallRecord(models.Model):
    """A referral made by phone to a phone-only service; private to the caller's agency (T4)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    member_id = models.UUIDField()
    service_id = models.UUIDField()
    outcome = models.TextField()
    put_through = models.BooleanField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "call_record"
        indexes = [models.Index(fields=["agency", "-created_at"], name="call_record_agency")]

    def __str__(self) -> str:
        return str(self.id)


class PurgedCount(models.Model):
    """What remains of purged referrals: how many, by year and agency, and how they ended for it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    year = models.IntegerField()  # the year in which they were created
    side = models.TextField()  # from | to
    ending = models.TextField()  # the state as that side was shown it
    number = models.IntegerField()

    class Meta:
        db_table = "purged_count"
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "year", "side", "ending"], name="one_count_a_year"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class IdempotencyKey(models.Model):
    """The result of a write under an `Idempotency-Key`: an id, never a body or the key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    caller_id = models.UUIDField()  # client or member
    route = models.TextField()
    key = models.TextField()  # keyed hash of the caller's key
    fingerprint = models.BinaryField()  # keyed hash of the body
    status = models.IntegerField()
    result_id = models.UUIDField()
    referral = models.ForeignKey(  # deleted with the referral
        Referral, null=True, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_key"
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "caller_id", "route", "key"], name="one_result_a_key"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_made")]

    def __str__(self) -> str:
        return str(self.id)


class EpochDue(models.Model):
    """An agency whose keys opened what a purge or an erased draft removed.

    The epoch of the keys ends with the next purge, so that older copies of the database cannot open
    it either.
    """

    agency = models.OneToOneField(
        "permissions.Agency", models.PROTECT, primary_key=True, related_name="+"
    )
    since = models.DateTimeField()

    class Meta:
        db_table = "epoch_due"

    def __str__(self) -> str:
        return str(self.agency_id)
