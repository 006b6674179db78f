"""Taxonomies and their terms, what terms of sources mean, and attributes and metadata of other
rows."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Q

from directory.models.rows import Entry, Organization, Part, text


class Taxonomy(Entry):
    name = models.TextField()
    description = text()
    uri = text()
    version = text()


class TaxonomyTerm(Entry):
    code = text()
    name = models.TextField()
    description = text()
    parent_id = models.UUIDField(null=True)  # may name one that was not imported
    taxonomy_name = text()  # the standard's column `taxonomy`
    taxonomy = models.ForeignKey(Taxonomy, models.SET_NULL, null=True)
    language = text()
    term_uri = text()


class TermMeaning(models.Model):
    """A term that entries of a source have: what it may mean in our taxonomies, and what the
    coordinator answered (directory/taxonomy/term_meanings.py). Once applied, an answer is an
    attribute of the term (directory/meanings.py)."""

    MOST: ClassVar[int] = 20  # of our terms that one term may mean

    id = models.UUIDField(primary_key=True)  # the term's
    source = text()
    name = models.TextField()
    services = models.IntegerField()  # how many have it
    means = ArrayField(models.TextField(), default=list)  # needs/shelter, the likeliest first
    score = models.FloatField(default=0)  # of the first
    vocabulary = text()  # the versions of our taxonomies that it was drafted with
    answer = text()  # yes, no; '' while it waits
    chosen = ArrayField(models.TextField(), default=list)  # what it means, where the answer is yes
    changes = models.IntegerField(default=0)  # of the answer
    answered_by = models.UUIDField(null=True)  # null: an operator, at the command line
    answered_at = models.DateTimeField(null=True)
    due = models.BooleanField(default=False)  # to be applied by the background work
    rendered_to = models.UUIDField(null=True)  # the last organization that was made again

    class Meta:
        db_table = "directory_term_meaning"
        constraints = [
            CheckConstraint(
                condition=Q(answer="yes") & ~Q(chosen=[]) | Q(answer__in=("", "no"), chosen=[]),
                name="term_answer_whole",
            ),
            CheckConstraint(condition=Q(chosen__len__lte=20), name="term_answer_bounded"),
        ]
        indexes = [
            models.Index("answer", F("services").desc(), F("id").desc(), name="term_by_use"),
            models.Index(fields=["answered_at", "id"], name="term_due", condition=Q(due=True)),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Attribute(Part):
    """A taxonomy term on any row, or a labeled value if the source had no term for it.

    `link_table` and `link_id` name the row; `link_entity` keeps the source's name for its table.
    """

    part_of = models.ForeignKey(  # type: ignore[assignment]  # null: on a unit, which has no owner
        Organization, models.CASCADE, null=True, related_name="+"
    )
    link_table = models.TextField()
    link_id = models.UUIDField(db_index=True)
    link_entity = text()
    link_type = text()
    taxonomy_term = models.ForeignKey(TaxonomyTerm, models.CASCADE, null=True)
    value = text()
    label = text()


class Metadata(Part):
    """What a source says about the history of one of its rows; passed on unchanged.

    Edits made here are kept in `Edit`; what they replaced is sealed apart, and no document shows it
    (`EarlierText`).
    """

    part_of = models.ForeignKey(  # type: ignore[assignment]
        Organization, models.CASCADE, null=True, related_name="+"
    )
    resource_table = models.TextField()
    resource_id = models.UUIDField(db_index=True)
    resource_type = text()
    last_action_date = models.DateField(null=True)
    last_action_type = text()
    field_name = text()
    previous_value = text()
    replacement_value = text()
    updated_by = text()


class MetaTableDescription(Entry):
    """What a source says about its files."""

    name = text()
    language = text()
    character_set = text()
