"""The history of a referral, and the messages about it."""

from datetime import timedelta

from django.db import models

from permissions.database.fields import CLOCK, KeptBigInteger, KeptBoolean
from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class Event(models.Model):
    """An entry in a referral's history, marked with the side or sides that may know it.

    Ids and codes only; the same row is the outbox of the feed and the webhooks.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    from_agency_id = models.UUIDField()
    to_agency_id = models.UUIDField()
    at = models.DateTimeField()
    act = models.TextField()
    agency_id = models.UUIDField(null=True)  # whose member did it; None: the clock
    member_id = models.UUIDField(null=True)  # shown to the member's own side only
    about_id = models.UUIDField(null=True)  # the member of the own side who is concerned
    code = models.TextField(null=True)
    # only for those who answer for it (blocks)
    reserved = models.BooleanField(default=False)
    from_sees = models.BooleanField()
    to_sees = models.BooleanField()
    # Its place in the feeds: the transaction that wrote it. A reader of (xact, id) misses none.
    xact = KeptBigInteger(
        db_default=models.Func(function="sec.xact", output_field=models.BigIntegerField())
    )
    told = KeptBoolean(db_default=False)  # whether its messages were written (sec.claim_events)

    class Meta:
        db_table = "referral_event"
        indexes = [
            models.Index(fields=["referral", "at"], name="event_referral"),
            # A feed is the merge of what its agency sent and what it was sent.
            models.Index(
                fields=["from_agency_id", "xact", "id"],
                name="referral_event_from",
                condition=models.Q(from_sees=True),
            ),
            models.Index(
                fields=["to_agency_id", "xact", "id"],
                name="referral_event_to",
                condition=models.Q(to_sees=True),
            ),
            # What has changed since a moment (referrals/queries/list_filters.py).
            *(
                models.Index(
                    fields=[f"{name}_agency_id", "at"],
                    name=f"event_since_{name}",
                    condition=models.Q((f"{name}_sees", True)),
                )
                for name in ("from", "to")
            ),
            # In which they are copied out of the database (referrals/recovery/copies.py).
            models.Index(fields=["xact", "id"], name="referral_event_order"),
            models.Index(
                fields=["xact", "id"],
                name="referral_event_untold",
                condition=models.Q(told=False),
            ),
            models.Index(fields=["at"], name="closed_last", condition=models.Q(act="closed")),
        ]
        constraints = [
            # The sender's fixed moment comes once (referrals/deadlines/auto_close.py).
            models.UniqueConstraint(
                fields=["referral"], name="closed_once", condition=models.Q(act="closed")
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    """A mail, SMS, call or push that informs a person or a desk that something waits. It contains
    only a reference and neutral words (R10). The address stays in its channel."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cause = models.UUIDField()  # the event, or another reason; prevents duplicates
    referral = models.ForeignKey(  # None: a test
        Referral, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    agency = models.ForeignKey(  # whose channel it is
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    member_id = models.UUIDField(null=True)  # None: the agency's own channel
    channel_id = models.UUIDField()  # no foreign key: the channel may be removed first
    kind = models.TextField()
    template = models.TextField()
    reference = models.TextField()
    at = models.DateTimeField(db_default=CLOCK)
    state = models.TextField(db_default="waiting")
    tries = models.IntegerField(db_default=0)
    due_at = models.DateTimeField(db_default=CLOCK)
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    outcome = models.TextField(null=True)  # a code, from the last try
    done_at = models.DateTimeField(null=True)
    # For a call: the provider's id, and since when it may have been made without a record of
    # whether it was (referrals/notifications/voice_calls.py).
    call_sid = models.TextField(null=True)
    unknown_since = models.DateTimeField(null=True)
    keys_wrong = models.IntegerField(db_default=0)  # digits that were keyed in it and are not right

    class Meta:
        db_table = "message"
        constraints = [
            models.CheckConstraint(
                name="message_kind_check",
                condition=models.Q(kind__in=("mail", "sms", "voice", "push")),
            ),
            models.CheckConstraint(
                name="message_state_check",
                condition=models.Q(state__in=("waiting", "sent", "dead")),
            ),
            models.UniqueConstraint(
                fields=["cause", "channel_id", "template"],
                name="message_cause_channel_id_template_key",
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "due_at"],
                name="message_due",
                condition=models.Q(state="waiting"),
            ),
            models.Index(fields=["agency", "-at", "-id"], name="message_agency"),
            # A page of a member's own, of their agency's, and of those that were given up.
            models.Index(
                fields=["member_id", "-at", "-id"],
                name="message_member",
                condition=models.Q(member_id__isnull=False),
            ),
            models.Index(
                fields=["agency", "-at", "-id"],
                name="message_mailbox",
                condition=models.Q(member_id__isnull=True),
            ),
            models.Index(
                fields=["member_id", "agency"],
                name="message_dead",
                condition=models.Q(state="dead"),
            ),
            # How often a contact outside was called of late (escalation.py).
            models.Index(
                fields=["at"],
                name="message_contact",
                condition=models.Q(template="contact"),
            ),
            # What the operator's figures count (sec.message_figures).
            models.Index(fields=["state", "done_at"], name="message_ended"),
            models.Index(
                fields=["agency", "at"],
                name="message_general",
                condition=models.Q(referral__isnull=True),
            ),
            models.Index(fields=["referral"], name="message_referral"),
            models.Index(
                fields=["call_sid"],
                name="message_call",
                condition=models.Q(call_sid__isnull=False),
            ),
            models.Index(
                fields=["unknown_since"],
                name="message_unknown",
                condition=models.Q(unknown_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Claim(models.Model):
    """A member's word about an emergency that no one has acknowledged: "I am awake, opening it".
    Until it ends no one else on their side is called about it (R15). Their side's own (T4)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(
        Referral, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    agency = models.ForeignKey(
        "permissions.Agency", models.PROTECT, related_name="+", db_index=False
    )
    member_id = models.UUIDField()
    person_id = models.UUIDField()  # has one a referral, in whichever agency
    at = models.DateTimeField()
    until = models.DateTimeField()
    how = models.TextField()

    class Meta:
        db_table = "awake_claim"
        constraints = [
            models.UniqueConstraint(fields=["referral", "person_id"], name="one_claim_a_person"),
            models.CheckConstraint(
                name="claim_how", condition=models.Q(how__in=("call", "push", "desk"))
            ),
            models.CheckConstraint(
                name="claim_is_short",
                condition=models.Q(
                    until__gt=models.F("at"),
                    until__lte=models.F("at") + models.Value(timedelta(minutes=5)),
                ),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class XactBase(models.Model):
    """The number that sec.xact() adds to a transaction's number. It is raised after a restore, so
    that feeds continue after everything read before. One row."""

    only_row = models.BooleanField(primary_key=True, db_default=True)
    base = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "xact_base"
        constraints = [
            models.CheckConstraint(
                name="xact_base_only_row_check", condition=models.Q(only_row=True)
            )
        ]

    def __str__(self) -> str:
        return str(self.base)
