"""Opening hours and holidays."""

from django.db import models
from django.db.models import CheckConstraint, F, Q

from directory.models.places import Location, ServiceAtLocation
from directory.models.rows import Part, text
from directory.models.services import Service


class Schedule(Part):
    """Opening hours as one RRULE (RFC 5545), with times local to the place."""

    service = models.ForeignKey(Service, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    dtstart = models.DateField(null=True)
    timezone = models.FloatField(null=True)  # hours from UTC
    time_zone = models.TextField(blank=True, default="", db_default="")  # its IANA name; ours
    until = models.DateField(null=True)
    count = models.IntegerField(null=True)
    wkst = text()
    freq = text()
    interval = models.IntegerField(null=True)
    byday = text()
    byweekno = text()
    bymonthday = text()
    byyearday = text()
    description = text()
    opens_at = models.TimeField(null=True)
    closes_at = models.TimeField(null=True)
    schedule_link = text()
    attending_type = text()
    notes = text()


class HolidaySchedule(Part):
    """Days on which the usual hours do not apply (our profile; requested in #440, #598).

    From `start_date` to `end_date`, both inclusive, local to the place: closed, or open at other
    hours. HSDS 1.1 had this table; later versions dropped it.
    """

    service = models.ForeignKey(Service, models.CASCADE, null=True)
    location = models.ForeignKey(Location, models.CASCADE, null=True)
    service_at_location = models.ForeignKey(ServiceAtLocation, models.CASCADE, null=True)
    start_date = models.DateField()
    end_date = models.DateField()
    closed = models.BooleanField(default=True)
    opens_at = models.TimeField(null=True)
    closes_at = models.TimeField(null=True)
    description = text()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(end_date__gte=F("start_date")), name="holiday_ends_after")
        ]
