"""Agencies, the people and partner systems in them, what they hold, and what was disclosed.

Rows are written here by few hands: credentials and sign-in secrets through the role `door`,
access entries by permissions/log.py, grants by permissions/grants.py. Row-level security and the
column privileges of every table stand in permissions/sql/.
"""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from oauth2_provider.models import AbstractApplication

from permissions.database.state import SchemaState
from permissions.ids import uuid7
from permissions.principal import AUDITS_WITH

__all__ = ["SchemaState"]  # Django looks for models here

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
# Legal rules read duties, never the kind (design §1).
DUTIES = ("victim_services", "privilege", "hipaa", "part2", "cjis", "ferpa", "mandated_reporter")
# Of how many different referrals a partner system opens packets or notes within 24 hours, if not
# set otherwise: more than an agency of a small network gets in a day; and the most that can be set.
OPENINGS_A_DAY, MOST_OPENINGS = 100, 100_000
ROLES = ("worker", "lead", "directory_editor", "agency_admin", "auditor", "coordinator")
CASEWORK = frozenset({"worker", "lead"})
# on_call: rung with every new referral; reachable: with what is hers; off_duty: somebody else is.
DUTY = ("on_call", "reachable", "off_duty")


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, username: str, password: str) -> "Person":
        """Somebody who can sign in, once she is a member somewhere; written by `door`."""
        person = Person(username=username)
        person.set_password(password)
        person.save(using="door", force_insert=True)
        return person


class Person(AbstractBaseUser):
    """Somebody who signs in. What she may do hangs on her memberships; nobody is a superuser."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)

    objects: ClassVar[PersonManager] = PersonManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

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
    # Its own clocks, where they differ from the network's (referrals/clocks.py says the shapes):
    # by urgency when an answer is due, and the hours and days on which it works.
    durations = models.JSONField(null=True, blank=True)
    opening_hours = models.JSONField(null=True, blank=True)
    holidays = ArrayField(models.DateField(), default=list, blank=True)
    # Days after the end until its part of a referral goes (R13). Never fewer than seven: the
    # recipient's part must not go before the sender is shown `closed`.
    retention_days = models.IntegerField(default=30)
    # An agency of one names a member of another agency, who is told that a lead assigned herself.
    outside_reviewer = models.ForeignKey(
        "Membership", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name_plural = "agencies"
        constraints = [
            models.CheckConstraint(
                name="retention_days",
                condition=models.Q(retention_days__gte=7, retention_days__lte=3650),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Membership(models.Model):
    """One person in one agency, with her roles there: a *member*."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    name = models.TextField()  # as colleagues and the agency's auditor read it
    roles = ArrayField(models.TextField())
    active = models.BooleanField(default=True)
    live = models.BooleanField(default=False, editable=False)  # she too; by trigger alone
    duty = models.TextField(default="reachable")  # of DUTY; she says it herself

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "person"], name="one_membership_an_agency"),
            # auditor and coordinator exclude every other role (design §1)
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


class Client(AbstractApplication):
    """A partner system's credential. `public_keys` is a JWK set (RFC 7517), public parts only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="clients")
    scopes = ArrayField(models.TextField(), default=list)
    public_keys = models.JSONField(default=dict)
    # The agency declared it its own system of record: packets may be opened through it (R15).
    system_of_record = models.BooleanField(default=False)
    # From where it may come (permissions/networks.py); null: from anywhere.
    networks = ArrayField(models.TextField(), null=True)
    # Of how many different referrals it opens packets or notes within 24 hours (TH2).
    openings_a_day = models.IntegerField(default=OPENINGS_A_DAY)
    active = models.BooleanField(default=True)

    class Meta(AbstractApplication.Meta):
        abstract = False
        swappable = "OAUTH2_PROVIDER_APPLICATION_MODEL"
        constraints = [
            # As the role auditor does (design §1): who reviews does nothing of what is reviewed.
            models.CheckConstraint(
                name="audit_read_stands_alone",
                condition=~models.Q(scopes__contains=["audit:read"])
                | models.Q(scopes__contained_by=AUDITS_WITH),
            ),
            models.CheckConstraint(
                name="openings_a_day",
                condition=models.Q(openings_a_day__gte=1, openings_a_day__lte=MOST_OPENINGS),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ClientAssertion(models.Model):
    """A `jti` that was used: an assertion is good once (RFC 7523, section 3, rule 7)."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    jti = models.TextField()
    expires_at = models.DateTimeField()
    pk = models.CompositePrimaryKey("client_id", "jti")

    def __str__(self) -> str:
        return "assertion"


