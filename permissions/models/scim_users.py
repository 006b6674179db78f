"""What an agency's identity provider calls the agency's people."""

from django.db import models

from permissions.database.uuid7 import uuid7
from permissions.models.agencies import Agency, Membership
from permissions.models.invitations import Invitation


class ScimUser(models.Model):
    """The provider's names of one person of one agency: a member, or who was invited
    (permissions/scim/scim_rows.py). The id is the person's in SCIM.

    The names are sealed by a key that is not in the database, together with whose they are. They
    are found by keyed hashes.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.CASCADE, related_name="+")
    # One of the two. Who joined by an invitation is the invitation's member.
    invitation = models.OneToOneField(
        Invitation, null=True, on_delete=models.CASCADE, related_name="+"
    )
    member = models.OneToOneField(Membership, null=True, on_delete=models.CASCADE, related_name="+")
    user_name_hash = models.BinaryField(null=True, max_length=32)
    external_id_hash = models.BinaryField(null=True, max_length=32)
    sealed = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="scim_user_is_one",
                condition=models.Q(invitation__isnull=True, member__isnull=False)
                | models.Q(invitation__isnull=False, member__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["agency", "user_name_hash"], name="scim_user_name_once"
            ),
            models.UniqueConstraint(
                fields=["agency", "external_id_hash"], name="scim_external_id_once"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
