"""Programs and services."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Index, Q
from django.db.models.functions import Now

from directory.models.rows import Organization, Part, text

STATUSES = ("active", "inactive", "defunct", "temporarily closed")
OPEN_STATUSES = ("active", "temporarily closed")  # of a service that is listed


class Program(Part):
    organization = models.ForeignKey(Organization, models.CASCADE)
    name = models.TextField()
    alternate_name = text()
    description = text()


class Service(Part):
    """One kind of help that a person can get. Without `answered_by` it is reached by phone only."""

    organization = models.ForeignKey(Organization, models.CASCADE)
    program = models.ForeignKey(Program, models.SET_NULL, null=True)
    name = models.TextField()
    alternate_name = text()
    description = text()
    url = text()
    email = text()
    status = models.TextField(default="active")
    interpretation_services = text()
    application_process = text()
    fees_description = text()
    wait_time = text()
    fees = text()
    accreditations = text()
    eligibility_description = text()
    minimum_age = models.FloatField(null=True)  # years
    maximum_age = models.FloatField(null=True)  # years
    assured_date = models.DateField(null=True)
    assurer_email = text()
    licenses = text()
    alert = text()
    last_modified = models.DateTimeField(db_default=Now())
    imported_at = models.DateTimeField(null=True)  # when an import last wrote this row

    # The victim services profile: ours, not the standard's.
    answered_by = models.ForeignKey("permissions.Agency", models.SET_NULL, null=True)
    confidential = models.BooleanField(default=False)
    victimization_types = ArrayField(models.TextField(), default=list, blank=True)
    safe_contact_notes = text()
    intake_paused = models.BooleanField(default=False)
    intake_paused_until = models.DateTimeField(null=True)  # null: until it is opened again

    class Meta:
        constraints = [
            CheckConstraint(condition=~Q(name=""), name="service_named"),
            CheckConstraint(condition=Q(status__in=STATUSES), name="service_status"),
        ]
        indexes = [
            Index(
                fields=["intake_paused_until"],
                name="service_paused_until",
                condition=Q(intake_paused_until__isnull=False),
            )
        ]
