"""The network's trainings: who was taught what, and how many they were."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Q

from directory.models.rows import text
from permissions.database.uuid7 import uuid7


class Training(models.Model):
    """One training that was held (directory/trainings/trainings.py). It holds nothing of a person,
    and no victim data (ADR 0138)."""

    AUDIENCES: ClassVar[tuple[str, ...]] = (
        *("frontline", "supervisors", "trainers", "volunteers", "students", "families", "public"),
        "mixed",
    )
    SECTORS: ClassVar[tuple[str, ...]] = (
        *("law_enforcement", "courts", "victim_services", "health", "child_welfare", "schools"),
        *("tribal", "transportation", "hospitality", "government", "faith", "business"),
        *("community", "several"),
    )
    TOPICS: ClassVar[tuple[str, ...]] = (
        *("recognizing", "responding", "trauma", "sex_trafficking", "labor_trafficking", "minors"),
        *("online", "law", "demand", "prevention", "referring", "other"),
    )
    MOST_HEADS: ClassVar[int] = 100_000
    MOST_TITLE: ClassVar[int] = 120

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )  # the trainer's
    held_on = models.DateField()
    audience = models.TextField()
    sector = models.TextField()
    topic = models.TextField()
    heads = models.IntegerField()  # how many were taught
    title = text()  # what it was called, if it had a name
    changes = models.IntegerField(default=0)

    class Meta:
        db_table = "directory_training"
        indexes = [
            models.Index(F("held_on").desc(), F("id").desc(), name="training_by_day"),
            models.Index(
                "agency", F("held_on").desc(), F("id").desc(), name="training_of_agency_by_day"
            ),
        ]
        constraints = [
            CheckConstraint(condition=Q(heads__gte=1, heads__lte=100_000), name="training_heads"),
            CheckConstraint(condition=Q(title__regex="^.{0,120}$"), name="training_title_short"),
            CheckConstraint(
                condition=Q(
                    audience__regex="^[a-z_]{1,40}$",
                    sector__regex="^[a-z_]{1,40}$",
                    topic__regex="^[a-z_]{1,40}$",
                ),
                name="training_codes",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
