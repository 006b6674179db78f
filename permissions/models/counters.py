"""Counters that only the functions of `definer` read and write."""

from django.db import models

from permissions.database.fields import CLOCK
from permissions.database.uuid7 import uuid7


class RefusalCount(models.Model):
    """Refusals of unknown callers from one network since its last row in the access log.

    The log takes one row a minute and network. The next row states these counts
    (sec.enter_refusal, sec.enter_counted_refusals).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    address_prefix = models.TextField(null=True)
    agency_id = models.UUIDField(null=True)  # of the client
    client_id = models.UUIDField(null=True)  # the partner system that was named
    minute = models.DateTimeField(null=True)  # of the last row
    counts = models.JSONField(default=dict)  # by act and rule: {"token:issue:unknown_client": 3}

    class Meta:
        db_table = "refusal_count"
        constraints = [
            models.UniqueConstraint(
                fields=["address_prefix", "client_id"],
                name="refusal_count_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class RecentCount(models.Model):
    """How often something limited was done within its period (permissions/identity/brakes.py).

    `counter` is a keyed hash of what and who, so that the row names neither. It is deleted when the
    period is over.
    """

    counter = models.BinaryField(primary_key=True, max_length=32)
    times = models.IntegerField(db_default=1)
    ends_at = models.DateTimeField(db_default=CLOCK)

    class Meta:
        db_table = "recent_count"
        indexes = [models.Index(fields=["ends_at"], name="recent_count_ends")]

    def __str__(self) -> str:
        return str(self.pk)
