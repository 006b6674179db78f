"""What is read of the directory: rendered rows, public and confidential ones apart.

Each kind stands twice with the same columns. The public table has no row security, since GIN and
GiST cannot be used under it; what is confidential stands in the other one, which the database
shows to members of the network only (T1). Documents are JSON text, ready to send, and never depend
on who reads: a confidential place is shown only inside something that is confidential itself.

Written by directory/rendering alone.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, HashIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q, UniqueConstraint
from django.db.models.functions import Now

from directory.fields import Cube, Ranges


class Rendered(models.Model):
    """`document` is the standard's list item, `full_document` its own part of the detail."""

    id = models.UUIDField(primary_key=True, editable=False)
    document = models.TextField()
    full_document = models.TextField()
    last_modified = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


class Listing(Rendered):
    """One service. Its places are added to the detail from `Place`, its organization likewise."""

    organization_id = models.UUIDField()
    name = models.TextField()
    organization_name = models.TextField()
    status = models.TextField()
    answered_by = models.UUIDField(null=True)
    intake = models.TextField()  # taking, paused, full
    victimization_types = ArrayField(models.TextField())
    taxonomy_term_ids = ArrayField(models.UUIDField())  # with all that stand above them
    phones = models.JSONField()
    assured_date = models.DateField(null=True)

    class Meta:
        abstract = True


def _listing_indexes(prefix: str, by_organization: str) -> list[models.Index]:
    return [
        models.Index(fields=["organization_id", "name"], name=by_organization),
        # A page looks twenty up by their ids: one page each at any size, where a tree has levels.
        HashIndex(fields=["id"], name=f"{prefix}_by_id"),
    ]


class PublicListing(Listing):
    class Meta:
        db_table = "directory_listing"
        indexes = _listing_indexes("listing", "listing_by_organization")


class NetworkListing(Listing):
    class Meta:
        db_table = "directory_network_listing"
        indexes = _listing_indexes("network_listing", "network_listing_by_org")


class Place(Rendered):
    """One service at one place: what is searched, and the documents of a service_at_location.

    The migration makes its index of distances and its sample of one row in sixteen: Django has no
    words for them.

    A service that is found nowhere has one row, which bears its own id and no document. Words and
    filters look at the `first` row of a service only; distance looks at all of them.
    """

    service_id = models.UUIDField()
    location_id = models.UUIDField(null=True)  # null: found nowhere
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
    postcodes = ArrayField(models.TextField())  # of its address and its service areas
    named = SearchVectorField()  # its names alone: short, so that ranking many is cheap
    search = SearchVectorField()
    point = Cube(null=True)
    open_hours = Ranges(null=True)  # null: it does not say
    hours_until = models.DateTimeField(null=True)  # how far open_hours looks ahead

    class Meta:
        abstract = True


_LISTED = Q(first=True, open=True)
_PLACED = Q(open=True, location_id__isnull=False)


def _in_order(prefix: str) -> list[models.Index]:
    """The two orders of plain lists, with what paging reads: it looks at the index alone."""
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
        indexes = _place_indexes("place")


class NetworkPlace(Place):
    class Meta:
        db_table = "directory_network_place"
        indexes = _place_indexes("network_place")
        # What is confidential stands nowhere (R4): no order of distances tells where.
        constraints = [
            models.CheckConstraint(name="network_place_is_nowhere", condition=Q(point__isnull=True))
        ]


class OrganizationListing(Rendered):
    """One organization. Its services are added to the detail from `Listing`."""

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
    """A word that some public entry has in its short fields: what a misspelling is read as."""

    word = models.TextField(primary_key=True)

    class Meta:
        db_table = "directory_word"
        indexes = [GinIndex(fields=["word"], name="word_likeness", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.word


class Change(models.Model):
    """One line of the change feed, for the public or for the network. `seq` grows in the order of
    commits.

    Each is told in lines of its own: an entry that becomes confidential is `deleted` in the
    public's, `updated` in the network's, and nothing in the former tells it from one that ended.
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
    """How many rows a plain list has, kept as they come and go: counting 500,000 costs 50 ms."""

    table = models.TextField(primary_key=True)
    rows = models.BigIntegerField(default=0)

    class Meta:
        db_table = "directory_total"

    def __str__(self) -> str:
        return self.table


class Milestone(models.Model):
    """A listed public row, and how many there are from it to the next milestone of its list, kept
    as rows come and go (directory/projection/page_anchors.py): where a deep page begins."""

    list = models.TextField()  # services, service_at_locations
    name = models.TextField(blank=True)  # places are in the order of ids alone
    row_id = models.UUIDField()
    rows = models.BigIntegerField()

    class Meta:
        db_table = "directory_milestone"
        constraints = [UniqueConstraint(fields=["list", "name", "row_id"], name="milestone_once")]

    def __str__(self) -> str:
        return f"{self.list} {self.name} {self.row_id}"
