"""The sweep's table beside the reference model: whom the table lets be told a word, the model lets
see the row that holds it, and nobody else; each state, each word, each of the cast."""

from typing import Any
from uuid import UUID

import pytest

from permissions.identity.credentials import hash_secret
from permissions.reference import world as w
from permissions.reference.read_rules import can_see
from referrals.packet_fields import PACKET_FIELDS
from tests.support import marker_sweep
from tests.support import markers as marked
from tests.support.callers import agency_id, member_id
from tests.support.marker_sweep import Who
from tests.support.markers import Marker, World, cast
from tests.support.rls_probe import Snapshot, snapshot

SIDES = {"from": "police", "to": "ywca"}


def everything(superuser: Any) -> dict[str, list[Any]]:
    """Every row that the model reads; the log and the directory's feed, which hold no word, not."""
    tables = {table for table, kind in w.TABLES.items() if kind is not w.Unseen}
    tables |= {"permissions_agency", "permissions_person", "permissions_client"}
    found: dict[str, list[Any]] = {"access_entry": [], "directory_change": []}
    with superuser.cursor() as cursor:
        for table in {*tables, "permissions_membership", "credential"} - set(found):
            cursor.execute(f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM {table} t")
            (found[table],) = cursor.fetchone()
    return found


def rows(seen: Snapshot, world: World, marker: Marker) -> list[tuple[w.Row, str]]:
    """The rows that hold a word, each with its column."""
    referral, table = UUID(world.ids[marker.state]), seen.rows
    agency = agency_id(SIDES[marker.side])
    match marker.kind:
        case "notice":
            found = [(one, "callback") for one in table["referral"].values() if one.id == referral]
        case "packet":
            found = [
                (one, "ciphertext")
                for one in table["packet_field"].values()
                if (one.referral_id, one.field) == (referral, marker.name)
            ]
        case "own":
            found = [
                (one, "ciphertext")
                for one in table["note"].values()
                if (one.referral_id, one.agency_id) == (referral, agency)
            ]
        case _:
            found = [
                (one, "evidence_ref")
                for one in table["release_paper"].values()
                if one.agency_id == agency
                and seen.world.releases[one.release_id].referral_id == referral
            ]
    return found


ACTS = {"packet": "referral.open_packet", "own": "referral.open_notes"}
BY_THE_TABLE = {
    "packet": marker_sweep.opens,
    "own": marker_sweep.has_notes,
    "paper": marker_sweep.answers_for,
    "notice": lambda marker, who: marker_sweep.shown(who, marker.state),
}


@pytest.mark.parametrize("kind", BY_THE_TABLE)
def test_the_table_says_what_the_model_says(
    kind: str, api: Any, shift_clock: Any, superuser: Any
) -> None:
    world = World(api, shift_clock).begin()
    callers = {Who(*one): api(None if one[0] == "none" else one[0], one[1]) for one in cast()}
    seen = snapshot(everything(superuser), world.now())
    differing, asked = [], 0
    markers = {one for one in (*world.marks.values(), *world.rows.values()) if one.kind == kind}
    for marker in markers:
        held = rows(seen, world, marker)
        about = UUID(world.ids[marker.state])
        entry = w.Entry(ACTS.get(kind, "referral.read"), about, "intake", PACKET_FIELDS)
        for who, caller in callers.items():
            acting = member_id(caller.acting) if caller.acting else None
            token = hash_secret(caller.secret) if caller.secret else None
            principal = w.Principal(token, acting, entry)
            found = any(can_see(seen.world, principal, one, name, seen.now) for one, name in held)
            asked += 1
            if found != (BY_THE_TABLE[kind](marker, who) and bool(held)):
                differing.append((marker, who, found))
    assert not differing, (len(differing), asked, differing[:5])
    assert asked >= len(marked.STATES) * len(callers), asked
