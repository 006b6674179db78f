"""Contacts, phone numbers and languages."""

from django.db import models

from directory.models.places import Location, ServiceAtLocation
from directory.models.rows import Organization, Part, text
from directory.models.services import Service


class Contact(Part):
    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    name = text()
    title = text()
    department = text()
    email = text()


class Phone(Part):
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    organization = models.ForeignKey(Organization, models.CASCADE, null=True)
    contact = models.ForeignKey(Contact, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    number = models.TextField()
    extension = text()
    type = text()
    description = text()


class Language(Part):
    service = models.ForeignKey(Service, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    phone = models.ForeignKey(Phone, models.CASCADE, null=True)
    name = text()
    code = text()
    note = text()
