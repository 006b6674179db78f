"""Exercises: in which people practice with each other, apart from all that is live."""

from django.db import models

from permissions.database.uuid7 import uuid7


class Exercise(models.Model):
    """One exercise, begun by a lead (permissions/practice/exercises.py). Each agency that takes
    part has an agency of its own in it, with the members who joined: what keeps agencies apart
    keeps practice apart from what is live.

    The code lets a signed-in caseworker into the exercise and into nothing live. Only `signin`
    reads it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.TextField(unique=True)
    begun_by = models.ForeignKey(
        "permissions.Membership", on_delete=models.PROTECT, related_name="+"
    )
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # by itself
    ended_at = models.DateTimeField(null=True)  # earlier, by who began it; or when it was swept
    swept_at = models.DateTimeField(null=True)  # when its last rows and keys were removed

    def __str__(self) -> str:
        return str(self.id)
