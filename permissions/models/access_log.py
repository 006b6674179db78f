"""The access log, its seals, and the opt-ins that let other auditors read it."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from permissions.database.fields import CLOCK, TRANSACTION
from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency

OPENINGS = ("referral.open_packet", "referral.open_notes")
_OPENED = models.Q(client_id__isnull=False, decision="allowed", act__in=OPENINGS)


def _pages(*fields: str, name: str, condition: models.Q | None = None) -> models.Index:
    """An index for one filter of an auditor (permissions/audit/queries.py), in the order of the
    pages, so that only one page is read, even if the entries sought are rare."""
    return models.Index(fields=[*fields, "-at", "-id"], name=name, condition=condition)


class AccessEntry(models.Model):
    """One line of the access log; insert-only, partitioned by month (permissions/sql).

    It has no foreign keys, since the entry outlives the rows that it names. It contains no values
    and no free text. In the database its key is (id, at): PostgreSQL requires the partition column
    in it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=CLOCK)
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
    directory_id = models.UUIDField(null=True)  # the directory entry that it concerns
    decision = models.TextField()  # allowed | refused
    rule = models.TextField(null=True)  # code of the refusal, or of the reason for the act
    request_id = models.UUIDField(null=True)
    address_prefix = models.TextField(null=True)
    xact = models.BigIntegerField(db_default=TRANSACTION)
    leaf = models.BinaryField()

    class Meta:
        db_table = "access_entry"
        indexes = [
            models.Index(fields=["xact"], name="access_entry_xact"),
            _pages("agency_id", name="access_entry_agency"),
            _pages(
                *("agency_id", "member_id"),
                name="access_entry_member",
                condition=models.Q(member_id__isnull=False),
            ),
            _pages(
                *("agency_id", "client_id"),
                name="access_entry_client",
                condition=models.Q(client_id__isnull=False),
            ),
            _pages("agency_id", "act", name="access_entry_act"),
            _pages(
                "agency_id", name="access_entry_refused", condition=models.Q(decision="refused")
            ),
            _pages(
                *("agency_id", "purpose"),
                name="access_entry_purpose",
                condition=models.Q(purpose__isnull=False),
            ),
            _pages(
                *("agency_id", "subject"),
                name="access_entry_subject",
                condition=models.Q(subject__isnull=False),
            ),
            _pages(
                *("referral_id", "agency_id"),
                name="access_entry_referral",
                condition=models.Q(referral_id__isnull=False),
            ),
            # Openings by partner systems: whether one opened this referral, and how many it opened
            # (sec.client_quota_wait).
            models.Index(
                fields=["client_id", "referral_id", "at"],
                name="access_entry_client_opened",
                condition=_OPENED,
            ),
            models.Index(
                fields=["client_id", "at", "referral_id"],
                name="access_entry_client_openings",
                condition=_OPENED,
            ),
            models.Index(
                fields=["release_id", "at"],
                name="access_entry_opt_in",
                condition=models.Q(rule="opt_in"),
            ),
            GinIndex(fields=["referral_ids"], name="access_entry_listed"),
        ]
        constraints = [
            models.CheckConstraint(
                name="access_entry_decision_check",
                condition=models.Q(decision__in=["allowed", "refused"]),
            ),
            # An opening must state its purpose of use (R11).
            models.CheckConstraint(
                name="access_entry_check",
                condition=~models.Q(act__in=OPENINGS)
                | models.Q(decision="refused")
                | models.Q(purpose__isnull=False, referral_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class LogLeaf(models.Model):
    """An entry's position in the sealed order. `entry_at` finds the entry's partition, and
    distinguishes entries with the same id: the writer chooses the id, so an injected query could
    use one twice.

    If the owner of the database changes an entry later, it no longer matches what was signed, and
    others hold copies of that. Only the role `sealer` writes leaves and checkpoints
    (permissions/ledger/sealer.py).
    """

    position = models.BigIntegerField(primary_key=True)
    entry_id = models.UUIDField()
    entry_at = models.DateTimeField()
    leaf = models.BinaryField()

    class Meta:
        db_table = "log_leaf"
        constraints = [
            models.CheckConstraint(
                name="log_leaf_position_check", condition=models.Q(position__gte=0)
            ),
            models.UniqueConstraint(
                fields=["entry_id", "entry_at"], name="log_leaf_entry_id_entry_at_key"
            ),
        ]

    def __str__(self) -> str:
        return str(self.position)


class LogCheckpoint(models.Model):
    """A batch of leaves with its signature. Every entry of a transaction before `xact_before` is
    sealed; `body` is the signed text, byte for byte."""

    seq = models.BigIntegerField(primary_key=True)
    first = models.BigIntegerField()
    size = models.BigIntegerField()
    xact_before = models.BigIntegerField()
    body = models.TextField()
    key_id = models.TextField()
    signature = models.BinaryField()

    class Meta:
        db_table = "log_checkpoint"
        constraints = [
            models.CheckConstraint(name="log_checkpoint_seq_check", condition=models.Q(seq__gt=0))
        ]
        indexes = [
            models.Index(fields=["first"], name="log_checkpoint_first"),
            models.Index(
                fields=["seq"],
                name="log_checkpoint_gap",
                condition=models.Q(body__startswith='{"gap"'),
            ),
            models.Index(
                fields=["seq"],
                name="log_checkpoint_retired",
                condition=models.Q(body__contains='"retired":{'),
            ),
        ]

    def __str__(self) -> str:
        return str(self.seq)


class LogWatch(models.Model):
    """The progress of the background work on the log, shown to auditors (sec.seal_status). `seq` is
    the last checkpoint that the witness holds, or that the check of new batches or the current
    round over older ones has reached. `faults` stay until the whole log was checked without one."""

    what = models.TextField(primary_key=True)  # witness | new | again
    seq = models.BigIntegerField(db_default=0)
    at = models.DateTimeField(null=True)
    faults = models.BigIntegerField(db_default=0)
    first_fault = models.TextField(null=True)

    class Meta:
        db_table = "log_watch"

    def __str__(self) -> str:
        return self.what


class LogOptIn(models.Model):
    """An agency lets the auditors of one oversight agency read its entries until `ends_at`.

    The agency's administrator grants it and can withdraw it with immediate effect. The row stays
    afterwards to show who could read.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    given_by = models.UUIDField()
    given_at = models.DateTimeField(db_default=CLOCK)
    ends_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "log_opt_in"
        constraints = [
            models.CheckConstraint(
                name="log_opt_in_check", condition=~models.Q(agency=models.F("to_agency"))
            )
        ]
        indexes = [
            models.Index(fields=["to_agency"], name="log_opt_in_to"),
            models.Index(fields=["agency", "-given_at", "-id"], name="log_opt_in_of"),
        ]

    def __str__(self) -> str:
        return str(self.id)
