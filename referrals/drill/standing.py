"""The standing referral of the drill: accepted, with a release and a packet of invented values.

A backup that is restored must be able to open it, as its recipient, by the real rules and keys;
`manage.py drill run` plays another one from start to end and erases it (api/drill/).
No one is notified: the drill's members have no channels, and no member of a real agency can be on
one of its referrals.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.identity import credentials
from permissions.keys.rotation import log_background_act
from permissions.models import Membership
from permissions.practice import drill
from permissions.practice.drill import DrillFault, Pair
from permissions.principal import Principal
from referrals.act_registry.invented import NUMBER, value_of
from referrals.acts import recipient, sender
from referrals.deadlines.jobs_sql import query
from referrals.deadlines.purge import locked
from referrals.deadlines.removal import erase
from referrals.notices import Notice
from referrals.packets import packet
from referrals.packets.packet import Opened
from referrals.releases import lifecycle
from referrals.releases.terms import Consenter, Terms

LOCK = 7_100  # of the session of `jobs`: one drill at a time
KEPT = timedelta(days=28)  # the release: a routine one ends within 30 days
RENEWED = timedelta(days=14)  # before its end
NOTICE = Notice("routine", ("advocacy",), NUMBER)
FIELDS = ("name", "phone", "safe_contact")
PACKET = {name: value_of(name) for name in FIELDS}
ATTESTED = (
    *("risks_explained", "alternatives_offered", "not_a_condition_of_service"),
    *("platform_explained", "right_to_revoke_told", "may_be_redisclosed_told"),
)
_STANDING = (
    "SELECT r.id, (SELECT max(g.expires_at) FROM packet_grant g WHERE g.referral_id = r.id"
    "   AND g.agency_id = r.to_agency_id AND NOT g.closed AND g.key_bundle IS NOT NULL)"
    " FROM referral r WHERE r.from_agency_id = %s AND r.to_agency_id = %s"
    " AND r.status = 'accepted' ORDER BY 2 DESC NULLS LAST, r.id DESC"
)


class Standing(NamedTuple):
    """The drill's referral, and until when its packet opens. `made`: it was made just now."""

    referral_id: UUID
    opens_until: datetime
    made: bool


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other drill is under way on this database, and hold off others. Needs a session
    of `jobs` of its own: not through a pooler that shares them."""
    connection = connections[JOBS]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def make_drill(*, lasts: timedelta = RENEWED) -> Standing:
    """Make the drill's agencies and its standing referral, or keep those that are there while the
    packet opens for `lasts` more. What earlier drills left is erased.

    Runs as `app`, `signin` and `jobs`, with the keys. Twice is safe, and twice at once: the second
    waits. Killed half-way, the next one erases what it left. Raises Refused, django.db.Error.
    """
    with one_at_a_time():
        pair = drill.ensure_pair()
        now = database_now(JOBS)
        for referral_id, opens_until in _standing():
            if opens_until is not None and opens_until >= now + lasts:
                kept = Standing(referral_id, opens_until, made=False)
                break
        else:
            kept = _made(pair)
        erase_others(kept.referral_id)
        return kept


def open_drill_packet() -> Opened:
    """Open the packet of the standing referral, as the drill's recipient, by the real rules and
    keys; it is an entry of the access log like every opening. Makes nothing: what is not there was
    not restored. The opened fields must be PACKET.

    Runs as `app`, `signin` and `jobs`. Twice is two entries. Raises DrillFault (the
    database has none whose release goes on, or the packet says something else), Refused,
    django.db.Error.
    """
    found = [one for one, opens in _standing() if opens and opens > database_now(JOBS)]
    if not found:
        raise DrillFault("This database has no drill. Run `manage.py drill make`.")
    own = Membership.objects.using("signin").get(
        agency_id=drill.RECIPIENT_ID, person__username="drill.recipient"
    )
    with _principal(own) as principal:
        opened = packet.open_packet(principal, found[0], "intake")
    if dict(opened.fields) != PACKET:
        raise DrillFault("The drill's packet opened, and says something else.")
    return opened


def erase_others(kept: UUID | None) -> int:
    """Erase every referral of the drill but this one, as a purge does; their keys become due to
    end. Returns how many. Twice is safe."""
    rows = query(
        "SELECT id FROM referral WHERE from_agency_id = %s AND id IS DISTINCT FROM %s ORDER BY id",
        [drill.SENDER_ID, kept],
    )
    for (referral_id,) in rows:
        with locked(referral_id):
            erase(referral_id)
            log_background_act("referral.purge", drill.SENDER_ID, referral_id)
    return len(rows)


def terms(now: datetime, lasts: timedelta) -> Terms:
    """The release of a drill: invented, by law as good as a real one. Times are UTC."""
    return Terms(
        basis="stated_agreement",
        purpose="receive_service",
        fields=FIELDS,
        form="oral_witnessed",
        signed_at=now,
        expires_at=now + lasts,
        attestations=ATTESTED,
        consenters=(Consenter("self", now, not_the_abuser=True),),
        adult=True,
    )


def _standing() -> list[tuple[UUID, datetime | None]]:
    return query(_STANDING, [drill.SENDER_ID, drill.RECIPIENT_ID])


def _made(pair: Pair) -> Standing:
    with _principal(pair.sender) as one, _principal(pair.recipient) as other:
        referral_id = sender.create(one, drill.SERVICE_ID, NOTICE).referral.id
        now = database_now("default").astimezone(UTC)
        lifecycle.put_release(one, referral_id, terms(now, KEPT))
        packet.put_packet(one, referral_id, PACKET)
        sender.send(one, referral_id, "agrees")
        recipient.accept(other, referral_id)
    return Standing(referral_id, now + KEPT, made=True)


@contextmanager
def _principal(member: Membership) -> Iterator[Principal]:
    """The member with a credential of their own, which ends here."""
    secret = drill.open_credential(member)
    try:
        found = credentials.resolve_credential(secret)
        assert found is not None  # it was opened just now
        yield found
    finally:
        credentials.end_credential(secret)
