"""Leads who assigned themselves to a referral, and people who are barred from one."""

from django.db import models
from django.db.models.functions import Coalesce

from permissions.database.fields import KeptBoolean, KeptText
from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral

REASONS = ("holder_away", "nobody_assigned", "safety", "review", "legal_duty")
BLOCKS = ("member", "agency", "leads_only")


class SelfAssignment(models.Model):
    """A lead who assigned themselves to a referral gives a reason, in the same transaction. Another
    member learns of it by this row (T4). The survivor's handle is in the access log."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, models.CASCADE, related_name="+", db_index=False)
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    member_id = models.UUIDField()
    reason = models.TextField()
    at = models.DateTimeField()
    told = KeptBoolean(db_default=False)  # whether the other member was notified

    class Meta:
        db_table = "self_assignment"
        constraints = [
            models.CheckConstraint(
                name="self_assignment_reason_check", condition=models.Q(reason__in=REASONS)
            )
        ]
        indexes = [
            models.Index(fields=["agency", "-at", "-id"], name="self_assignment_agency"),
            models.Index(fields=["referral"], name="self_assignment_referral"),
            models.Index(
                fields=["at"], name="self_assignment_untold", condition=models.Q(told=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ConflictBlock(models.Model):
    """Who is barred from a referral, on the survivor's word (R12).

    kind: `member` (of the agency that sets it), `agency` (the recipient, by the sender), or
    `leads_only` (one of the recipient's people, whom no one can name: only its leads see it).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, models.CASCADE, related_name="+", db_index=False)
    agency = models.ForeignKey(  # whose block it is (T4)
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    kind = models.TextField()
    bars_agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    bars_member_id = models.UUIDField(null=True)
    set_by = models.UUIDField()
    set_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True)
    lifted_at = models.DateTimeField(null=True)
    # Whom it bars of the own people, if others learn that it was set: a lead, or everyone but the
    # member who set it.
    alert = KeptText(null=True)  # lead, everyone (sec.block_alert)
    told = KeptBoolean(db_default=False)  # whether they were notified

    class Meta:
        db_table = "conflict_block"
        constraints = [
            models.CheckConstraint(
                name="conflict_block_kind_check", condition=models.Q(kind__in=BLOCKS)
            ),
            models.CheckConstraint(
                name="conflict_block_check",
                condition=models.Q(kind="member", bars_member_id__isnull=False)
                | models.Q(~models.Q(kind="member"), bars_member_id__isnull=True),
            ),
            models.UniqueConstraint(
                "agency",
                "referral",
                "kind",
                Coalesce("bars_member_id", "bars_agency_id"),
                name="one_block_of_a_kind",
                condition=models.Q(lifted_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["referral"],
                name="conflict_block_referral",
                condition=models.Q(lifted_at__isnull=True),
            ),
            models.Index(
                fields=["agency", "-set_at", "-id"],
                name="conflict_block_alert",
                condition=models.Q(alert__isnull=False),
            ),
            models.Index(
                fields=["set_at"],
                name="conflict_block_untold",
                condition=models.Q(alert__isnull=False, told=False),
            ),
            # Lifted ones, too: for what was tried meanwhile, and to go with their referral.
            models.Index(fields=["referral"], name="conflict_block_of"),
            models.Index(fields=["agency"], name="conflict_block_agency"),
            models.Index(
                fields=["bars_member_id"],
                name="conflict_block_member",
                condition=models.Q(bars_member_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class BarredToTheEnd(models.Model):
    """A member who was barred as a person when a referral was purged. The row outlives the
    referral, so its ids are bare. It is deleted with the months of the access log that hold the
    referral's entries."""

    pk = models.CompositePrimaryKey("member_id", "referral_id")
    member_id = models.UUIDField()
    referral_id = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        db_table = "barred_to_the_end"

    def __str__(self) -> str:
        return f"{self.member_id} {self.referral_id}"
