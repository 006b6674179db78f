"""Model fields and defaults for columns that the database fills or maintains itself."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Cast

# The one clock of every rule: `db_default=CLOCK`.
CLOCK = models.Func(function="sec.clock", output_field=models.DateTimeField())
# The number of the transaction that writes the row.
TRANSACTION = Cast(
    Cast(models.Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()
)


class _KeptByDatabase:
    """A column that only the database maintains: by a default, a trigger or a function.

    `app` may not write it, and may not even read some of them. So migrations see the column, with
    its indexes and constraints, but no query of the ORM names it.
    """

    db_returning = False

    def get_attname_column(self) -> tuple[str, None]:
        return self.get_attname(), None  # type: ignore[attr-defined]

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """The field of Django that a migration sees."""
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc]
        kind = next(one for one in type(self).__mro__ if one.__module__.startswith("django."))
        package = "django.contrib.postgres.fields" if kind is ArrayField else "django.db.models"
        return name, f"{package}.{kind.__name__}", args, kwargs


class KeptBoolean(_KeptByDatabase, models.BooleanField):
    """A boolean that the database maintains."""


class KeptDateTime(_KeptByDatabase, models.DateTimeField):
    """A time that the database maintains."""


class KeptText(_KeptByDatabase, models.TextField):
    """A text that the database maintains."""


class KeptArray(_KeptByDatabase, ArrayField):
    """An array that the database maintains."""


class KeptBigInteger(_KeptByDatabase, models.BigIntegerField):
    """A bigint that the database maintains."""
