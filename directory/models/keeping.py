"""Rows that an import refused, editing rights, the history of edits, reports of mistakes, and unmet
searches."""

from datetime import timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now
from guardian.models import GroupObjectPermissionBase

from directory.models.rows import Organization, text
from permissions.database.uuid7 import uuid7


class Quarantine(models.Model):
    """A source row that could not be imported, and why; the next import of the source replaces it.

    `row` holds what the source said, without anything that shows where a place is, unless the
    place is known to be public (R4). Once a person has corrected it, `corrected` holds what they
    said, and stands for the source's row as long as the source says the same; it is no line of a
    file then: its number is 0, and its pointer its own id.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.TextField()
    table = models.TextField()  # the file's name, without its ending
    row_number = models.IntegerField()  # as in the file, the heading being row 1
    pointer = text()  # JSON: where in that line's document (RFC 6901)
    reason = models.TextField()
    row = models.JSONField()
    corrected = models.JSONField(null=True)  # null: it waits
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["source", "table", "row_number", "pointer"], name="quarantine_row"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Editing(GroupObjectPermissionBase):
    """This agency may edit this organization: guardian's group permission, by direct foreign key.

    Only permissions/assignments.py writes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    content_object = models.ForeignKey(Organization, models.CASCADE)
    agency_id = models.UUIDField()  # the group's agency; policies filter by it

    class Meta:
        db_table = "directory_editing"
        unique_together: ClassVar[list[str]] = []
        constraints = [UniqueConstraint(fields=["content_object", "agency_id"], name="edits_once")]

    def __str__(self) -> str:
        return str(self.id)


class Edit(models.Model):
    """Who changed which columns of an entry, and when. What an edit replaced is sealed apart
    (EarlierText)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization_id = models.UUIDField(db_index=True)
    table = models.TextField()  # organization, service, location
    row_id = models.UUIDField(db_index=True)
    action = models.TextField()  # created, updated, deleted
    fields = ArrayField(models.TextField())
    agency_id = models.UUIDField()
    member_id = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.id)


class Proposal(models.Model):
    """A change of an organization or service that waits for a second person, as it was sent. Only
    functions of the database write it (directory/sql/functions/proposals.sql)."""

    GOOD_FOR: ClassVar[timedelta] = timedelta(days=30)  # an approval

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table = models.TextField()  # organization, service
    entry_id = models.UUIDField()
    organization_id = models.UUIDField()
    names = ArrayField(models.TextField())  # name and alternate name, as they would be
    answered_by_id = models.UUIDField(null=True)
    body = models.JSONField()  # the document, or a merge patch
    patch = models.BooleanField()
    etag = text()  # of the entry that the body was made from
    reasons = ArrayField(models.TextField())  # takes_referrals, resembles_another
    resembles = ArrayField(models.UUIDField())  # the agencies whose name or entry it resembles
    agency_id = models.UUIDField()
    member_id = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    state = models.TextField()
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_proposal"
        constraints = [
            CheckConstraint(
                condition=Q(state__in=("waiting", "approved", "rejected", "published", "replaced")),
                name="proposal_state",
            ),
            UniqueConstraint(
                fields=["agency_id", "table", "entry_id"],
                name="one_proposal_an_entry",
                condition=Q(state__in=("waiting", "approved")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class MistakeReport(models.Model):
    """What a reader says is wrong in a service's entry, for those who edit it. Who said it is not
    kept. Only functions of the database write and read it
    (directory/sql/functions/mistake_reports.sql); its words go when it is done."""

    MOST_WORDS: ClassVar[int] = 300
    WHAT: ClassVar[tuple[str, ...]] = ("no_answer", "hours", "place", "closed", "other")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service_id = models.UUIDField()
    what = models.TextField()
    words = text()
    at = models.DateTimeField()
    done_by = models.UUIDField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_mistake_report"
        constraints = [
            CheckConstraint(
                condition=Q(what__in=("no_answer", "hours", "place", "closed", "other")),
                name="mistake_known",
            ),
            CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(words=""), name="mistake_words_go"
            ),
        ]
        indexes = [
            models.Index(
                fields=["service_id"], name="mistake_waits", condition=Q(done_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class UnmetSearch(models.Model):
    """What was searched for and not found: a code, an area and a month. It never holds the words:
    the code is a taxonomy's or one of directory/search/not_listed.py, the area is digits
    (directory/search/unmet_searches.py)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    month = models.DateField()  # its first day
    codes = ArrayField(models.TextField())  # one; of an earlier release several, sorted
    area = text()  # the first three digits of a postcode; '' where none was given
    count = models.IntegerField(default=1)

    class Meta:
        db_table = "directory_unmet_search"
        constraints = [
            UniqueConstraint(fields=["month", "codes", "area"], name="unmet_once_a_month")
        ]

    def __str__(self) -> str:
        return str(self.id)
