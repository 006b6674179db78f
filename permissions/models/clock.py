"""The offset of the clock."""

from datetime import timedelta

from django.db import models


class ClockOffset(models.Model):
    """The offset that sec.clock() adds to the machine's time: zero except in tests and exercises.
    There is one row, which only `owner` writes; a trigger writes it into sec.shift()."""

    only_row = models.BooleanField(primary_key=True, db_default=True)
    shift = models.DurationField(db_default=timedelta())

    class Meta:
        db_table = "clock_offset"
        constraints = [
            models.CheckConstraint(
                name="clock_offset_only_row_check", condition=models.Q(only_row=True)
            )
        ]

    def __str__(self) -> str:
        return str(self.shift)
