"""The rows of a referral. What only one side may know stands in a table of that side's own.

`Referral` is what both sides may know: its `status` is the word the *sender* is shown. What the
recipient did after the accept (handed off, completed, unable, stopped) stands in the recipient's
`Side`, which the sender's role cannot read: the return-flow firewall (R2) is a table boundary.

No row is changed anywhere but through `turn` (referrals/turns.py).
"""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from guardian.models import UserObjectPermissionBase

from permissions.compiled import Compiled
from permissions.ids import uuid7
from permissions.principal import Principal


class ReferralQuerySet(models.QuerySet["Referral"]):
    def visible_to(self, principal: Principal) -> "ReferralQuerySet":
        """The referrals of the principal's agency: those it sent, and those sent to it, less those
        that bar her (R12) and those of which its part was purged (R13; the recipient's mark stands
        in a column that `app` cannot read, and bars as a block does).

        The first wall; row-level security is the second and asks the same. Members who are neither
        worker nor lead, and clients without `referrals:read`, see none.
        """
        if not sees_referrals(principal):
            return self.none()
        mine = principal.agency_id
        return self.filter(
            models.Q(from_agency_id=mine, from_purged=False)
            | models.Q(to_agency_id=mine, sent_at__isnull=False),
            models.Func("id", function="sec.not_barred", output_field=models.BooleanField()),
        )


# `visible_to` once more, for statements that are prepared: of `referral r`, by `agency`. Both stand
# here, to be read side by side; whoever sees none (`sees_referrals`) does not ask.
VISIBLE_SQL = (
    "((r.from_agency_id = %(agency)s AND NOT r.from_purged)"
    " OR (r.to_agency_id = %(agency)s AND r.sent_at IS NOT NULL)) AND sec.not_barred(r.id)"
)


def sees_referrals(principal: Principal) -> bool:
    """Workers and leads; clients with `referrals:read`, whose named staff is one of these."""
    if principal.is_client:
        staff_may = principal.member_id is None or principal.has_role("worker", "lead")
        return principal.may("referrals:read") and staff_may
    return principal.has_role("worker", "lead")


