"""A signature that is being asked for, until it is recorded or over."""

from django.db import models


class Signing(models.Model):
    """A page that waits for one signature: one for each referral and release that is asked for.

    All that counts is sealed by a key that is made of the server's secret and the page's own, so
    that neither a copy of the database nor the server alone opens it. Who it is about is a keyed
    hash (referrals/signing/pending.py).
    """

    about_hash = models.BinaryField(primary_key=True, max_length=32)
    signature_id = models.UUIDField(unique=True)
    secret_hash = models.BinaryField(unique=True, max_length=32)
    gone_at = models.DateTimeField()  # from then on the row is deleted
    sealed = models.BinaryField()

    class Meta:
        db_table = "signing"
        indexes = [models.Index(fields=["gone_at"], name="signing_gone")]

    def __str__(self) -> str:
        return str(self.signature_id)
