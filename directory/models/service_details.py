"""Parts of a service or an organization: capacity, costs, areas, documents, identifiers."""

from django.db import models
from django.db.models.functions import Now

from directory.models.places import ServiceAtLocation
from directory.models.rows import Entry, Organization, Part, text
from directory.models.services import Service


class Unit(Entry):
    """The unit in which a capacity is counted: beds, rooms, places."""

    name = models.TextField()
    scheme = text()
    identifier = text()
    uri = text()


class ServiceCapacity(Part):
    """How much of a service is available now. When every `available` is 0, the service is full and
    takes no referrals."""

    service = models.ForeignKey(Service, models.CASCADE)
    unit = models.ForeignKey(Unit, models.PROTECT)
    available = models.FloatField()
    maximum = models.FloatField(null=True)
    description = text()
    updated = models.DateTimeField(db_default=Now())


class Funding(Part):
    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    # HSDS calls this column `source`; here `source` says where the row came from.
    funding_source = text()


class ServiceArea(Part):
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    name = text()
    description = text()
    extent = text()
    extent_type = text()
    uri = text()


class RequiredDocument(Part):
    service = models.ForeignKey(Service, models.CASCADE)
    document = text()
    uri = text()


class CostOption(Part):
    service = models.ForeignKey(Service, models.CASCADE)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    option = text()
    currency = text()
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    amount_description = text()


class OrganizationIdentifier(Part):
    organization = models.ForeignKey(Organization, models.CASCADE)
    identifier_scheme = text()
    identifier_type = models.TextField()
    identifier = models.TextField()


class Url(Part):
    organization = models.ForeignKey(
        Organization, models.CASCADE, null=True, related_name="additional_websites"
    )
    service = models.ForeignKey(Service, models.CASCADE, null=True, related_name="additional_urls")
    label = text()
    url = models.TextField()
