"""Whether the phone lines of people and agencies answer: the weekly tests, lines that have not
answered, and how many minutes of a month were covered. Nothing of a referral.

A test names no one: it holds a keyed hash of a number.
"""

from django.db import models
from django.db.models import F, Q

from permissions.database.fields import CLOCK
from permissions.database.uuid7 import uuid7

KINDS = ("sms", "voice")
HOW = ("key", "link", "desk")  # desk: a member says that the test they asked for came


class LineTest(models.Model):
    """One test of a number: a call that asks for a key, or a text message with a link. `id` is also
    the cause of its message."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.UUIDField()  # referrals/notifications/line_tests/lines.py
    kind = models.TextField()
    week = models.DateField(null=True)  # its Monday; None: a member asked for it
    at = models.DateTimeField(db_default=CLOCK)
    token_hash = models.BinaryField(null=True, unique=True)  # None: not tried yet
    language = models.TextField(db_default="en")
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    how = models.TextField(null=True)

    class Meta:
        db_table = "line_test"
        constraints = [
            models.UniqueConstraint(fields=["number", "week"], name="one_line_test_a_week"),
            models.CheckConstraint(name="line_test_kind", condition=Q(kind__in=KINDS)),
            models.CheckConstraint(name="line_test_how", condition=Q(how__in=HOW)),
        ]
        indexes = [models.Index(fields=["at"], name="line_test_at")]

    def __str__(self) -> str:
        return str(self.id)


class SilentLine(models.Model):
    """A line that left two weekly tests unanswered. `ended_at` is NULL while it does."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    member = models.ForeignKey(  # None: the agency's shared line
        "permissions.Membership", models.PROTECT, null=True, related_name="+"
    )
    channel_id = models.UUIDField()  # no foreign key: the channel may be removed first
    kind = models.TextField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "silent_line"
        constraints = [
            models.UniqueConstraint(
                fields=["channel_id"], condition=Q(ended_at=None), name="one_open_silence"
            ),
            models.CheckConstraint(name="silent_line_kind", condition=Q(kind__in=KINDS)),
        ]

    def __str__(self) -> str:
        return str(self.id)


class LineCover(models.Model):
    """An agency's month, by its own clock: how many minutes were counted up to `until`, and in how
    many of them someone on call had a line that had answered its latest test."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    month = models.DateField()  # its first day
    minutes = models.IntegerField()
    covered = models.IntegerField()
    until = models.DateTimeField()

    class Meta:
        db_table = "line_cover"
        constraints = [
            models.UniqueConstraint(fields=["agency", "month"], name="one_line_cover_a_month"),
            models.CheckConstraint(
                name="line_cover_share", condition=Q(covered__gte=0, covered__lte=F("minutes"))
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
