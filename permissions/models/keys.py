"""Grants and notes' keys: the wrapped keys of sealed content."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.database.fields import KeptBoolean
from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency


class Grant(models.Model):
    """An agency's right, checked by the database, to open these fields of a referral from the
    accept until `expires_at`. `key_bundle` holds those fields' keys, wrapped for the agency.

    It is deleted with its referral. This lowest floor does not know referrals, so a migration of
    `referrals` makes the foreign key.

    The sender's own row has no release and no end. A recipient's bundle is destroyed (NULL) when
    the release is revoked, or the referral is withdrawn or stopped.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral_id = models.UUIDField()
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT)
    release_id = models.UUIDField(null=True)
    fields = ArrayField(models.TextField(), default=list)
    opened_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    closed = models.BooleanField(default=False)
    kek_version = models.IntegerField(null=True)
    key_bundle = models.BinaryField(null=True)
    redisclosure_notice = models.TextField(null=True)  # the release's; shown with the fields
    # The purge has nothing to do with it before its side's part goes: the recipient opened it, or
    # the sender's packet was accepted for good (referrals/deadlines/removal_due.py).
    settled = KeptBoolean(db_default=False)

    class Meta:
        db_table = "packet_grant"
        constraints = [
            models.UniqueConstraint(fields=["referral_id", "agency"], name="one_grant_an_agency")
        ]
        indexes = [
            models.Index(fields=["agency"], name="grant_open", condition=models.Q(settled=False))
        ]

    def __str__(self) -> str:
        return str(self.id)


class PrivateKey(models.Model):
    """The key of one agency's own notes on one referral (T4), wrapped only for that agency.

    It is deleted with its referral, as a grant is.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral_id = models.UUIDField()
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT)
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()

    class Meta:
        db_table = "private_key"
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "referral_id"], name="one_private_key_an_agency"
            )
        ]
        indexes = [models.Index(fields=["referral_id"], name="private_key_referral")]

    def __str__(self) -> str:
        return str(self.id)