class Credential(models.Model):
    """A live sign-in or access token. The row-level policies read it at every query (design §6).

    Only the SHA-256 of the secret is kept. Ending it, its membership, its client or its agency
    cuts off at the next statement, inside the database: triggers keep the last five columns
    (permissions/sql/identity.sql), which nothing else writes.
    """

    hash = models.BinaryField(primary_key=True, max_length=32)
    agency = models.ForeignKey(Agency, on_delete=models.CASCADE)
    membership = models.ForeignKey(Membership, null=True, on_delete=models.CASCADE)
    client = models.ForeignKey(Client, null=True, on_delete=models.CASCADE)
    roles = ArrayField(models.TextField(), default=list)
    scopes = ArrayField(models.TextField(), default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    live = models.BooleanField(default=False, editable=False)
    person_id = models.UUIDField(null=True, editable=False)
    left_roles = ArrayField(models.TextField(), default=list, editable=False)
    system_of_record = models.BooleanField(default=False, editable=False)
    networks = ArrayField(models.TextField(), null=True, editable=False)

    class Meta:
        db_table = "credential"
        constraints = [
            models.CheckConstraint(
                name="member_or_client",
                condition=models.Q(membership__isnull=True, client__isnull=False)
                | models.Q(membership__isnull=False, client__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return "credential"


class AccessEntry(models.Model):
    """One line of the access log; insert-only, partitioned by month (permissions/sql/log.sql).

    Plain columns, no foreign keys: the entry outlives what it speaks of. No values, no free text.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    agency_id = models.UUIDField(null=True)
    member_id = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)
    act = models.TextField()
    purpose = models.TextField(null=True)
    referral_id = models.UUIDField(null=True)
    referral_ids = ArrayField(models.UUIDField(), null=True)
    subject = models.UUIDField(null=True)
    fields = ArrayField(models.TextField(), null=True)
    release_id = models.UUIDField(null=True)
    directory_id = models.UUIDField(null=True)  # the directory's entry that it is about
    decision = models.TextField()  # allowed | refused
    rule = models.TextField(null=True)  # code of the refusal, or of the reason given
    request_id = models.UUIDField(null=True)
    address_prefix = models.TextField(null=True)
    xact = models.BigIntegerField()
    leaf = models.BinaryField()

    class Meta:
        db_table = "access_entry"
        managed = False

    def __str__(self) -> str:
        return str(self.id)


class Grant(models.Model):
    """What the database checks: this agency may open these fields of this referral, from the
    accept until `expires_at`. `key_bundle` holds those fields' keys, wrapped for the agency.

    The sender's own row has no release and no end. A recipient's bundle is destroyed (NULL) when
    the release is revoked, the referral withdrawn or stopped.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral_id = models.UUIDField()  # no foreign key: permissions is the ground floor
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT)
    release_id = models.UUIDField(null=True)
    fields = ArrayField(models.TextField(), default=list)
    opened_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    closed = models.BooleanField(default=False)
    kek_version = models.IntegerField(null=True)
    key_bundle = models.BinaryField(null=True)
    redisclosure_notice = models.TextField(null=True)  # the release's, which goes with the fields

    class Meta:
        db_table = "packet_grant"
        constraints = [
            models.UniqueConstraint(fields=["referral_id", "agency"], name="one_grant_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


class PrivateKey(models.Model):
    """The key of one agency's own notes on one referral (T4), wrapped for that agency alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral_id = models.UUIDField()
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT)
    kek_version = models.IntegerField()
    key_bundle = models.BinaryField()

    class Meta:
        db_table = "private_key"
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "referral_id"], name="one_private_key_an_agency"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
