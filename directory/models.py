"""The directory's rows: the source tables of HSDS 3.2, and the two projections that are read.

Source tables keep the standard's names. Only the role `jobs` touches them (import, editing); what
the public and the network read is rendered from them into `PublicListing` and `NetworkListing`
(directory/rendering.py) in the transaction of the change.

Not here: service_capacity, unit, metadata and meta_table_description, and the editing history.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from permissions.ids import uuid7

STATUSES = ("active", "inactive", "defunct", "temporarily closed")
PLACES = ("physical", "postal", "virtual")


def _text() -> "models.TextField[str, str]":
    return models.TextField(blank=True, default="")


class Entry(models.Model):
    """What every source row has beside the columns of the standard.

    `source` and `external_id` say where the row came from (empty: written here). A second import
    of the same source finds its row again by them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = _text()
    external_id = _text()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


class Organization(Entry):
    name = models.TextField()
    alternate_name = _text()
    description = _text()
    email = _text()
    website = _text()
    tax_status = _text()
    tax_id = _text()
    year_incorporated = models.IntegerField(null=True)
    legal_status = _text()
    logo = _text()
    uri = _text()
    parent_organization_id = models.UUIDField(null=True)  # may name one that was never imported
    confidential = models.BooleanField(default=False)  # then all its services and places are

    class Meta:
        constraints = [CheckConstraint(condition=~Q(name=""), name="organization_named")]


class Part(Entry):
    """A row that belongs to one organization and is imported, edited and removed with it.

    The standard lets a phone or schedule hang on several parents; `part_of` says whose it is, and
    `position` keeps the order in which the source lists rows of one parent.
    """

    part_of = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    position = models.IntegerField(default=0)

    class Meta:
        abstract = True


class Program(Part):
    organization = models.ForeignKey(Organization, models.CASCADE)
    name = models.TextField()
    alternate_name = _text()
    description = _text()


class Service(Part):
    """One thing that a person can be helped with. `answered_by` empty: phone only."""

    organization = models.ForeignKey(Organization, models.CASCADE)
    program = models.ForeignKey(Program, models.SET_NULL, null=True)
    name = models.TextField()
    alternate_name = _text()
    description = _text()
    url = _text()
    email = _text()
    status = models.TextField(default="active")
    interpretation_services = _text()
    application_process = _text()
    fees_description = _text()
    wait_time = _text()
    fees = _text()
    accreditations = _text()
    eligibility_description = _text()
    minimum_age = models.FloatField(null=True)  # years
    maximum_age = models.FloatField(null=True)  # years
    assured_date = models.DateField(null=True)
    assurer_email = _text()
    licenses = _text()
    alert = _text()
    last_modified = models.DateTimeField(db_default=Now())

    # The victim services profile: ours, not the standard's.
    answered_by = models.ForeignKey("permissions.Agency", models.SET_NULL, null=True)
    confidential = models.BooleanField(default=False)
    victimization_types = ArrayField(models.TextField(), default=list, blank=True)
    safe_contact_notes = _text()
    intake_paused = models.BooleanField(default=False)

    class Meta:
        constraints = [
            CheckConstraint(condition=~Q(name=""), name="service_named"),
            CheckConstraint(condition=Q(status__in=STATUSES), name="service_status"),
        ]


class Location(Part):
    """A place. `confidential` is the place's own marker or that of anything found there.

    Where it is set the database keeps nothing that says where the place is (R4): the check below,
    and a trigger that refuses an address (migration 0002).
    """

    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    location_type = models.TextField(default="physical")
    url = _text()
    name = _text()
    alternate_name = _text()
    description = _text()
    transportation = _text()
    latitude = models.FloatField(null=True)  # degrees, WGS 84
    longitude = models.FloatField(null=True)
    external_identifier = _text()
    external_identifier_type = _text()
    confidential = models.BooleanField(default=False)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(location_type__in=PLACES), name="location_type"),
            CheckConstraint(
                condition=Q(confidential=False)
                | Q(
                    latitude=None, longitude=None, transportation="", external_identifier="", url=""
                ),
                name="location_confidential_is_nowhere",
            ),
        ]


class ServiceAtLocation(Part):
    service = models.ForeignKey(Service, models.CASCADE)
    location = models.ForeignKey(Location, models.CASCADE)
    description = _text()


class Contact(Part):
    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    name = _text()
    title = _text()
    department = _text()
    email = _text()


