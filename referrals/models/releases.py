"""Releases, their papers and ends, and what was returned under them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from permissions.database.uuid7 import uuid7
from referrals.models.referrals import Referral


class Release(models.Model):
    """The survivor's permission, as data (docs/rules.md; 34 U.S.C. 12291(b)(2), 45 CFR 164.508).

    It names one recipient, fields, a purpose and an end. Widening takes a new release.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="releases")
    from_agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    to_agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    direction = models.TextField(default="outbound")
    basis = models.TextField()
    purpose = models.TextField()
    fields = ArrayField(models.TextField())
    form = models.TextField()
    signed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # As signed. `fields` and `expires_at` above are what is left after narrowing.
    signed_fields = ArrayField(models.TextField())
    signed_until = models.DateTimeField()
    attestations = ArrayField(models.TextField(), default=list)
    consenters = models.JSONField(default=list)
    minor_may_consent_alone = models.BooleanField(default=False)
    adult = models.BooleanField(default=False)  # stated if the notice does not give the age
    promptly_informed = models.TextField(default="")  # for a hipaa_agreement
    redisclosure_notice = models.TextField(default="network")
    intermediary = models.TextField(default="")  # the platform, named if Part 2 requires it
    # SHA-256, in hex, of what was signed: of the sealed record where Cairn took the signature
    # (referrals/signing/), else of a partner system's own artifact. '' where there is none.
    artifact_sha256 = models.TextField(default="", db_default="")
    # The sealed record, among the notes of the agency that wrote the release. No foreign key: the
    # notes of a side are removed by themselves.
    signature_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    # Both sides may know *that* it ended. When, how and through whom belongs to the side that ended
    # it (ReleaseEnd).
    ended = models.BooleanField(default=False)
    # It ended before the accept, by the recipient or by the survivor themselves.
    never_open = models.BooleanField(db_default=False)
    # Fields that the survivor themselves took back before the accept: they were never open either.
    never_opened_fields = ArrayField(models.TextField(), null=True)

    class Meta:
        db_table = "release"
        constraints = [
            models.CheckConstraint(
                name="release_artifact_hash",
                condition=models.Q(artifact_sha256="")
                | models.Q(artifact_sha256__regex=r"^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="release_drawn_has_artifact",
                condition=~models.Q(form__in=("screen", "own_phone"))
                | ~models.Q(artifact_sha256=""),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Returned(models.Model):
    """What the recipient returned to the sender under a return release, sealed for the sender.

    It holds the values at the time of that act. They are destroyed (NULL) when the release ends.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")  # the sender
    kek_version = models.IntegerField(null=True)
    key_bundle = models.BinaryField(null=True)
    ciphertext = models.BinaryField(null=True)
    fields = ArrayField(models.TextField())
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "returned"

    def __str__(self) -> str:
        return str(self.id)


class ReleasePaper(models.Model):
    """Where the paper is kept, and before whom it was signed or said: T4 of the recording agency.

    It holds no signature: what was drawn is sealed among the agency's notes (`signature_id` of the
    release).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="papers")
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    evidence_ref = models.TextField(default="")
    witnessed_by = models.UUIDField(null=True)  # a member of that agency
    witnessed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "release_paper"

    def __str__(self) -> str:
        return str(self.id)


class ReleaseEnd(models.Model):
    """Who recorded the end of a release, when and how: T4 of that agency. `revoked_via` is
    `superseded` when a newer release replaced it, `with_referral` when what it was given for was
    taken back, and `narrowed` when it became smaller but did not end."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="ends")
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField()
    revoked_via = models.TextField()
    revoked_by = models.UUIDField()

    class Meta:
        db_table = "release_end"

    def __str__(self) -> str:
        return str(self.id)
