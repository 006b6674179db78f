"""What shows the operator that the background work is done, and that the database can be written.

Only the functions of `definer` read and write these tables; nothing in them is of a referral.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.database.uuid7 import uuid7


class JobHeartbeat(models.Model):
    """When one job of the background work last did a step on one machine.

    The times are the server's own, not `sec.clock()`: they are of the process, and no rule asks.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.TextField()
    host = models.TextField()  # a code made of the machine's name, or the operator's word
    done_at = models.DateTimeField(null=True)  # of the last step that succeeded
    due_at = models.DateTimeField()  # by when the next beat is expected
    failing_since = models.DateTimeField(null=True)
    error = models.TextField(null=True)  # the type of the exception, never its text

    class Meta:
        db_table = "job_heartbeat"
        constraints = [
            models.UniqueConstraint(fields=["job", "host"], name="job_heartbeat_once"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class WriteTest(models.Model):
    """One row, which /health/ready writes to learn whether the database takes writes."""

    only_row = models.BooleanField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "write_test"

    def __str__(self) -> str:
        return "write_test"


class BackupRecord(models.Model):
    """What a place of backups held when it was looked into, or what a drill found (ADR 0102).

    The times are the server's own, not `sec.clock()`, as those of the heartbeats.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.TextField(choices=[("backup", "backup"), ("drill", "drill")])
    at = models.DateTimeField()  # when this was recorded
    newest_at = models.DateTimeField(null=True)  # when the newest backup ended
    oldest_at = models.DateTimeField(null=True)
    wal_at = models.DateTimeField(null=True)  # when the newest segment of WAL was archived
    failed = ArrayField(models.TextField(), default=list)  # a drill's checks that found a fault
    rto_s = models.FloatField(null=True)  # seconds to the first truthful answer
    rpo_s = models.FloatField(null=True)  # seconds of transactions that would be lost

    class Meta:
        db_table = "backup_record"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=("backup", "drill")), name="backup_record_kind"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class KeyFolder(models.Model):
    """The one folder of keys, and the mark that was last written into it.

    A server whose folder bears another mark does not share it (permissions/keys/key_folder.py). The
    times of this module are the database server's own, not `sec.clock()`: no rule asks.
    """

    only_row = models.BooleanField(primary_key=True)
    store = models.TextField()  # 32 hex digits: chosen at random with the folder
    counter = models.BigIntegerField()
    nonce = models.TextField()  # 32 hex digits: another one at each mark
    marked_at = models.DateTimeField()

    class Meta:
        db_table = "key_folder"

    def __str__(self) -> str:
        return self.store


class KeyHost(models.Model):
    """A server that has been seen with the folder. `proven`: it saw another server's mark in its
    own folder, or there was no other server."""

    host = models.TextField(primary_key=True)  # a code: machine, start of it, and folder
    since_counter = models.BigIntegerField()  # the mark when it came
    proven = models.BooleanField()
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "key_host"

    def __str__(self) -> str:
        return self.host


class TimelineState(models.Model):
    """One row: which timeline, system and database this is, and how far its copies have come.

    `timeline` is what sec.timeline() was when the database was last known to be true; `mark` is a
    number that the background work raises each second and copies out of the database, so that an
    older copy is known by it (permissions/recovery/timeline.py).
    """

    only_row = models.BooleanField(primary_key=True)
    timeline = models.TextField()
    mark = models.BigIntegerField(default=0)
    marked_at = models.DateTimeField(null=True)
    recovered_at = models.DateTimeField(null=True)
    # The last event that was copied to the journal (referrals/recovery/copies.py).
    copied_xact = models.BigIntegerField(default=0)
    copied_id = models.UUIDField(null=True)

    class Meta:
        db_table = "timeline_state"

    def __str__(self) -> str:
        return "timeline_state"
