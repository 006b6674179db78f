"""Live sign-ins and access tokens."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.models.agencies import Agency, Membership
from permissions.models.clients import Client


class Credential(models.Model):
    """A live sign-in or access token. The row-level policies read it at every query (ADR 0002).

    Only the SHA-256 of the secret is stored. If the credential, its membership, its client or its
    agency ends, the database denies access from the next statement on: triggers maintain the last
    five columns (permissions/sql/functions/credentials.sql), which nothing else writes.
    """

    hash = models.BinaryField(primary_key=True, max_length=32)
    agency = models.ForeignKey(Agency, on_delete=models.CASCADE)
    membership = models.ForeignKey(Membership, null=True, on_delete=models.CASCADE)
    client = models.ForeignKey(Client, null=True, on_delete=models.CASCADE)
    roles = ArrayField(models.TextField(), default=list)
    scopes = ArrayField(models.TextField(), default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # By a key that is not in the database; without it the row lets no one in.
    mac = models.BinaryField(null=True)
    # The family of browser and system in a few letters, sealed; None: a token, or not kept.
    device = models.BinaryField(null=True)
    live = models.BooleanField(default=False, editable=False)
    person_id = models.UUIDField(null=True, editable=False)
    left_roles = ArrayField(models.TextField(), default=list, editable=False)
    system_of_record = models.BooleanField(default=False, editable=False)
    networks = ArrayField(models.TextField(), null=True, editable=False)

    class Meta:
        db_table = "credential"
        constraints = [
            models.CheckConstraint(
                name="member_or_client",
                condition=models.Q(membership__isnull=True, client__isnull=False)
                | models.Q(membership__isnull=False, client__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return "credential"
