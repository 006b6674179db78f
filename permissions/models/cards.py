"""An agency's card, by which an officer without an account sends a notice, and what it sends."""

from django.db import models

from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency, Membership
from permissions.models.clients import Client


class Card(models.Model):
    """An agency's card (permissions/card/cards.py): the code that is printed on it, sealed,
    and the lead who holds what is sent by it.

    The code is looked up by a keyed hash. `client` has no keys and fetches no token: what is sent
    by the card is logged as its. The MAC is by a key that is not in the database.
    """

    agency = models.OneToOneField(
        Agency, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    client = models.OneToOneField(Client, on_delete=models.PROTECT, related_name="card")
    lead = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    active = models.BooleanField()
    code_hash = models.BinaryField(unique=True, max_length=32)
    sealed_code = models.BinaryField()
    version = models.IntegerField(default=1)
    mac = models.BinaryField()

    def __str__(self) -> str:
        return str(self.agency_id)


class CardNotice(models.Model):
    """One notice by a card, from the call to the agency until a day after it was sent.

    What was chosen, the code and what became of it are sealed, together with the hashes by which
    the row is found: a writer of the database reads nothing of it and leads it nowhere else
    (referrals/card/kept.py).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.CASCADE, related_name="+")
    secret_hash = models.BinaryField(unique=True, max_length=32)  # of the officer's page
    call_hash = models.BinaryField(unique=True, max_length=32)  # of the newest call to the agency
    waits = models.BooleanField()  # the agency's one notice that waits for a call
    gone_at = models.DateTimeField()  # from then on the row is deleted
    sealed = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agency"],
                name="one_card_notice_waits",
                condition=models.Q(waits=True),
            )
        ]
        indexes = [models.Index(fields=["gone_at"], name="card_notice_gone")]

    def __str__(self) -> str:
        return str(self.id)
