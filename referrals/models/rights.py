"""What is counted of the rights that survivors were given (referrals/rights/tally.py)."""

from django.db import models

from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class RightsMark(models.Model):
    """One item of one record, to be counted, until its side is purged. Which item it is, only the
    server can tell: `tag` is a keyed hash of it and of the row's id, which tells no time."""

    id = models.UUIDField(primary_key=True, editable=False)
    # The constraint is made by the migration: the database deletes a mark with its referral.
    referral = models.ForeignKey(
        Referral, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    month = models.DateField()  # its first day, by the agency's clock
    tag = models.BinaryField()

    class Meta:
        db_table = "rights_mark"

    def __str__(self) -> str:
        return str(self.id)


class RightsTally(models.Model):
    """What remains of the marks after a purge: how many of an item, by agency and month. Marks of a
    referral that ever barred anyone count for no agency (null), in the year's first month."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, null=True, related_name="+")
    month = models.DateField()
    item = models.TextField()
    number = models.IntegerField()

    class Meta:
        db_table = "rights_tally"
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "month", "item"],
                name="one_rights_tally_a_month",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
