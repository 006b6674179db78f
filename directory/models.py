"""The source tables of HSDS 3.2: what an import or an editor writes.

They keep the standard's names. What is read is rendered from them (directory/projections.py) in
the transaction of the change; no reader touches a source row.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Now
from guardian.models import GroupObjectPermissionBase

# Django looks for models here alone.
from directory.projections import (
    Change,
    Milestone,
    NetworkListing,
    NetworkOrganization,
    NetworkPlace,
    PublicListing,
    PublicOrganization,
    PublicPlace,
    Total,
    Word,
)
from permissions.ids import uuid7

__all__ = [
    "Change",
    "Milestone",
    "NetworkListing",
    "NetworkOrganization",
    "NetworkPlace",
    "PublicListing",
    "PublicOrganization",
    "PublicPlace",
    "Total",
    "Word",
]

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
        permissions = [("edit_organization", "Edit the organization, its services and places")]
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


class HolidaySchedule(Part):
    """Days on which the usual hours do not hold (our profile; asked for in #440, #598).

    From `start_date` to `end_date`, both inclusive, local to the place: closed, or open at other
    hours. HSDS 1.1 had this table and the standard then lost it.
    """

    service = models.ForeignKey(Service, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    start_date = models.DateField()
    end_date = models.DateField()
    closed = models.BooleanField(default=True)
    opens_at = models.TimeField(null=True)
    closes_at = models.TimeField(null=True)
    description = _text()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(end_date__gte=F("start_date")), name="holiday_ends_after")
        ]


class Unit(Entry):
    """What a capacity is counted in: beds, rooms, places."""

    name = models.TextField()
    scheme = _text()
    identifier = _text()
    uri = _text()


class ServiceCapacity(Part):
    """How much of a service there is now. All `available` at 0: full, no referrals."""

    service = models.ForeignKey(Service, models.CASCADE)
    unit = models.ForeignKey(Unit, models.PROTECT)
    available = models.FloatField()
    maximum = models.FloatField(null=True)
    description = _text()
    updated = models.DateTimeField(db_default=Now())


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
    parent_id = models.UUIDField(null=True)  # may name one that was never imported
    taxonomy_name = _text()  # the standard's column `taxonomy`
    taxonomy = models.ForeignKey(Taxonomy, models.SET_NULL, null=True)
    language = _text()
    term_uri = _text()


class Attribute(Part):
    """A taxonomy term on any row, or a labelled value where the source had no term for it.

    `link_table` and `link_id` say which row; `link_entity` keeps what the source called it.
    """

    part_of = models.ForeignKey(  # type: ignore[assignment]  # null: on a unit, which is nobody's
        Organization, models.CASCADE, null=True, related_name="+"
    )
    link_table = models.TextField()
    link_id = models.UUIDField(db_index=True)
    link_entity = _text()
    link_type = _text()
    taxonomy_term = models.ForeignKey(TaxonomyTerm, models.CASCADE, null=True)
    value = _text()
    label = _text()


class Metadata(Part):
    """What a source tells of the history of one of its rows; passed on as it came.

    Who changes an entry here is kept in `Edit`, without the old words: an address that was taken
    out of a text must be gone (R4).
    """

    part_of = models.ForeignKey(  # type: ignore[assignment]
        Organization, models.CASCADE, null=True, related_name="+"
    )
    resource_table = models.TextField()
    resource_id = models.UUIDField(db_index=True)
    resource_type = _text()
    last_action_date = models.DateField(null=True)
    last_action_type = _text()
    field_name = _text()
    previous_value = _text()
    replacement_value = _text()
    updated_by = _text()


class MetaTableDescription(Entry):
    """What a source says of its files as such."""

    name = _text()
    language = _text()
    character_set = _text()


class Quarantine(models.Model):
    """A row of a source that could not be taken, and why; replaced by the next import of it.

    `row` holds what the source said, less everything that tells where a place is unless the place
    is known to be public (R4).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.TextField()
    table = models.TextField()  # the file's name, without its ending
    row_number = models.IntegerField()  # as in the file, the heading being row 1
    pointer = _text()  # JSON: where in that line's document (RFC 6901)
    reason = models.TextField()
    row = models.JSONField()
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

    Written by permissions/assignments.py alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    content_object = models.ForeignKey(Organization, models.CASCADE)
    agency_id = models.UUIDField()  # the group's: policies ask by it

    class Meta:
        db_table = "directory_editing"
        unique_together: ClassVar[list[str]] = []
        constraints = [UniqueConstraint(fields=["content_object", "agency_id"], name="edits_once")]

    def __str__(self) -> str:
        return str(self.id)


class Edit(models.Model):
    """Who changed which columns of an entry, and when; never what they said before (R4)."""

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


class ConfidentialAddress(models.Model):
    """Where a confidential place is, for an agency's own people alone, sealed with its key (R4)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Removed with the place by the database (sql/editing.sql): who removes that may not see this.
    location = models.ForeignKey(Location, models.DO_NOTHING, related_name="+", db_constraint=False)
    agency_id = models.UUIDField()
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()  # the key, wrapped for the agency
    sealed = models.BinaryField()
    updated = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "directory_confidential_address"
        # Of one place for each agency that edits it: neither learns that the other has put one.
        constraints = [
            UniqueConstraint(fields=["agency_id", "location"], name="one_address_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


class UnmetSearch(models.Model):
    """What was searched for and not found: codes, area and month. Never the words: each code is
    one of a taxonomy's, the area digits (directory/finding/gaps.py)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    month = models.DateField()  # its first day
    codes = ArrayField(models.TextField())  # of taxonomy terms and victimization types, sorted
    area = _text()  # the first three digits of a postcode; '' where none was given
    count = models.IntegerField(default=1)

    class Meta:
        db_table = "directory_unmet_search"
        constraints = [
            UniqueConstraint(fields=["month", "codes", "area"], name="unmet_once_a_month")
        ]

    def __str__(self) -> str:
        return str(self.id)


class Postcode(models.Model):
    """Where a postcode is, from a table of the operator's or (`derived`) from known addresses."""

    postcode = models.TextField(primary_key=True)
    latitude = models.FloatField()
    longitude = models.FloatField()
    derived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.postcode
