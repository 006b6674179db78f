"""What a recovery found to be lost, for each agency to set right."""

from django.db import models

from permissions.database.fields import CLOCK
from permissions.database.uuid7 import uuid7


class LostAct(models.Model):
    """One act that the database has lost, as one agency's side knew it: ids and codes.

    The referral may be lost as well, so these are bare ids.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_id = models.UUIDField()  # of the event that is lost
    agency_id = models.UUIDField()  # whose leads are notified
    other_agency_id = models.UUIDField()  # whom they call
    referral_id = models.UUIDField()
    act = models.TextField()
    own = models.BooleanField()  # whether the agency's own people did it
    at = models.DateTimeField()
    found_at = models.DateTimeField(db_default=CLOCK)

    class Meta:
        db_table = "lost_act"
        constraints = [
            models.UniqueConstraint(fields=["agency_id", "event_id"], name="lost_act_once"),
        ]

    def __str__(self) -> str:
        return str(self.id)
