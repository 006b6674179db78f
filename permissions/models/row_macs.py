"""The MACs of rows that let someone in, the sealed records of what may be opened, and the notes of
what was taken away."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.database.uuid7 import uuid7


class RowMac(models.Model):
    """The MAC of one row of another table, and the version that it covers
    (permissions/identity/row_macs.py). A bare id: a MAC outlives nothing and points at nothing."""

    kind = models.TextField()  # the model's name, in lower case
    row_id = models.UUIDField()
    version = models.IntegerField()
    mac = models.BinaryField()
    pk = models.CompositePrimaryKey("kind", "row_id")

    class Meta:
        db_table = "row_mac"

    def __str__(self) -> str:
        return "mac"


class BoundAccess(models.Model):
    """Who may open what of one referral, sealed by a key outside the database
    (permissions/identity/bound_access.py). Deleted with its referral, as a grant is."""

    referral_id = models.UUIDField(primary_key=True)
    sealed = models.BinaryField()
    # As in the sealed record, which alone counts: so that a trigger sees that something was taken
    # away. None: a record of an earlier release.
    version = models.IntegerField(null=True)

    class Meta:
        db_table = "bound_access"

    def __str__(self) -> str:
        return str(self.referral_id)


class Closing(models.Model):
    """What was taken away, until the journal outside the database holds it, and as long as backups
    are kept: one act that took access or reach away, written by a trigger with the change
    itself (permissions/recovery/closing_columns.py). Ids, codes and times only.

    `unit_id` is the referral, person, member, system or agency whose part the row is: what is of
    one unit is applied together after a restore.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    xact = models.BigIntegerField()
    kind = models.TextField()  # the table
    row_key = models.TextField()
    unit_id = models.UUIDField()
    agencies = ArrayField(models.UUIDField(), default=list)
    data = models.JSONField()
    written_at = models.DateTimeField(null=True)  # when the journal held it

    class Meta:
        db_table = "closing"
        indexes = [
            models.Index(
                fields=["at", "id"],
                name="closing_unwritten",
                condition=models.Q(written_at__isnull=True),
            ),
            models.Index(fields=["at"], name="closing_at"),
        ]

    def __str__(self) -> str:
        return str(self.id)
