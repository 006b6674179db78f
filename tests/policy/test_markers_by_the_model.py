"""Compares the sweep's table with the reference model: the table allows a word to exactly those
callers whom the model shows the row that holds it, for each state, word and member of the cast."""

from typing import Any
from uuid import UUID

from permissions.identity.credentials import hash_secret
from permissions.reference import rows as r
from permissions.reference import world as w
from permissions.reference.read_rules import can_see
from referrals.packet_fields import PACKET_FIELDS
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.proofs import marker_table
from tests.support.proofs.marker_states import STATES
from tests.support.proofs.marker_table import Who
from tests.support.proofs.markers import Marker, World, cast
from tests.support.proofs.rls_rows import Snapshot, snapshot

SIDES = {"from": "police", "to": "ywca"}


def everything(superuser: Any) -> dict[str, list[Any]]:
    """Every row that the model reads; the log and the directory's feed, which hold no word, not."""
    tables = {table for table, kind in r.TABLES.items() if kind is not r.Unseen}
    tables |= {"permissions_agency", "permissions_person", "permissions_client"}
    found: dict[str, list[Any]] = {"access_entry": [], "directory_change": []}
    with superuser.cursor() as cursor:
        for table in {*tables, "permissions_membership", "credential"} - set(found):
            cursor.execute(f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM {table} t")
            (found[table],) = cursor.fetchone()
    return found


def rows(seen: Snapshot, world: World, marker: Marker) -> list[tuple[r.Row, str]]:
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
    "packet": marker_table.opens,
    "own": marker_table.has_notes,
    "paper": marker_table.answers_for,
    "notice": lambda marker, who: marker_table.shown(who, marker.state),
}


def test_the_table_says_what_the_model_says(api: Any, shift_clock: Any, superuser: Any) -> None:
    world = World(api, shift_clock).begin()
    callers = {Who(*one): api(None if one[0] == "none" else one[0], one[1]) for one in cast()}
    seen = snapshot(everything(superuser), world.now())
    for kind in BY_THE_TABLE:
        compared(kind, world, seen, callers)


def compared(kind: str, world: World, seen: Snapshot, callers: dict[Who, Caller]) -> None:
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
    assert not differing, (kind, len(differing), asked, differing[:5])
    assert asked >= len(STATES) * len(callers), (kind, asked)
