"""Whether the people who run a service say that its entry is right, asked by mail once a year."""

from django.db import models
from django.db.models import CheckConstraint, Q

from directory.models.rows import text
from permissions.database.uuid7 import uuid7


class Verification(models.Model):
    """One question to a service's own email, by a link of one use. Neither the link nor the address
    is kept, but a hash of each (directory/editing/verification.py). Only functions of the database
    answer it (directory/sql/functions/verifications.sql)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service_id = models.UUIDField(db_index=True)
    token_hash = models.BinaryField(unique=True)
    address_hash = models.BinaryField()
    asked_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    # right, wrong, stop (no more such mail); done: who can mend the entry took it off their list
    answer = text()
    answered_at = models.DateTimeField(null=True)
    due = models.BooleanField(default=False)  # the background work has to set the day

    class Meta:
        db_table = "directory_verification"
        constraints = [
            CheckConstraint(
                condition=Q(answer="", answered_at__isnull=True)
                | Q(answer__in=("right", "wrong", "stop", "done"), answered_at__isnull=False),
                name="verification_answered",
            )
        ]
        indexes = [
            models.Index(fields=["answered_at"], name="verification_due", condition=Q(due=True))
        ]

    def __str__(self) -> str:
        return str(self.id)


class MailOptOut(models.Model):
    """An address that is not to be asked any more, as a hash."""

    address_hash = models.BinaryField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "directory_mail_opt_out"

    def __str__(self) -> str:
        return bytes(self.address_hash).hex()
