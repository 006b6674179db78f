"""A referral, and what each side stores for itself."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from guardian.models import UserObjectPermissionBase

from permissions.database.fields import KeptArray, KeptBoolean, KeptDateTime
from permissions.database.uuid7 import uuid7
from permissions.models import CASEWORK
from permissions.principal import Principal


class ReferralQuerySet(models.QuerySet["Referral"]):
    def visible_to(
        self, principal: Principal, referral_id: UUID | None = None
    ) -> "ReferralQuerySet":
        """Return the referrals that the principal's agency sent or received, less those that bar
        the caller (R12) and those of which the agency's part was purged (R13). The recipient's
        purge mark is in a column that `app` cannot read, and bars as a block does.

        `referral_id`: that one alone. An id that a caller gives belongs here, not into
        `filter(id=…)`: the database says whether it is one of these before it looks for the row,
        with the same work for a hidden id as for a random one (ADR 0071).

        This is the first wall; row-level security is the second and checks the same. Members who
        are neither worker nor lead, and clients without `referrals:read`, see none.
        """
        if not sees_referrals(principal):
            return self.none()
        mine = principal.agency_id
        sides = models.Q(from_agency_id=mine, from_purged=False) | models.Q(
            to_agency_id=mine, sent_at__isnull=False
        )
        if referral_id is None:
            unblocked = models.Func(
                "id", function="sec.is_not_blocked", output_field=models.BooleanField()
            )
            return self.filter(sides, unblocked)
        asked = models.Value(referral_id, output_field=models.UUIDField())
        template = "(SELECT sec.visible_referral_id(%(expressions)s))"
        return self.filter(
            sides, id=models.Func(asked, template=template, output_field=models.UUIDField())
        )


# The same as `visible_to` of an id, for prepared statements: of `referral r`, by `agency`. Both
# are here so that they can be compared. Callers who see none (`sees_referrals`) do not run it.
VISIBLE_SQL = (
    "r.id = (SELECT sec.visible_referral_id(%(referral)s))"
    " AND ((r.from_agency_id = %(agency)s AND NOT r.from_purged)"
    " OR (r.to_agency_id = %(agency)s AND r.sent_at IS NOT NULL))"
)


READS = "referrals:read"  # the scope of a client that sees referrals


def sees_referrals(principal: Principal) -> bool:
    """Return whether the principal sees referrals: workers and leads, and clients with
    `referrals:read` whose named staff, if any, is one of these."""
    if principal.is_client:
        staff_may = principal.member_id is None or principal.has_role(*CASEWORK)
        return principal.may(READS) and staff_may
    return principal.has_role(*CASEWORK)


class Referral(models.Model):
    """One survivor's need, sent by one agency to one other, for one service (T2 and T5)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    from_agency = models.ForeignKey(
        "permissions.Agency", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    to_agency = models.ForeignKey(
        "permissions.Agency", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    service_id = models.UUIDField()
    service_name = models.TextField()  # as in the directory when the referral was created
    reference = models.TextField()
    reference_day = models.DateField()
    status = models.TextField(default="draft")  # as the sender is shown it, except `closed`
    version = models.IntegerField(default=1)  # raised only by what both sides may know
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
    escalated_at = models.DateTimeField(null=True)  # not answered by ack_by, or by accept_by
    from_asks_ring_at = models.DateTimeField(null=True)  # "please call", by the sender's people
    to_asks_ring_at = models.DateTimeField(null=True)  # by the recipient's people or their clock
    code = models.TextField(null=True)  # of a decline (as the sender sees it), withdrawal, mistake
    suggested_service_id = models.UUIDField(null=True)
    from_purged = models.BooleanField(db_default=False)  # the sender's part is gone; it sees no row
    # The recipient's part is purged (R13). Hidden from `app`: when the recipient's part ended, and
    # how long the recipient keeps it, is not the sender's to learn (R2).
    to_purged = KeptBoolean(db_default=False)
    # Whether a block is active, set by trigger. Hidden from `app`: the sender's row looks the same
    # whatever the recipient bars (R2).
    has_block = KeptBoolean(db_default=False)
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
            models.Index(
                fields=["accepted_at"],
                name="referral_accepted",
                condition=models.Q(accepted_at__isnull=False),
            ),
            models.Index(
                fields=["expires_at"],
                name="referral_waiting",
                condition=models.Q(status__in=["sent", "acknowledged"]),
            ),
            # What a filtered list finds first (referrals/queries/few_rows.py).
            *(
                models.Index(
                    fields=[side, "-created_at", "-id"],
                    name=f"referral_open_{name}",
                    condition=models.Q(status__in=["draft", "sent", "acknowledged"]),
                )
                for name, side in (("from", "from_agency"), ("to", "to_agency"))
            ),
            *(
                models.Index(
                    fields=[side, asked],
                    name=f"referral_asked_{name}",
                    condition=models.Q((f"{asked}__isnull", False)),
                )
                for name, side, asked in (
                    ("from", "from_agency", "to_asks_ring_at"),
                    ("to", "to_agency", "from_asks_ring_at"),
                )
            ),
            *(
                models.Index(
                    fields=[side, "-ended_at", "-id"],
                    name=f"referral_mistake_{name}",
                    condition=models.Q(status="entered_in_error"),
                )
                for name, side in (("from", "from_agency"), ("to", "to_agency"))
            ),
            models.Index(
                fields=["from_agency", "accepted_at"],
                name="referral_taken",
                condition=models.Q(accepted_at__isnull=False),
            ),
            models.Index(
                fields=["from_agency", "expires_at"],
                name="referral_refer_on",
                condition=models.Q(status__in=["declined", "expired"]),
            ),
            # What the purge looks for (referrals/deadlines/removal_due.py).
            models.Index(
                fields=["from_agency"],
                name="referral_unsent",
                condition=models.Q(sent_at__isnull=True),
            ),
            models.Index(
                fields=["to_purged", "id"],
                name="referral_purged",
                condition=models.Q(from_purged=True),
            ),
            models.Index(
                fields=["from_agency", "to_agency", "sent_at"],
                name="referral_unseen",
                condition=models.Q(status__in=["sent", "withdrawn"], acknowledged_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Side(models.Model):
    """What one side stores for itself (T4): its holder, its handle for the survivor, and, for the
    recipient, the true state and clock after the accept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="sides")
    agency = models.ForeignKey("permissions.Agency", on_delete=models.PROTECT, related_name="+")
    holder_id = models.UUIDField(null=True)  # the member who answers for it
    subject = models.UUIDField(default=uuid7)  # this agency's own handle, never sent to another
    state = models.TextField(null=True)  # recipient: accepted, in_handoff, completed, unable, …
    handoff_by = models.DateTimeField(null=True)  # until an attempt is recorded
    escalated_at = models.DateTimeField(null=True)  # recipient: no attempt by handoff_by
    hold_until = models.DateTimeField(null=True)  # legal hold: no purge of this side before it
    remind_at = models.DateTimeField(null=True)  # when it asked to be reminded of its own record
    called_at = models.DateTimeField(null=True)  # when it answered a request to call, if it did
    version = models.IntegerField(default=1)
    has_block = KeptBoolean(db_default=False)  # as the referral's
    # While no one holds it: when those who may take it over were last asked to.
    asked_at = KeptDateTime(null=True)
    # The recipient's members before the accept, the holder first (null: there was none): to whom
    # `undo_accept` gives it back.
    before_accept = KeptArray(models.UUIDField(null=True), null=True)

    class Meta:
        db_table = "referral_side"
        indexes = [
            models.Index(
                fields=["agency"], name="side_unheld", condition=models.Q(holder_id__isnull=True)
            ),
            models.Index(
                fields=["agency"],
                name="side_worked_on",
                condition=models.Q(state__in=["accepted", "in_handoff"]),
            ),
            models.Index(
                fields=["handoff_by"],
                name="side_untried",
                condition=models.Q(handoff_by__isnull=False),
            ),
            models.Index(
                fields=["agency", "remind_at"],
                name="side_remind",
                condition=models.Q(remind_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["agency", "referral"], name="one_side_an_agency")
        ]

    def __str__(self) -> str:
        return str(self.id)


class Assignment(UserObjectPermissionBase):
    """This member works on this referral: guardian's object permission, by direct foreign key.

    Only permissions/assignments.py writes it. It also has the membership, since one person may
    serve two agencies, even both sides of one referral.
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
        indexes = [models.Index(fields=["membership_id"], name="assignment_member")]

    def __str__(self) -> str:
        return str(self.id)
