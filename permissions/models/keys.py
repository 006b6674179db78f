"""Grants and keys: the wrapped keys of what is sealed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency


class Grant(models.Model):
    """What the database checks: this agency may open these fields of this referral, from the
    accept until `expires_at`. `key_bundle` holds those fields' keys, wrapped for the agency.

    It belongs to a referral and goes with it. This is the ground floor, which knows no referral:
    a migration of `referrals` makes the foreign key.

    The sender's own row has no release and no end. A recipient's bundle is destroyed (NULL) when
    the release is revoked, the referral withdrawn or stopped.
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
    redisclosure_notice = models.TextField(null=True)  # the release's, which goes with the fields

    class Meta:
        db_table = "packet_grant"
        constraints = [
            models.UniqueConstraint(fields=["referral_id", "agency"], name="one_grant_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


class PrivateKey(models.Model):
    """The key of one agency's own notes on one referral (T4), wrapped for that agency alone.

    It goes with the referral, as a grant does.
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
