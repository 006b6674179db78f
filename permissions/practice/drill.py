"""The drill: two agencies that are no one's, in an exercise that never ends (ADR 0100).

An operator proves with them that a server, or what was restored from a backup, takes a referral
from its first act to its packet. Triggers refuse a referral between them and any other agency, as
in every exercise (ADR 0091). Each agency of the drill practices for itself: its one member is a
member of nothing else, and has no password and no second factor, so that no one can sign in as
them. Their credential is opened here, for minutes, and for no other member.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from permissions.audit.writer import log_operator_change
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.identity import credentials, row_macs
from permissions.models import Agency, Exercise, Membership, Person
from permissions.principal import Principal

EXERCISE_ID = UUID("c0ffee00-ca12-4a11-8a11-00000000d000")
SENDER_ID = UUID("c0ffee00-ca12-4a11-8a11-00000000d001")
RECIPIENT_ID = UUID("c0ffee00-ca12-4a11-8a11-00000000d002")
SERVICE_ID = UUID("c0ffee00-ca12-4a11-8a11-00000000d003")  # in no directory: directory/listings.py
SERVICE_NAME = "Drill service"
KIND = "social_service"
# No one can join: a code that people type has capital letters only.
CODE = "0-drill"
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
LASTS = timedelta(minutes=10)  # a credential
NAMES = {SENDER_ID: "Drill sender (no agency)", RECIPIENT_ID: "Drill recipient (no agency)"}
_PEOPLE = {
    SENDER_ID: (UUID("c0ffee00-ca12-4a11-8a11-00000000d011"), "drill.sender"),
    RECIPIENT_ID: (UUID("c0ffee00-ca12-4a11-8a11-00000000d012"), "drill.recipient"),
}


class DrillFault(Exception):
    """The drill is not what it must be. Its text is the operator's to read: it names no one."""


class Pair(NamedTuple):
    """The one member of each agency of the drill."""

    sender: Membership
    recipient: Membership


def is_drill(principal: Principal | None) -> bool:
    """Whether the caller is one of the drill's."""
    return principal is not None and principal.exercise_id == EXERCISE_ID


def ensure_pair() -> Pair:
    """Make the two agencies with a member each, if they are not there. Runs as `jobs` and `signin`.
    Twice, and twice at once, is safe. Raises Unavailable: a row of theirs is not bound."""
    sender, recipient = _member(SENDER_ID), _member(RECIPIENT_ID)
    now = database_now("signin")
    Exercise.objects.using("signin").get_or_create(
        id=EXERCISE_ID,
        defaults={"code": CODE, "begun_by": sender, "begins_at": now, "ends_at": NEVER},
    )
    return Pair(sender, recipient)


def open_credential(member: Membership) -> str:
    """Open a credential of LASTS for this member of the drill, with its entry in the access log.
    Returns its secret. Raises DrillFault for any other member, Unavailable."""
    own = Membership.objects.using("signin").select_related("agency").get(id=member.id)
    if own.agency.exercise_id != EXERCISE_ID or own.agency_id not in NAMES:
        raise DrillFault("This is a member of a real agency.")
    row_macs.require_bound(own)
    with transaction.atomic(using="signin"):
        credentials.log_sign_in("practice.join", agency_id=own.agency_id, member_id=own.id)
        return credentials.open_for_member(own, until=database_now("signin") + LASTS)


def _member(agency_id: UUID) -> Membership:
    person_id, username = _PEOPLE[agency_id]
    with transaction.atomic(using=JOBS):
        _, made = Agency.objects.using(JOBS).get_or_create(
            id=agency_id,
            defaults={
                "name": NAMES[agency_id],
                "kind": KIND,
                "duty_phone": "406-555-0100",
                "exercise_id": EXERCISE_ID,
                "practice_of_id": agency_id,
            },
        )
        if made:
            log_operator_change("agency.add", agency_id, fields=[KIND])
    person = Person.objects.using("signin").filter(id=person_id).first()
    if person is None:
        person = Person(id=person_id, username=username)
        person.set_unusable_password()
        with transaction.atomic(using="signin"):
            person.save(using="signin", force_insert=True)
    member: Membership
    member, _ = Membership.objects.using(JOBS).get_or_create(
        agency_id=agency_id,
        person_id=person_id,
        defaults={"name": NAMES[agency_id], "roles": ["worker"]},
    )
    return member
