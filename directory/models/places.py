"""Places, and where they are."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from directory.models.rows import Organization, Part, text
from directory.models.services import Service
from permissions.database.uuid7 import uuid7

PLACES = ("physical", "postal", "virtual")


class Location(Part):
    """A place. `confidential` is the place's own marker or that of anything found there.

    Where it is set the database keeps nothing that says where the place is (R4): the check below,
    and a trigger that refuses an address.
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
    """Where a confidential place is, for an agency's own people alone, sealed with its key (R4)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The database removes it with the place: who removes a place may not see this.
    location = models.ForeignKey(Location, models.DO_NOTHING, related_name="+")
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


class Postcode(models.Model):
    """Where a postcode is, from a table of the operator's or (`derived`) from known addresses."""

    postcode = models.TextField(primary_key=True)
    latitude = models.FloatField()
    longitude = models.FloatField()
    derived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.postcode