class Phone(Part):
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    contact = models.ForeignKey(Contact, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    number = models.TextField()
    extension = _text()
    type = _text()
    description = _text()


class Address(Part):
    location = models.ForeignKey(Location, models.CASCADE)
    attention = _text()
    address_1 = models.TextField()
    address_2 = _text()
    city = models.TextField()
    region = _text()
    state_province = models.TextField()
    postal_code = models.TextField()
    country = models.TextField()
    address_type = models.TextField(default="physical")

    class Meta:
        constraints = [CheckConstraint(condition=Q(address_type__in=PLACES), name="address_type")]


class Schedule(Part):
    """When something is open: one RRULE (RFC 5545), times local to the place."""

    service = models.ForeignKey(Service, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    dtstart = models.DateField(null=True)
    timezone = models.FloatField(null=True)  # hours from UTC
    until = models.DateField(null=True)
    count = models.IntegerField(null=True)
    wkst = _text()
    freq = _text()
    interval = models.IntegerField(null=True)
    byday = _text()
    byweekno = _text()
    bymonthday = _text()
    byyearday = _text()
    description = _text()
    opens_at = models.TimeField(null=True)
    closes_at = models.TimeField(null=True)
    schedule_link = _text()
    attending_type = _text()
    notes = _text()


class Funding(Part):
    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    # Not `source`: that is where the row came from. HSDS's column of that name is kept here.
    funding_source = _text()


class ServiceArea(Part):
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    name = _text()
    description = _text()
    extent = _text()
    extent_type = _text()
    uri = _text()


class RequiredDocument(Part):
    service = models.ForeignKey(Service, models.CASCADE)
    document = _text()
    uri = _text()


class Language(Part):
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    phone = models.ForeignKey(Phone, models.CASCADE, null=True)
    name = _text()
    code = _text()
    note = _text()


class Accessibility(Part):
    location = models.ForeignKey(Location, models.CASCADE)
    description = _text()
    details = _text()
    url = _text()


class CostOption(Part):
    service = models.ForeignKey(Service, models.CASCADE)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    option = _text()
    currency = _text()
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    amount_description = _text()


class OrganizationIdentifier(Part):
    organization = models.ForeignKey(Organization, models.CASCADE)
    identifier_scheme = _text()
    identifier_type = models.TextField()
    identifier = models.TextField()


class Url(Part):
    organization = models.ForeignKey(
        Organization, models.CASCADE, null=True, related_name="additional_websites"
    )
    service = models.ForeignKey(Service, models.CASCADE, null=True, related_name="additional_urls")
    label = _text()
    url = models.TextField()


class Taxonomy(Entry):
    name = models.TextField()
    description = _text()
    uri = _text()
    version = _text()


class TaxonomyTerm(Entry):
    code = _text()
    name = models.TextField()
    description = _text()
    parent = models.ForeignKey("self", models.SET_NULL, null=True)
    taxonomy_name = _text()  # the standard's column `taxonomy`
    taxonomy = models.ForeignKey(Taxonomy, models.SET_NULL, null=True)
    language = _text()
    term_uri = _text()


class Attribute(Part):
    """A taxonomy term on any row, or a labelled value where the source had no term for it."""

    link_id = models.UUIDField(db_index=True)
    link_entity = models.TextField()
    link_type = _text()
    taxonomy_term = models.ForeignKey(TaxonomyTerm, models.CASCADE, null=True)
    value = _text()
    label = _text()


class Quarantine(models.Model):
    """A row of a source that could not be taken, and why; replaced by the next import of it.

    `row` holds what the source said, less everything that tells where a place is unless the place
    is known to be public (R4).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.TextField()
    table = models.TextField()  # the file's name, without its ending
    row_number = models.IntegerField()  # as in the file, the heading being row 1
    reason = models.TextField()
    row = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            UniqueConstraint(fields=["source", "table", "row_number"], name="quarantine_row")
        ]

    def __str__(self) -> str:
        return str(self.id)


class Listing(models.Model):
    """One service as it is read: filter columns, search columns and the documents, ready to send.

    `document` is the standard's list item, `full_document` its detail, both as JSON text.
    """

    id = models.UUIDField(primary_key=True, editable=False)  # the service's
    organization_id = models.UUIDField()
    name = models.TextField()
    organization_name = models.TextField()
    status = models.TextField()
    answered_by = models.UUIDField(null=True)
    intake_paused = models.BooleanField()
    victimization_types = ArrayField(models.TextField())
    taxonomy_term_ids = ArrayField(models.UUIDField())  # with all their parents
    phones = models.JSONField()
    last_modified = models.DateTimeField()
    document = models.TextField()
    full_document = models.TextField()
    words = models.TextField()  # short fields, plain letters: for typos
    named = SearchVectorField()  # its names alone: short, so that ranking many is cheap
    search = SearchVectorField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


class PublicListing(Listing):
    """Services that anybody may know of. No row security: GIN does not work under it."""

    class Meta:
        db_table = "directory_listing"
        indexes = [
            models.Index(
                fields=["name", "id"],
                name="listing_by_name",
                condition=Q(status__in=["active", "temporarily closed"]),
            ),
            models.Index(fields=["organization_id"], name="listing_by_organization"),
            models.Index(
                fields=["answered_by"],
                name="listing_by_agency",
                condition=Q(answered_by__isnull=False),
            ),
            GinIndex(fields=["search"], name="listing_search"),
            GinIndex(fields=["taxonomy_term_ids"], name="listing_terms"),
            GinIndex(fields=["words"], name="listing_words", opclasses=["gin_trgm_ops"]),
        ]


class NetworkListing(Listing):
    """Confidential services: members of the network only, by row security (T1)."""

    class Meta:
        db_table = "directory_network_listing"
        indexes = [models.Index(fields=["name", "id"], name="network_listing_by_name")]
