"""The survivor's own way in: the code on a slip, and a word of theirs (referrals/slip/)."""

from django.db import models

from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class Slip(models.Model):
    """One slip for each referral. A new one takes the place of the one before it.

    Neither code nor word is stored: only a keyed hash of the code, by which the row is found, and a
    slow hash of the word, which is keyed as well. The MAC is by a key that is not in the database.
    No caller reads the row: `app` reaches it through functions, by the code.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint is made by the migration: the database deletes a slip with its referral.
    referral = models.OneToOneField(
        Referral, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+"
    )  # who gave it
    code_hash = models.BinaryField(unique=True, max_length=32)
    word_hash = models.TextField()
    given_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended = models.BooleanField(default=False)
    version = models.IntegerField()
    mac = models.BinaryField()

    class Meta:
        db_table = "survivor_slip"

    def __str__(self) -> str:
        return str(self.id)
