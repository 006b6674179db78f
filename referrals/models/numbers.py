"""Counts that outlive the purge (ADR 0138). Functions of the database write them
(referrals/sql/functions/numbers.sql); no role that serves requests reads one."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class CountedReferral(models.Model):
    """A referral that is counted: in which month, and which agencies' figures it has left. It goes
    with its referral, and at once with a mistake."""

    referral = models.OneToOneField(
        Referral, models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    month = models.DateField()  # in which it was sent, by the sender's clock
    from_kind = models.TextField()  # of the agencies, as it was then
    to_kind = models.TextField()
    # It bars, or once barred, someone of that agency: its figures do not have it (R3).
    from_barred = models.BooleanField(default=False)
    to_barred = models.BooleanField(default=False)

    class Meta:
        db_table = "counted_referral"
        indexes = [models.Index(fields=["month"], name="counted_by_month")]

    def __str__(self) -> str:
        return str(self.referral_id)


class CountLine(models.Model):
    """What an act adds to a cell, or takes out of it, until the background work has added it up.
    Only inserted, so that no act waits for another one's count. It names no referral."""

    id = models.BigAutoField(primary_key=True)
    agency_id = models.UUIDField(null=True)
    side = models.TextField()
    begins = models.DateField()
    item = models.TextField()
    number = models.IntegerField()
    settled = models.BooleanField()

    class Meta:
        db_table = "count_line"

    def __str__(self) -> str:
        return str(self.id)


class CountCell(models.Model):
    """One cell: whose (an agency's side), when (a month), and what (one item). Without an agency it
    is of the network and of a year: what no agency's figures have."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, null=True, related_name="+", db_index=False
    )
    side = models.TextField()  # from | to
    begins = models.DateField()
    item = models.TextField()  # as urgency:emergency
    number = models.IntegerField()
    settled = models.IntegerField()  # how many of them are purged

    class Meta:
        db_table = "count_cell"
        constraints = [
            UniqueConstraint(
                fields=["agency", "side", "begins", "item"],
                name="one_count_cell",
                nulls_distinct=False,
            ),
            CheckConstraint(condition=Q(side__in=("from", "to")), name="count_cell_side"),
        ]
        indexes = [models.Index(fields=["begins"], name="count_cell_by_month")]

    def __str__(self) -> str:
        return str(self.id)


class CountSeal(models.Model):
    """The cells of a month, or of a year of the network, of which nothing is left but the cells: a
    keyed hash of them, by a key that is not in the database."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    begins = models.DateField()
    yearly = models.BooleanField()
    total = models.BigIntegerField()
    mac = models.BinaryField()

    class Meta:
        db_table = "count_seal"
        constraints = [UniqueConstraint(fields=["begins", "yearly"], name="one_count_seal")]

    def __str__(self) -> str:
        return str(self.begins)
