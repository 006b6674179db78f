"""Who answers an agency's phone at which hour. Members' ids and times; nothing of a referral.

referrals/on_call/who_is_on.py computes from these rows who is on; none of them says so by itself.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from permissions.database.uuid7 import uuid7

PERIODS = ("day", "week")
# first, second: answers in that place, whatever the rotation says; away: ill or on leave.
SHIFT_KINDS = ("first", "second", "away")
SWAP_STATES = ("asked", "agreed", "declined", "taken_back")


class Rotation(models.Model):
    """The members who answer in turn, in order. The first of them begins on `anchor`."""

    agency = models.OneToOneField(
        "permissions.Agency", models.PROTECT, primary_key=True, related_name="+"
    )
    members = ArrayField(models.UUIDField())
    period = models.TextField()
    weekday = models.IntegerField()  # of the hand-over, Monday is 0; unused where the period is day
    at = models.TimeField()  # of the hand-over, by the agency's clock
    anchor = models.DateField()
    has_second = models.BooleanField()

    class Meta:
        db_table = "on_call_rotation"
        constraints = [
            models.CheckConstraint(name="rotation_period", condition=Q(period__in=PERIODS)),
            models.CheckConstraint(
                name="rotation_weekday", condition=Q(weekday__gte=0, weekday__lte=6)
            ),
        ]

    def __str__(self) -> str:
        return str(self.agency_id)


class Shift(models.Model):
    """What differs from the rotation: a swap, an illness, or a shift that was entered by itself."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    member = models.ForeignKey("permissions.Membership", models.PROTECT, related_name="+")
    kind = models.TextField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        db_table = "on_call_shift"
        indexes = [models.Index(fields=["agency", "ends_at"], name="on_call_shift_agency")]
        constraints = [
            models.CheckConstraint(name="shift_kind", condition=Q(kind__in=SHIFT_KINDS)),
            models.CheckConstraint(name="shift_length", condition=Q(begins_at__lt=F("ends_at"))),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Swap(models.Model):
    """A member asked a coworker to take their shift. It counts once the coworker has agreed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    asked_by = models.ForeignKey("permissions.Membership", models.PROTECT, related_name="+")
    asked_of = models.ForeignKey("permissions.Membership", models.PROTECT, related_name="+")
    kind = models.TextField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.TextField(default="asked")

    class Meta:
        db_table = "on_call_swap"
        constraints = [
            models.CheckConstraint(name="swap_kind", condition=Q(kind__in=SHIFT_KINDS[:2])),
            models.CheckConstraint(name="swap_state", condition=Q(state__in=SWAP_STATES)),
            models.CheckConstraint(name="swap_length", condition=Q(begins_at__lt=F("ends_at"))),
        ]

    def __str__(self) -> str:
        return str(self.id)


class CalendarFeed(models.Model):
    """The secret address at which a member's calendar reads the rota. The row keeps its hash, with
    a MAC by a key outside the database: it lets someone read names."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    member = models.OneToOneField("permissions.Membership", models.PROTECT, related_name="+")
    token_hash = models.BinaryField(unique=True)
    mac = models.BinaryField()

    class Meta:
        db_table = "on_call_feed"

    def __str__(self) -> str:
        return str(self.id)


class Gap(models.Model):
    """A time at which no phone of an agency is answered. `ended_at` is NULL while it lasts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "on_call_gap"
        constraints = [
            models.UniqueConstraint(
                fields=["agency"], condition=Q(ended_at=None), name="one_open_gap"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
