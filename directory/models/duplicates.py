"""Pairs of services that are likely the same, and how far they were looked for."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from directory.models.rows import text
from permissions.database.uuid7 import uuid7


class Duplicate(models.Model):
    """Two services of different sources that may be the same, and what the coordinator answered
    (directory/duplicates). It holds nothing of the services but their ids and what is alike."""

    REASONS: ClassVar[tuple[str, ...]] = (
        *("same_phone", "same_name", "similar_name", "same_street", "same_postcode"),
        *("same_organization", "similar_organization"),
    )

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    first_id = models.UUIDField()  # the lower id of the two
    second_id = models.UUIDField()
    score = models.FloatField()  # 0 to 1
    reasons = ArrayField(models.TextField(), default=list)
    answer = text()  # same, different; '' while it waits
    kept_id = models.UUIDField(null=True)  # which one is to be shown, where the answer is same
    changes = models.IntegerField(default=0)  # of the answer
    answered_by = models.UUIDField(null=True)
    answered_at = models.DateTimeField(null=True)
    due = models.BooleanField(default=False)  # to be applied by the background work
    # What the background work has applied, and rendering follows.
    hidden_id = models.UUIDField(null=True)
    shown_id = models.UUIDField(null=True)

    class Meta:
        db_table = "directory_duplicate"
        constraints = [
            UniqueConstraint(fields=["first_id", "second_id"], name="duplicate_pair"),
            UniqueConstraint(
                fields=["hidden_id"],
                name="duplicate_hidden_once",
                condition=Q(hidden_id__isnull=False),
            ),
            CheckConstraint(condition=Q(first_id__lt=F("second_id")), name="duplicate_in_order"),
            CheckConstraint(
                condition=Q(answer="same", kept_id__in=(F("first_id"), F("second_id")))
                | Q(answer__in=("", "different"), kept_id__isnull=True),
                name="duplicate_answer_whole",
            ),
            CheckConstraint(
                condition=Q(hidden_id__isnull=True, shown_id__isnull=True)
                | Q(hidden_id__isnull=False, shown_id__isnull=False),
                name="duplicate_applied_whole",
            ),
        ]
        indexes = [
            models.Index("answer", F("score").desc(), F("id").desc(), name="duplicate_by_likeness"),
            models.Index(fields=["second_id"], name="duplicate_second"),
            models.Index(
                fields=["shown_id"], name="duplicate_shown", condition=Q(shown_id__isnull=False)
            ),
            models.Index(fields=["answered_at", "id"], name="duplicate_due", condition=Q(due=True)),
        ]

    def __str__(self) -> str:
        return str(self.id)


class DuplicateScan(models.Model):
    """The last line of the change feed whose services were compared. One row."""

    id = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField()

    class Meta:
        db_table = "directory_duplicate_scan"

    def __str__(self) -> str:
        return str(self.seq)
