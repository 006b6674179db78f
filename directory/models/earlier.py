"""What edits replaced, sealed for the editors of the agency that made them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, Q

from permissions.database.uuid7 import uuid7


class EarlierText(models.Model):
    """What one edit replaced (`edit`), or what an act erased that made an entry confidential
    (`undo`), sealed with the agency's key (directory/editing/versions). The database erases it once
    anything of its organization becomes confidential (R4)."""

    KINDS: ClassVar[tuple[str, ...]] = ("edit", "undo")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.TextField()
    edit_id = models.UUIDField(db_index=True)  # the line of the history
    organization_id = models.UUIDField(db_index=True)
    table = models.TextField()  # organization, service, location
    row_id = models.UUIDField(db_index=True)
    places = ArrayField(models.UUIDField())  # that the text names
    agency_id = models.UUIDField(db_index=True)
    ends_at = models.DateTimeField(db_index=True)
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()  # the key, wrapped for the agency
    sealed = models.BinaryField()

    class Meta:
        db_table = "directory_earlier_text"
        constraints = [
            CheckConstraint(condition=Q(kind__in=("edit", "undo")), name="earlier_text_kind")
        ]
        indexes = [GinIndex(fields=["places"], name="earlier_text_places")]

    def __str__(self) -> str:
        return str(self.id)