class Referral(models.Model):
    """One survivor's need, put by one agency before one other, for one service (T2 and T5)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    from_agency = models.ForeignKey(
        "permissions.Agency", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    to_agency = models.ForeignKey(
        "permissions.Agency", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    service_id = models.UUIDField()
    service_name = models.TextField()  # as the directory had it when the referral was made
    reference = models.TextField()
    reference_day = models.DateField()
    status = models.TextField(default="draft")  # as the sender is shown it, `closed` aside
    version = models.IntegerField(default=1)  # raised by what both sides may know, nothing else
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ack_by = models.DateTimeField(null=True)
    accept_by = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    # Frozen at send: minutes from the accept until the first attempt is due; routine: business days
    handoff_within = models.IntegerField(null=True)
    escalated_at = models.DateTimeField(null=True)  # nobody answered by ack_by, or by accept_by
    from_asks_ring_at = models.DateTimeField(null=True)  # "please ring", by the sender's people
    to_asks_ring_at = models.DateTimeField(null=True)  # by the recipient's, or by their clock
    code = models.TextField(null=True)  # of a decline (as the sender sees it), withdrawal, mistake
    suggested_service_id = models.UUIDField(null=True)
    from_purged = models.BooleanField(db_default=False)  # the sender's part is gone; it sees no row
    release_ended = models.BooleanField(default=False)  # T5: that it ended; not when, nor by whom

    # The notice (T2): coded throughout, no free text, no identity, no incident.
    urgency = models.TextField(default="routine")
    needs = ArrayField(models.TextField(), default=list)
    callback = models.TextField(default="")  # the worker's number, never the survivor's
    concern = models.TextField(default="not_stated")
    age_band = models.TextField(default="not_stated")
    household_size = models.TextField(default="not_stated")
    language = models.TextField(default="not_stated")
    interpreter = models.TextField(default="not_stated")
    interpreter_not_local = models.BooleanField(default=False)
    access_needs = ArrayField(models.TextField(), default=list)
    wanted = models.TextField(default="call_worker")
    with_worker_until = models.DateTimeField(null=True)
    survivor_can_talk_now = models.BooleanField(null=True)
    agreement = models.TextField(null=True)  # R14, stated at send

    objects: ClassVar[ReferralQuerySet] = ReferralQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "referral"
        permissions = [("work_on_referral", "Works on this referral")]
        default_permissions: ClassVar[list[str]] = []
        constraints = [
            models.CheckConstraint(
                name="two_agencies", condition=~models.Q(from_agency=models.F("to_agency"))
            ),
            models.UniqueConstraint(
                fields=["from_agency", "to_agency", "reference_day", "reference"],
                name="one_reference_a_pair_and_day",
            ),
        ]
        indexes = [
            models.Index(fields=["from_agency", "-created_at", "-id"], name="referral_from"),
            models.Index(fields=["to_agency", "-created_at", "-id"], name="referral_to"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Side(models.Model):
    """What one side keeps to itself (T4): its holder, its handle for the survivor, and, for the
    recipient, the true state and clock after the accept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="sides")
    agency = models.ForeignKey("permissions.Agency", on_delete=models.PROTECT, related_name="+")
    holder_id = models.UUIDField(null=True)  # the member who answers for it
    subject = models.UUIDField(default=uuid7)  # this agency's own handle, never sent to another
    state = models.TextField(null=True)  # recipient: accepted, in_handoff, completed, unable, …
    handoff_by = models.DateTimeField(null=True)  # until an attempt is recorded
    escalated_at = models.DateTimeField(null=True)  # recipient: none was, by handoff_by
    hold_until = models.DateTimeField(null=True)  # legal hold: no purge of this side before it
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "referral_side"
        constraints = [
            models.UniqueConstraint(fields=["agency", "referral"], name="one_side_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


_SIDE = Compiled(
    lambda agency, referral: Side.objects.filter(referral_id=referral, agency_id=agency)
)


def side_kept(principal: Principal, referral_id: UUID) -> Side | None:
    """What the principal's agency keeps to itself of a referral, if it has begun to."""
    return _SIDE.first(principal.agency_id, referral_id)


class Assignment(UserObjectPermissionBase):
    """This member works on this referral: guardian's object permission, by direct foreign key.

    Written by permissions/assignments.py alone. It also carries the membership, since one person
    may serve two agencies, even the two sides of one referral.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    content_object = models.ForeignKey(Referral, on_delete=models.CASCADE)
    membership_id = models.UUIDField()
    agency_id = models.UUIDField()

    class Meta:
        db_table = "referral_assignment"
        unique_together: ClassVar[list[str]] = []
        constraints = [
            models.UniqueConstraint(
                fields=["content_object", "membership_id"], name="assigned_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Release(models.Model):
    """The survivor's permission, as data (design §5; 34 U.S.C. 12291(b)(2), 45 CFR 164.508).

    One recipient, named fields, a purpose, an end. Widening is a new release.
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
    # As she signed them; `fields` and `expires_at` above are what is left once it was narrowed.
    signed_fields = ArrayField(models.TextField())
    signed_until = models.DateTimeField()
    attestations = ArrayField(models.TextField(), default=list)
    consenters = models.JSONField(default=list)
    minor_may_consent_alone = models.BooleanField(default=False)
    adult = models.BooleanField(default=False)  # said where the notice does not say her age
    promptly_informed = models.TextField(default="")  # of a hipaa_agreement
    redisclosure_notice = models.TextField(default="network")
    intermediary = models.TextField(default="")  # the platform, named, where Part 2 asks for it
    created_at = models.DateTimeField()
    # Both sides may know *that* it ended; when, how and through whom is the ender's (ReleaseEnd).
    ended = models.BooleanField(default=False)
    never_open = models.BooleanField(db_default=False)  # the recipient ended it before its accept

    class Meta:
        db_table = "release"

    def __str__(self) -> str:
        return str(self.id)


class Returned(models.Model):
    """What the recipient gave back to the sender under a return release, sealed for the sender.

    The values as they were at that act; destroyed (NULL) when the release ends.
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
    """Where the paper is kept, and before whom she signed or said it: T4 of the recording agency.

    No picture of a signature: `form` = e_signature says that she signed on the screen.
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
    `superseded` under a newer one, and `narrowed` where it became smaller but did not end."""

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


class PacketField(models.Model):
    """One field of the packet, sealed under its own key (T3). The newest version is the current."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    from_agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    field = models.TextField()
    version = models.IntegerField()
    ciphertext = models.BinaryField()  # nonce, then AES-256-GCM

    class Meta:
        db_table = "packet_field"
        constraints = [
            models.UniqueConstraint(
                fields=["referral", "from_agency", "field", "version"], name="one_field_version"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Note(models.Model):
    """An agency's own sealed record about its referral (T4), for its assigned members only.

    `kind`: note, outcome (complete), unable, hand_off, attempt, decline_reason, external_ref,
    same_person_as, report, disclosure. Its content is sealed, codes included: "could not be
    reached" is information about her.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    member_id = models.UUIDField()
    kind = models.TextField()
    created_at = models.DateTimeField()
    ciphertext = models.BinaryField()

    class Meta:
        db_table = "note"

    def __str__(self) -> str:
        return str(self.id)


class Plan(models.Model):
    """The sender's next services, in order, and the referral that this one takes the place of (T4).

    For its assigned members only: nobody in the list learns of the others.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="+")
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    services = ArrayField(models.UUIDField(), default=list)
    replaces_id = models.UUIDField(null=True)  # no foreign key: that one may be purged first

    class Meta:
        db_table = "referral_plan"
        constraints = [
            models.UniqueConstraint(fields=["agency", "referral"], name="one_plan_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


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
    member_id = models.UUIDField(null=True)  # shown to her own side only
    about_id = models.UUIDField(null=True)  # the member of the own side whom it concerns
    code = models.TextField(null=True)
    reserved = models.BooleanField(default=False)  # for those who answer for it alone (blocks)
    from_sees = models.BooleanField()
    to_sees = models.BooleanField()

    class Meta:
        db_table = "referral_event"
        indexes = [models.Index(fields=["referral", "at"], name="event_referral")]

    def __str__(self) -> str:
        return str(self.id)


class AgreementTally(models.Model):
    """How often an agency's survivors were offered a notice in a month, and how often they said no.

    All that a "no" leaves behind (R14): no survivor, no member, no day.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    month = models.DateField()  # its first day, by the agency's clock
    offered = models.IntegerField(default=0)
    declined = models.IntegerField(default=0)

    class Meta:
        db_table = "agreement_tally"
        constraints = [
            models.UniqueConstraint(fields=["agency", "month"], name="one_tally_a_month")
        ]

    def __str__(self) -> str:
        return str(self.id)


class CallRecord(models.Model):
    """A referral made by phone to a phone-only service; private to the caller's agency (T4)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    member_id = models.UUIDField()
    service_id = models.UUIDField()
    outcome = models.TextField()
    put_through = models.BooleanField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "call_record"
        indexes = [models.Index(fields=["agency", "-created_at"], name="call_record_agency")]

    def __str__(self) -> str:
        return str(self.id)


class PurgedCount(models.Model):
    """What stays of purged referrals: how many, by year and agency, and how they ended for it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    year = models.IntegerField()  # in which they were made
    side = models.TextField()  # from | to
    ending = models.TextField()  # the state as that side was shown it
    number = models.IntegerField()

    class Meta:
        db_table = "purged_count"
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "year", "side", "ending"], name="one_count_a_year"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class IdempotencyKey(models.Model):
    """What a create under an `Idempotency-Key` led to: status and id, never a body."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey("permissions.Agency", models.PROTECT, related_name="+")
    caller_id = models.UUIDField()  # client or member
    route = models.TextField()
    key = models.TextField()
    fingerprint = models.BinaryField()  # keyed hash of the body
    status = models.IntegerField()
    result_id = models.UUIDField()
    referral_id = models.UUIDField(null=True, db_index=True)  # it goes with that one
    created_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_key"
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "caller_id", "route", "key"], name="one_result_a_key"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
