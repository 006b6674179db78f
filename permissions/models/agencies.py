"""Agencies and their people."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.crypto import salted_hmac

from permissions.database.uuid7 import uuid7
from permissions.models.row_macs import RowMac

AGENCY_KINDS = (
    "law_enforcement",
    "healthcare",
    "community_advocate",
    "system_advocate",
    "legal",
    "social_service",
    "child_protection",
    "prosecution",
    "oversight",
)
# Legal rules depend on duties, never on the kind (docs/rules.md).
DUTIES = ("victim_services", "privilege", "hipaa", "part2", "cjis", "ferpa", "mandated_reporter")
ROLES = ("worker", "lead", "directory_editor", "agency_admin", "auditor", "coordinator")
CASEWORK = frozenset({"worker", "lead"})
# on_call: notified of every new referral; reachable: only of the member's own; off_duty: others
# are notified instead.
DUTY = ("on_call", "reachable", "off_duty")
# A badge, NPI or HR number: 1 to 64 printable ASCII characters, no space at either end, as a header
# of HTTP carries it (RFC 9110, section 5.5).
STAFF_REF = r"^[!-~]([ -~]{0,62}[!-~])?$"


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, username: str, password: str | None) -> "Person":
        """Add a person, who can sign in once they are a member of an agency. `password` None: no
        password is right. Runs as `signin`."""
        person = Person(username=username)
        person.set_password(password)
        person.save(using="signin", force_insert=True)
        return person


class Person(AbstractBaseUser):
    """A person who signs in. Their memberships decide what they may do; there are no superusers."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)

    objects: ClassVar[PersonManager] = PersonManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def get_session_auth_hash(self) -> str:
        """What a session of this person keeps, and is proven by when it is used: of the password,
        and of the version of the MAC that covers the second factors. So a session that began before
        one of them was changed is no longer anyone's. Runs as `signin`."""
        bound = RowMac.objects.using("signin").filter(kind="person", row_id=self.id)
        version = bound.values_list("version", flat=True).first()
        text = f"{self.password} {version}"
        return salted_hmac("session of a person", text, algorithm="sha256").hexdigest()

    def __str__(self) -> str:
        return str(self.id)


class Agency(models.Model):
    """The tenant: a unit that answers for its own people (never a whole university)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.TextField()
    kind = models.TextField(choices=[(kind, kind) for kind in AGENCY_KINDS])
    duties = ArrayField(models.TextField(), default=list, blank=True)
    time_zone = models.TextField(default="America/Denver")
    duty_phone = models.TextField(blank=True)  # answered day and night; shown to the network
    active = models.BooleanField(default=True)
    takes_notices = models.BooleanField(default=True)  # False: phone only
    # The agency's own deadlines, where they differ from the network's: when an answer is due, by
    # urgency, and its working hours and days. Shapes: referrals/deadlines/due_times.py.
    durations = models.JSONField(null=True, blank=True)
    opening_hours = models.JSONField(null=True, blank=True)
    holidays = ArrayField(models.DateField(), default=list, blank=True)
    # Days from the end until the agency's part of a referral is purged (R13). At least seven: the
    # recipient's part must not be purged before the sender is shown `closed`.
    retention_days = models.IntegerField(default=30)
    # An agency of one names a member of another agency, who is notified of each self-assignment.
    outside_reviewer = models.ForeignKey(
        "Membership", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Of an agency that exists in one exercise only: the exercise, and the agency whose people
    # practice in it. Both null: a live agency. Neither ever changes or goes, and checking a key
    # would lock this table while it is added.
    exercise = models.ForeignKey(
        "Exercise",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="agencies",
        db_constraint=False,
    )
    practice_of = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
    )

    class Meta:
        verbose_name_plural = "agencies"
        constraints = [
            models.CheckConstraint(
                name="practice_is_of_an_agency",
                condition=models.Q(exercise__isnull=True, practice_of__isnull=True)
                | models.Q(exercise__isnull=False, practice_of__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["exercise", "practice_of"],
                condition=models.Q(exercise__isnull=False),
                name="one_practice_agency_an_exercise",
            ),
            models.CheckConstraint(
                name="retention_days",
                condition=models.Q(retention_days__gte=7, retention_days__lte=3650),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class TermsSignature(models.Model):
    """That an agency signed one text of the network's terms (permissions/enrollment/terms.py)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    version = models.TextField()
    digest = models.TextField()  # SHA-256 of the text, in hex
    member = models.ForeignKey("Membership", on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "digest"], name="one_signature_a_text")
        ]

    def __str__(self) -> str:
        return str(self.id)


class NoticeOpinion(models.Model):
    """A lawyer's opinion that lets an agency send notices without a signature, until a day
    (permissions/enrollment/notice_opinions.py)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    lawyer = models.TextField()
    dated = models.DateField()
    until = models.DateField()  # the last day on which it counts
    member = models.ForeignKey("Membership", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class Membership(models.Model):
    """One person in one agency, with their roles there: a *member*."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    name = models.TextField()  # as colleagues and the agency's auditor read it
    roles = ArrayField(models.TextField())
    active = models.BooleanField(default=True)
    live = models.BooleanField(default=False, editable=False)  # and the person; set by a trigger
    duty = models.TextField(default="reachable")  # one of DUTY; members set it themselves
    # By which the agency's own systems may name the member (permissions/staff/staff_refs.py).
    staff_ref = models.TextField(null=True)

    class Meta:
        constraints = [
            # Of active members, not of live ones: that a person may sign in again never fails here.
            models.UniqueConstraint(
                fields=["agency", "staff_ref"],
                condition=models.Q(active=True, staff_ref__isnull=False),
                name="one_staff_ref_an_agency",
            ),
            models.CheckConstraint(
                name="membership_staff_ref", condition=models.Q(staff_ref__regex=STAFF_REF)
            ),
            models.UniqueConstraint(fields=["agency", "person"], name="one_membership_an_agency"),
            # auditor and coordinator exclude every other role (docs/rules.md)
            models.CheckConstraint(
                name="auditor_and_coordinator_stand_alone",
                condition=~models.Q(roles__overlap=["auditor", "coordinator"])
                | models.Q(roles__len=1),
            ),
            models.CheckConstraint(
                name="known_roles", condition=models.Q(roles__contained_by=list(ROLES))
            ),
            models.CheckConstraint(name="known_duty", condition=models.Q(duty__in=DUTY)),
        ]

    def __str__(self) -> str:
        return str(self.id)
