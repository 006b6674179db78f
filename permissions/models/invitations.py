"""Invitations to join an agency, the messages that carry secrets, and registered numbers."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency, Membership

INVITATION_KINDS = ("join", "reset")
SEALED_KINDS = ("mail", "sms", "voice")
SEALED_OUTCOMES = ("waiting", "handed_over", "failed")


class Invitation(models.Model):
    """A one-time link by which one person joins an agency (permissions/enrollment/invitations.py),
    or a member sets up again what they sign in with (permissions/enrollment/resets.py).

    Only the SHA-256 of the link's secret is stored. The row has a MAC by a key that is not in the
    database, so that a writer of the database invites no one.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.TextField(default="join")
    token_hash = models.BinaryField(unique=True, max_length=32)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    name = models.TextField()
    roles = ArrayField(models.TextField())
    staff_ref = models.TextField(null=True)  # as the member will have it
    # Null: the operator invited the agency's first administrator, who must prove by a call to the
    # agency's registered number that the agency knows of it.
    invited_by = models.ForeignKey(
        Membership, null=True, on_delete=models.PROTECT, related_name="+"
    )
    # Instead of a member: the agency's identity provider (permissions/scim/scim_users.py).
    invited_by_system_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Who joined by it; of a reset, whose it is.
    member = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    mac = models.BinaryField()
    # Of the code that was spoken over the registered number: a keyed hash of it, and its end.
    spoken_hash = models.BinaryField(null=True)
    spoken_ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="invitation_kind", condition=models.Q(kind__in=INVITATION_KINDS)
            )
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_first(self) -> bool:
        """Whether the operator invited the agency's first administrator by it."""
        return self.invited_by_id is None and self.invited_by_system_id is None


class SealedMessage(models.Model):
    """A message with a secret in it, to an address that is no channel: an invitation's link, or a
    code that is spoken. Address and secret are sealed until it has left, and then erased."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    about_id = models.UUIDField(db_index=True)  # the invitation
    kind = models.TextField()
    sealed = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.IntegerField(db_default=0)
    outcome = models.TextField(db_default="waiting")
    # Of a call: the provider's id, so that it is taken for no other (voice_calls.py).
    call_sid = models.TextField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sealed_message_kind", condition=models.Q(kind__in=SEALED_KINDS)
            ),
            models.CheckConstraint(
                name="sealed_message_outcome", condition=models.Q(outcome__in=SEALED_OUTCOMES)
            ),
            models.CheckConstraint(
                name="sealed_message_erased",
                condition=models.Q(outcome="waiting") | models.Q(sealed__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="sealed_message_waits",
                condition=models.Q(outcome="waiting"),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class RegisteredNumber(models.Model):
    """The phone number at which an agency is known: the only one over which Cairn asks whether
    a person who says they are the agency is (permissions/enrollment/registered_numbers.py).

    `number` is in force once a lead of another agency has confirmed it. `next_number` waits for a
    second person of the agency. The MAC is by a key that is not in the database.
    """

    agency = models.OneToOneField(
        Agency, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    number = models.TextField()
    confirmed_by = models.ForeignKey(
        Membership, null=True, on_delete=models.PROTECT, related_name="+"
    )
    next_number = models.TextField(blank=True)
    next_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    version = models.IntegerField(default=1)
    mac = models.BinaryField()

    def __str__(self) -> str:
        return str(self.agency_id)
