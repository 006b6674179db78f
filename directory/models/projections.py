"""The projections, which readers use: rendered rows, with public and confidential ones apart.

Each kind has two tables with the same columns. The public table has no row security, since GIN and
GiST cannot be used under it. Confidential rows are in the other table, which the database shows
only to members of the network (T1). Documents are JSON text, ready to send, and never depend on the
reader: a confidential place is shown only inside something that is confidential itself.

Only directory/projection writes them.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, HashIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q, UniqueConstraint
from django.db.models.functions import Now

from directory.fields import Cube, Ranges


class Rendered(models.Model):
    """`document` is the standard's list item, `full_document` the row's own part of the detail."""

    id = models.UUIDField(primary_key=True, editable=False)
    document = models.TextField()
    full_document = models.TextField()
    last_modified = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


class Listing(Rendered):
    """One service. Reading its detail adds its places (`Place`) and its organization."""

    organization_id = models.UUIDField()
    name = models.TextField()
    organization_name = models.TextField()
    status = models.TextField()
    answered_by = models.UUIDField(null=True)
    intake = models.TextField()  # taking, paused, full, unknown
    victimization_types = ArrayField(models.TextField())
    taxonomy_term_ids = ArrayField(models.UUIDField())  # with all their ancestors
    phones = models.JSONField()
    assured_date = models.DateField(null=True)

    class Meta:
        abstract = True


def _listing_indexes(prefix: str, by_organization: str) -> list[models.Index]:
    return [
        models.Index(fields=["organization_id", "name"], name=by_organization),
        # A page of results looks up twenty ids: a hash index reads one page for each at any size,
        # where a tree has levels.
        HashIndex(fields=["id"], name=f"{prefix}_by_id"),
    ]


class PublicListing(Listing):
    class Meta:
        db_table = "directory_listing"
        indexes = [
            *_listing_indexes("listing", "listing_by_organization"),
            # Who has the same number (directory/duplicates).
            GinIndex(
                models.Func(models.F("phones"), function="sec.phone_numbers"),
                name="listing_phone_numbers",
            ),
        ]


class NetworkListing(Listing):
    class Meta:
        db_table = "directory_network_listing"
        indexes = _listing_indexes("network_listing", "network_listing_by_org")


class Place(Rendered):
    """One service at one place: its search columns and the documents of the service_at_location.

    The migration creates its distance index and its sample index of one row in sixteen, because
    Django cannot express them.

    A service without a place has one row, with the service's own id and no document. Words and
    filters use only the `first` row of a service; distance uses all of them.
    """

    service_id = models.UUIDField()
    location_id = models.UUIDField(null=True)  # null: without a place
    organization_id = models.UUIDField()
    name = models.TextField()  # the service's
    open = models.BooleanField()  # active or temporarily closed: in lists
    first = models.BooleanField()
    alone = models.BooleanField()  # the service's only row
    position = models.IntegerField()  # among the service's places, in the order of the source
    answered_by = models.UUIDField(null=True)
    minimum_age = models.FloatField(null=True)
    maximum_age = models.FloatField(null=True)
    taxonomy_term_ids = ArrayField(models.UUIDField())
    facets = ArrayField(models.TextField())  # "language:es": directory/facets.py
    postcodes = ArrayField(models.TextField())  # from its address and its service areas
    named = SearchVectorField()  # only its names: short, so that ranking many is cheap
    search = SearchVectorField()
    point = Cube(null=True)
    middle_of = models.TextField(db_default="")  # the postcode whose middle `point` is
    open_hours = Ranges(null=True)  # null: the source does not say
    hours_until = models.DateTimeField(null=True)  # how far open_hours looks ahead

    class Meta:
        abstract = True


_LISTED = Q(first=True, open=True)
_PLACED = Q(open=True, location_id__isnull=False)


def _in_order(prefix: str) -> list[models.Index]:
    """The two orders of plain lists, with the columns for paging, which reads only the index."""
    return [
        models.Index(
            fields=["name", "service_id"],
            name=f"{prefix}_by_name",
            condition=_LISTED,
            include=["id"],
        ),
        models.Index(
            fields=["id"], name=f"{prefix}_by_id", condition=_PLACED, include=["service_id"]
        ),
        models.Index(fields=["service_id"], name=f"{prefix}_by_service"),
    ]


def _place_indexes(prefix: str) -> list[models.Index]:
    return [
        *_in_order(prefix),
        models.Index(fields=["organization_id"], name=f"{prefix}_by_organization"),
        models.Index(fields=["last_modified"], name=f"{prefix}_by_change"),
        GinIndex(fields=["search"], name=f"{prefix}_search", condition=Q(open=True)),
        GinIndex(fields=["named"], name=f"{prefix}_named", condition=Q(open=True)),
        GinIndex(fields=["facets"], name=f"{prefix}_facets", condition=Q(open=True)),
        GinIndex(fields=["taxonomy_term_ids"], name=f"{prefix}_terms", condition=Q(open=True)),
    ]


class PublicPlace(Place):
    class Meta:
        db_table = "directory_place"
        indexes = [
            *_place_indexes("place"),
            # What no distance finds (SearchQuery.placeless).
            models.Index(
                fields=["name", "service_id"],
                name="place_nowhere",
                condition=_LISTED & Q(point__isnull=True),
            ),
        ]


class NetworkPlace(Place):
    class Meta:
        db_table = "directory_network_place"
        indexes = _place_indexes("network_place")
        # Confidential rows have no point (R4): no order by distance reveals where they are.
        constraints = [
            models.CheckConstraint(
                name="network_place_is_nowhere", condition=Q(point__isnull=True)
            ),
            models.CheckConstraint(name="network_place_has_no_middle", condition=Q(middle_of="")),
        ]


class OrganizationListing(Rendered):
    """One organization. Reading its detail adds its services (`Listing`)."""

    name = models.TextField()
    taxonomy_term_ids = ArrayField(models.UUIDField())  # its own and its services'
    search = SearchVectorField()

    class Meta:
        abstract = True


class PublicOrganization(OrganizationListing):
    class Meta:
        db_table = "directory_organization_listing"
        indexes = [
            models.Index(fields=["name", "id"], name="organization_by_name"),
            GinIndex(fields=["search"], name="organization_search"),
            GinIndex(fields=["taxonomy_term_ids"], name="organization_terms"),
        ]


class NetworkOrganization(OrganizationListing):
    class Meta:
        db_table = "directory_network_organization"
        indexes = [models.Index(fields=["name", "id"], name="network_organization_by_name")]


class Word(models.Model):
    """A word from the short fields of a public entry: misspelled words are matched to these."""

    word = models.TextField(primary_key=True)

    class Meta:
        db_table = "directory_word"
        indexes = [GinIndex(fields=["word"], name="word_likeness", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.word


class Change(models.Model):
    """One line of the change feed, for the public or for the network. `seq` grows in the order of
    commits.

    The two have separate lines: an entry that becomes confidential is `deleted` for the public and
    `updated` for the network, and the public cannot tell it from an entry that was removed.
    """

    seq = models.BigAutoField(primary_key=True)
    kind = models.TextField()  # organization, service, service_at_location, taxonomy, …
    entity_id = models.UUIDField()
    network = models.BooleanField()
    action = models.TextField()  # created, updated, deleted
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "directory_change"

    def __str__(self) -> str:
        return str(self.seq)


class Total(models.Model):
    """The number of rows in a plain list, updated on each change: counting 500,000 takes 50 ms."""

    table = models.TextField(primary_key=True)
    rows = models.BigIntegerField(default=0)

    class Meta:
        db_table = "directory_total"

    def __str__(self) -> str:
        return self.table


class Milestone(models.Model):
    """A listed public row, and the number of rows from it to the next milestone of its list. It
    locates deep pages; each change updates it (directory/projection/page_anchors.py)."""

    list = models.TextField()  # services, service_at_locations
    name = models.TextField(blank=True)  # empty for places, which are ordered by id
    row_id = models.UUIDField()
    rows = models.BigIntegerField()

    class Meta:
        db_table = "directory_milestone"
        constraints = [UniqueConstraint(fields=["list", "name", "row_id"], name="milestone_once")]

    def __str__(self) -> str:
        return f"{self.list} {self.name} {self.row_id}"
