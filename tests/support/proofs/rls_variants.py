"""Rows that a caller might write: variants of those that are there, with their own parts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from permissions.reference import world as w
from permissions.reference.caller import live_caller
from tests.support.people.callers import agency_id, member_id
from tests.support.proofs.rls_rows import Json, Snapshot

FOREIGN = str(agency_id("hospital"))


# Where the function that returns the own side differs from the policies of its tables (without an
# acting member it returns nothing), or the look-up by id from what says that nothing bars.
OWN_PARTS = """
    SELECT one.id FROM unnest('{{{ids}}}'::uuid[]) one (id) CROSS JOIN sec.identity() me
     CROSS JOIN LATERAL sec.own_side_context(one.id) own
      LEFT JOIN referral_side s ON s.referral_id = one.id AND me.member_id IS NOT NULL
      LEFT JOIN packet_grant g ON g.referral_id = one.id
     WHERE (own.subject, own.holder, own.state, own.assigned, own.fields, own.release, own.until,
            own.kek, own.bundle, own.notice) IS DISTINCT FROM
           (s.subject, s.holder_id, s.state, EXISTS (
              SELECT FROM referral_assignment a
               WHERE a.content_object_id = one.id AND a.membership_id = me.member_id),
            g.fields, g.release_id, g.expires_at, g.kek_version, g.key_bundle,
            g.redisclosure_notice)
        OR (sec.visible_referral_id(one.id) IS NOT NULL)
           <> (sec.caseworker_agency_id() IS NOT NULL AND sec.is_not_blocked(one.id))
"""


def variants(seen: Snapshot, principal: w.Principal, row: Json) -> Iterator[Json]:
    """A real row again, and rows forged in the caller's name on another agency's referral."""
    me = live_caller(seen.world, principal, seen.now)
    agency = str(me.agency_id) if me else FOREIGN
    member = str(me.member_id) if me and me.member_id else None
    client = str(me.client_id) if me and me.client_id else None
    fresh = row | {"id": str(uuid4())}
    yield fresh
    mine = {
        "agency_id": agency,
        "from_agency_id": agency,
        "member_id": member,
        "revoked_by": member,
        "caller_id": client or member,
        "client_id": client,
    }
    hers = fresh | {name: mine[name] for name in row if name in mine}
    yield hers
    yield fresh | {name: mine[name] for name in row if name in ("agency_id", "from_agency_id")}
    if "fingerprint" in row:
        yield hers | {"referral_id": None}
        yield hers | {"referral_id": None, "agency_id": FOREIGN}
        for about in seen.world.referrals:  # one that the caller sees, or not
            yield hers | {"referral_id": str(about), "key": str(about)}
    if "test_outcome" in row:
        address = {"address": f"+1406555{uuid4().int % 10000:04}"}
        yield fresh | address | {"membership_id": member, "agency_id": agency}
        yield fresh | address | {"membership_id": member, "agency_id": FOREIGN}
        yield fresh | address | {"membership_id": None, "agency_id": agency}
        yield fresh | address | {"membership_id": str(member_id("police.worker2"))}
    if "handoff_by" in row:
        yield fresh | {"holder_id": None}
        yield fresh | {"agency_id": agency, "holder_id": None}
    if "release_id" in row and "kek_version" in row:
        yield fresh | {"agency_id": agency, "release_id": None}
    if "from_sees" in row:  # an event that names other agencies than its referral does
        yield fresh | {"agency_id": agency, "member_id": member}
        yield fresh | {"agency_id": agency, "member_id": member, "to_agency_id": FOREIGN}
        yield fresh | {"agency_id": agency, "member_id": member, "from_agency_id": FOREIGN}
    if "minor_may_consent_alone" in row:
        yield from _releases(fresh, agency)
    if "has_block" in row and "status" in row:
        yield fresh | {"from_agency_id": agency, "sent_at": None, "status": "draft"}
        yield fresh | {"from_agency_id": agency, "sent_at": None, "status": "accepted"}
        yield fresh | {"from_agency_id": agency, "status": "draft"}
    if "withdrawn_at" in row:
        soon = datetime.now(UTC) + timedelta(days=1)
        given = fresh | {"agency_id": agency, "given_by": member, "ends_at": soon.isoformat()}
        yield given
        yield given | {"to_agency_id": FOREIGN}
        yield given | {"ends_at": (soon + timedelta(days=4000)).isoformat()}
        yield given | {"ends_at": (soon - timedelta(days=2)).isoformat()}
        yield given | {"given_by": str(member_id("police.admin"))}
    if "at_seq" in row:
        yield fresh | {"agency_id": agency, "about": "events"}
        yield fresh | {"agency_id": agency, "about": "checkpoints"}
    if "decision" in row:
        yield hers | {"decision": "allowed"}
        yield hers | {"decision": "refused"}


def _releases(fresh: Json, agency: str) -> Iterator[Json]:
    swapped = {"from_agency_id": fresh["to_agency_id"], "to_agency_id": fresh["from_agency_id"]}
    for ended in (False, True):
        yield fresh | {"direction": "return", "ended": ended}
        yield fresh | swapped | {"direction": "return", "ended": ended}
    yield fresh | swapped | {"direction": "return", "to_agency_id": FOREIGN, "ended": False}
    yield fresh | swapped | {"direction": "outbound", "ended": False}
    yield fresh | {"direction": "outbound", "ended": False}
    yield fresh | {"direction": "outbound", "ended": True}
    yield fresh | {"direction": "outbound", "ended": False, "to_agency_id": FOREIGN}
    yield fresh | {"from_agency_id": agency, "ended": False}
