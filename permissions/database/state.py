"""The one row that says which release made this database's schema."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class SchemaState(models.Model):
    """Only `manage.py migrate` writes it, as `owner`; every role may read it.

    `fingerprint` is the catalogue's (permissions/database/catalogue.py) as the migration left it.
    `serves` lists the fingerprints of the earlier releases whose code works on this schema as
    well: while servers are restarted one after the other, both releases answer.
    """

    only_row = models.BooleanField(primary_key=True, default=True, editable=False)
    release = models.TextField()  # the version of the code, such as 0.1.0
    fingerprint = models.TextField()
    serves = ArrayField(models.TextField(), default=list)
    sources = models.TextField()  # a digest of the SQL files that were applied
    applied_at = models.DateTimeField()

    class Meta:
        app_label = "permissions"
        db_table = "schema_state"
        constraints = [
            models.CheckConstraint(name="schema_state_one_row", condition=models.Q(only_row=True))
        ]

    def __str__(self) -> str:
        return self.release
