"""Places and their addresses."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from directory.models.rows import Organization, Part, text
from directory.models.services import Service
from permissions.database.uuid7 import uuid7

PLACES = ("physical", "postal", "virtual")


class Location(Part):
    """A place. `confidential` is the marker of the place or of anything located there.

    The database keeps nothing that shows where a confidential place is (R4): the check below
    ensures that, and a trigger that refuses an address.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    location_type = models.TextField(default="physical")
    url = text()
    name = text()
    alternate_name = text()
    description = text()
    transportation = text()
    latitude = models.FloatField(null=True)  # degrees, WGS 84
    longitude = models.FloatField(null=True)
    external_identifier = text()
    external_identifier_type = text()
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
    description = text()


class Address(Part):
    location = models.ForeignKey(Location, models.CASCADE)
    attention = text()
    address_1 = models.TextField()
    address_2 = text()
    city = models.TextField()
    region = text()
    state_province = models.TextField()
    postal_code = models.TextField()
    country = models.TextField()
    address_type = models.TextField(default="physical")

    class Meta:
        constraints = [CheckConstraint(condition=Q(address_type__in=PLACES), name="address_type")]
        indexes = [
            models.Index(
                models.Func(models.F("postal_code"), function="sec.postcode"),
                name="address_by_postcode",
            )
        ]


class Accessibility(Part):
    location = models.ForeignKey(Location, models.CASCADE)
    description = text()
    details = text()
    url = text()


class ConfidentialAddress(models.Model):
    """The address of a confidential place, sealed with one agency's key for its members (R4)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The database deletes it with the place: the person who deletes a place may not see this row.
    location = models.ForeignKey(Location, models.DO_NOTHING, related_name="+")
    agency_id = models.UUIDField()
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()  # the key, wrapped for the agency
    sealed = models.BinaryField()
    updated = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "directory_confidential_address"
        # One per place and agency, so that no agency learns that another has stored an address.
        constraints = [
            UniqueConstraint(fields=["agency_id", "location"], name="one_address_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


class Postcode(models.Model):
    """Where a postcode is: from the operator's table or (`derived`) from known addresses."""

    postcode = models.TextField(primary_key=True)
    latitude = models.FloatField()
    longitude = models.FloatField()
    derived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.postcode
