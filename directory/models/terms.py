"""Taxonomies and their terms; attributes and metadata of other rows."""

from django.db import models

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

    Edits made here are kept in `Edit`, without the old values: an address that was removed from a
    text must be gone (R4).
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
