"""The base classes of source rows."""

from django.db import models
from django.db.models import CheckConstraint, Q

from permissions.database.uuid7 import uuid7


def text() -> "models.TextField[str, str]":
    return models.TextField(blank=True, default="")


class Entry(models.Model):
    """The columns that every source row has in addition to the standard's.

    `source` and `external_id` say where the row came from (empty: written here). The next import
    of the same source finds the row by them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = text()
    external_id = text()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


class Organization(Entry):
    name = models.TextField()
    alternate_name = text()
    description = text()
    email = text()
    website = text()
    tax_status = text()
    tax_id = text()
    year_incorporated = models.IntegerField(null=True)
    legal_status = text()
    logo = text()
    uri = text()
    parent_organization_id = models.UUIDField(null=True)  # may name one that was not imported
    imported_at = models.DateTimeField(null=True)  # when an import last wrote this row
    confidential = models.BooleanField(default=False)  # then all its services and places are
    # True: its source names it and does not list it, so what was known substitutes it.
    stand_in = models.BooleanField(null=True)

    class Meta:
        permissions = [("edit_organization", "Edit the organization, its services and places")]
        constraints = [CheckConstraint(condition=~Q(name=""), name="organization_named")]


class Source(models.Model):
    """What the operator says of a source: the license of its data, where to find it, and whether
    its terms may be shown to everyone. Its name is that of `Entry.source`; a source of which
    nothing was said has no row."""

    name = models.TextField(primary_key=True)
    license = text()
    link = text()
    licensed = models.BooleanField(default=False, db_default=False)  # its terms are, for some alone
    due = models.BooleanField(default=False)  # its entries do not all say it yet
    rendered_to = models.UUIDField(null=True)  # the last organization that was made again

    class Meta:
        db_table = "directory_source"

    def __str__(self) -> str:
        return self.name


class Part(Entry):
    """A row that belongs to one organization and is imported, edited and removed with it.

    The standard lets a phone or schedule have several parents; `part_of` is the organization that
    owns it. `position` keeps the order in which the source lists the rows of one parent.
    """

    part_of = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    position = models.IntegerField(default=0)

    class Meta:
        abstract = True
