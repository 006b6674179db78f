"""Counts that outlive the purge (ADR 0138). Functions of the database write them
(referrals/sql/functions/numbers.sql); no role that serves requests reads one."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class CountedReferral(models.Model):
    """A referral that is counted: in which month, and which agencies' figures it has left. It goes
    with its referral, and at once with a mistake."""

    referral = models.OneToOneField(
        Referral, models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    month = models.DateField()  # in which it was sent, by the sender's clock
    from_kind = models.TextField()  # of the agencies, as it was then
    to_kind = models.TextField()
    # It bars, or once barred, someone of that agency: its figures do not have it (R3).
    from_barred = models.BooleanField(default=False)
    to_barred = models.BooleanField(default=False)
    # A hand-off's deadline passed, which only the recipient counts (R2).
    handoff_late = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "counted_referral"
        indexes = [models.Index(fields=["month"], name="counted_by_month")]

    def __str__(self) -> str:
        return str(self.referral_id)


class CountLine(models.Model):
    """What an act adds to a cell, or takes out of it, until the background work has added it up.
    Only inserted, so that no act waits for another one's count. It names no referral."""

    id = models.BigAutoField(primary_key=True)
    agency_id = models.UUIDField(null=True)
    side = models.TextField()
    begins = models.DateField()
    item = models.TextField()
    number = models.IntegerField()
    settled = models.BooleanField()

    class Meta:
        db_table = "count_line"

    def __str__(self) -> str:
        return str(self.id)


class CountCell(models.Model):
    """One cell: whose (an agency's side), when (a month), and what (one item). Without an agency it
    is of a year: what no agency's figures have. The sides `net` and `kept` are the network's: what
    it may be shown, and what is kept out, since it bars or ever barred someone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, null=True, related_name="+", db_index=False
    )
    side = models.TextField()  # from | to | net | kept
    begins = models.DateField()
    item = models.TextField()  # as urgency:emergency
    number = models.IntegerField()
    settled = models.IntegerField()  # how many of them are purged

    class Meta:
        db_table = "count_cell"
        constraints = [
            UniqueConstraint(
                fields=["agency", "side", "begins", "item"],
                name="one_count_cell",
                nulls_distinct=False,
            ),
            CheckConstraint(
                condition=Q(side__in=("from", "to", "net", "kept")), name="count_cell_side"
            ),
        ]
        indexes = [models.Index(fields=["begins"], name="count_cell_by_month")]

    def __str__(self) -> str:
        return str(self.id)


class CountSeal(models.Model):
    """The cells of a month, or of a year of the network, of which nothing is left but the cells: a
    keyed hash of them, by a key that is not in the database."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    begins = models.DateField()
    yearly = models.BooleanField()
    total = models.BigIntegerField()
    mac = models.BinaryField()

    class Meta:
        db_table = "count_seal"
        constraints = [UniqueConstraint(fields=["begins", "yearly"], name="one_count_seal")]

    def __str__(self) -> str:
        return str(self.begins)


class NetworkFigures(models.Model):
    """The figures of the network in a quarter or a year, in bands (ADR 0144). `content` is never
    changed; that of a year is public once it is published, with the trainings as they were then."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    period = models.TextField()  # as 2026 or 2026-Q1
    begins = models.DateField()
    months = models.IntegerField()
    content = models.JSONField()
    made_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    published_by = models.UUIDField(null=True)  # the coordinator
    trainings = models.IntegerField(null=True)
    people_trained = models.IntegerField(null=True)

    class Meta:
        db_table = "network_figures"
        constraints = [
            UniqueConstraint(fields=["period"], name="one_network_figures"),
            CheckConstraint(condition=Q(months__in=(3, 12)), name="network_figures_period"),
            CheckConstraint(
                condition=Q(published_at=None)
                | Q(months=12, published_by__isnull=False, trainings__isnull=False),
                name="network_figures_published",
            ),
        ]

    def __str__(self) -> str:
        return self.period


class FiguresAgreement(models.Model):
    """An agency agreed that its own bands are shown by its name, until it ended that."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    given_by = models.UUIDField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True)

    class Meta:
        db_table = "figures_agreement"
        constraints = [
            UniqueConstraint(
                fields=["agency"], condition=Q(ended_at=None), name="one_figures_agreement"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class EarlierYear(models.Model):
    """What was published of a year before the network had Cairn, as it was published. A number is
    null where nothing was said."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    year = models.IntegerField(unique=True)
    cases = models.IntegerField(null=True)
    trainings = models.IntegerField(null=True)
    people_trained = models.IntegerField(null=True)
    source = models.TextField()  # where it was published

    class Meta:
        db_table = "earlier_year"
        constraints = [
            CheckConstraint(condition=Q(year__gte=1990, year__lte=2099), name="earlier_year_year"),
            CheckConstraint(condition=Q(source__regex="^.{1,200}$"), name="earlier_year_source"),
            CheckConstraint(
                condition=Q(cases__isnull=False)
                | Q(trainings__isnull=False)
                | Q(people_trained__isnull=False),
                name="earlier_year_said",
            ),
        ]

    def __str__(self) -> str:
        return str(self.year)
