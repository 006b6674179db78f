"""The mail addresses, phone numbers and devices of agencies and their members."""

from django.db import models

from permissions.database.fields import CLOCK
from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency, Membership

USES = ("own", "duty", "escalation")
KINDS = ("mail", "sms", "voice", "push")
LANGUAGES = ("en", "es")
TEST_OUTCOMES = ("waiting", "handed_over", "failed", "arrived", "not_arrived")


class Channel(models.Model):
    """A mail address, a phone number, or a member's device that takes Web Push. `own`: a member's
    private one; `duty`: the agency's shared ones, in order; `escalation`: the one that Cairn
    contacts when no one answers (it may be outside the agency, such as a state hotline). Until it
    is proven by a code that was sent there, nothing else is sent to it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+", db_index=False)
    membership = models.ForeignKey(
        Membership, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    use = models.TextField()
    kind = models.TextField()
    address = models.TextField()  # of a device: where its browser's push service takes messages
    name = models.TextField(null=True)  # of a device
    push_keys = models.TextField(null=True)  # of a device's browser, which seal what is sent there
    language = models.TextField(db_default="en")
    position = models.IntegerField(db_default=1)
    created_at = models.DateTimeField(db_default=CLOCK)
    test_asked_at = models.DateTimeField(null=True)
    test_outcome = models.TextField(null=True)
    proven_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "channel"
        constraints = [
            models.CheckConstraint(name="channel_use_check", condition=models.Q(use__in=USES)),
            models.CheckConstraint(name="channel_kind_check", condition=models.Q(kind__in=KINDS)),
            models.CheckConstraint(name="channel_address_check", condition=~models.Q(address="")),
            models.CheckConstraint(
                name="channel_language_check", condition=models.Q(language__in=LANGUAGES)
            ),
            models.CheckConstraint(
                name="channel_position_check",
                condition=models.Q(position__gte=1, position__lte=20),
            ),
            models.CheckConstraint(
                name="channel_test_outcome_check",
                condition=models.Q(test_outcome__in=TEST_OUTCOMES),
            ),
            models.CheckConstraint(
                name="channel_check",
                condition=models.Q(use="own", membership__isnull=False)
                | models.Q(~models.Q(use="own"), membership__isnull=True),
            ),
            models.CheckConstraint(
                name="channel_device_check",
                condition=~models.Q(kind="push")
                | models.Q(use="own", name__isnull=False, push_keys__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["agency", "membership", "use", "kind", "address"],
                name="channel_agency_id_membership_id_use_kind_address_key",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(
                fields=["membership"],
                name="channel_member",
                condition=models.Q(membership__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class ChannelCode(models.Model):
    """The code that was sent to a channel that is not proven yet. The roles that serve cannot read
    it: the background work sends it, and sec.prove_channel() compares it."""

    channel = models.OneToOneField(
        Channel, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    code = models.TextField()
    ends_at = models.DateTimeField()
    tries = models.IntegerField(db_default=0)

    class Meta:
        db_table = "channel_code"

    def __str__(self) -> str:
        return str(self.channel_id)
