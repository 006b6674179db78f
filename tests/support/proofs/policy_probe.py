"""The second wall, tried by raw SQL as each of the people, in every protected table."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from psycopg2.errors import InsufficientPrivilege

from directory.demo import loader as directory_demo
from directory.importing.parsing import id_of
from permissions.database.uuid7 import uuid7
from permissions.reference import rows as r
from permissions.reference import world as w
from permissions.reference.read_rules import can_see
from permissions.reference.write_rules import can_write
from tests.support.ground.database import forget_edits, full_story, identify, opening
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import NOTICE, PACKET, Story, return_body, service_of
from tests.support.proofs.probe_people import Who, people
from tests.support.proofs.rls_probe import CHANGES, Ground, change, own_parts
from tests.support.proofs.rls_rows import Snapshot, key_of, typed
from tests.support.proofs.rls_variants import variants

Row = dict[str, Any]


@dataclass
class World:
    """All rows, as the superuser sees them, and the people."""

    ground: Ground
    people: list[Who]
    seen: Snapshot

    @property
    def superuser(self) -> Any:
        return self.ground.superuser

    @property
    def rows(self) -> dict[str, dict[str, Row]]:
        return self.seen.json

    def allowed(self, who: Who, table: str, entry: w.Entry | None = None) -> set[str]:
        """The rows that the model lets her see; `entry`: which access entry she has written."""
        asked = (self.seen.world, who.principal._replace(entry=entry))
        rows = self.seen.rows[table].items()
        return {key for key, row in rows if can_see(*asked, row, "id", self.seen.now)}


def hide_in_the_directory(api: Any) -> None:
    """A confidential organization; a confidential place of ywca's, and where it is."""
    place = f"/v1/directory/locations/{uuid7()}"
    organization = str(id_of(directory_demo.SOURCE, "organization", "shelter"))
    hidden = {"organization_id": organization, "name": "House", "confidential": True}
    editor = api("ywca.editor")
    assert editor.put(place, hidden).status_code == 201
    address = {"address_1": "1 Invented St", "city": "Missoula"}
    assert editor.put(f"{place}/confidential_address", address).status_code == 204
    secret = {"name": "A house of nobody's", "confidential": True}
    made = editor.put(f"/v1/directory/organizations/{uuid7()}", secret)
    assert made.status_code == 201


def bar(superuser: Any, referral_id: str, key: str, whom: str) -> None:
    """By her own side, on its lead's word, past all walls."""
    values = [str(agency_id(key))] * 2
    values += [str(member_id(f"{key}.{one}")) for one in (whom, "lead")]
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id,"
            " bars_member_id, set_by, set_at) VALUES (gen_random_uuid(), %s, %s, 'member', %s,"
            " %s, %s, now())",
            [referral_id, *values],
        )


def add_witness(superuser: Any) -> None:
    """A webhook for checkpoints, which a system that reads the seals has made."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "WITH endpoint AS (INSERT INTO webhook_endpoint (id, agency_id, url, about, created_at,"
            " at_xact, at_event, next_at) VALUES (gen_random_uuid(), %(agency)s,"
            " 'https://witness.example.org/', 'checkpoints', now(), 0, gen_random_uuid(), now())"
            " RETURNING id),"
            " secret AS (INSERT INTO webhook_secret (id, endpoint_id, kek_version, key_bundle,"
            " created_at) SELECT gen_random_uuid(), id, 1, '', now() FROM endpoint)"
            " INSERT INTO webhook_delivery (id, endpoint_id, agency_id, message_id, at, outcome,"
            " took_ms) SELECT gen_random_uuid(), id, %(agency)s, id, now(), 'delivered', 1"
            " FROM endpoint",
            {"agency": str(agency_id("ywca"))},
        )


def keep_a_key_of_no_referral(superuser: Any, who: str) -> None:
    """As a code for a channel leaves it, of one who does no casework; and one that a database
    writer put into another agency."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO idempotency_key (id, agency_id, caller_id, route, key, fingerprint,"
            " status, result_id, created_at) SELECT gen_random_uuid(), a.id, m.id, 'channels',"
            " 'k', '', 201, m.id, now() FROM permissions_membership m"
            " JOIN permissions_agency a ON a.id IN (m.agency_id, %s) WHERE m.id = %s",
            [agency_id("ywca"), member_id(who)],
        )


def build(api: Any, story: Story, superuser: Any) -> World:
    """Referrals in every relation: draft, waiting with a packet ready, open, ended, another's."""
    since = uuid7()  # the log is never emptied: what other tests wrote is theirs
    full_story(story, api)
    add_witness(superuser)
    hide_in_the_directory(api)
    waiting = Story(api, story.service_id).create().release("name").packet(name=PACKET["name"])
    waiting.send()
    speechless = Story(api, story.service_id).create(wanted="come_here").release("name")
    speechless.packet(name=PACKET["name"]).sends("send", {"agreement": "cannot_say"}).answers(
        "accept"
    )
    waiting.recipient = "ywca.worker2"
    waiting.answers("acknowledge")
    sarc = service_of("sarc")
    revoked = Story(api, sarc, recipient="sarc.worker")
    revoked.accept().release(*PACKET).packet(**PACKET)
    revoked.answers("revoke_release").answers("start_handoff", {"mode": "phone"})
    theirs = Story(api, sarc, sender="outsider.worker", recipient="sarc.lead")
    theirs.accept().release(*PACKET).packet(**PACKET).answers("add_note", {"text": "another's"})
    theirs.sends("add_note", {"text": "another's"})
    theirs.answers("put_return_release", return_body("engaged")).answers("revoke_return_release")
    again = NOTICE | {"service_id": story.service_id}
    client = api("police.client", "police.worker")
    assert client.post("/v1/referrals", again, Idempotency_Key="a client's").status_code == 201
    keep_a_key_of_no_referral(superuser, "police.admin")
    run_out = Story(api, sarc, recipient="sarc.worker2")
    run_out.accept().release(*PACKET).packet(**PACKET)
    run_out.answers("put_return_release", return_body("engaged"))
    barred = Story(api, story.service_id).accept().release("name").release(*PACKET)
    barred.packet(**PACKET)
    barred.answers("put_return_release", return_body("engaged"))
    barred.answers("add_note", {"text": "ours"}).sends("add_note", {"text": "theirs"})
    why = {"reason": "review", "keep": True}
    for key in ("police", "ywca"):
        assert api(f"{key}.lead").act(barred.id, "take_over", why).status_code == 200
        on = {"member_id": str(member_id(f"{key}.worker"))}
        assert api(f"{key}.lead").act(barred.id, "hand_over", on).status_code == 200
    bar(superuser, barred.id, "ywca", "auditor")
    assert api("ywca.worker").get("/v1/referrals", {"box": "in"}).status_code == 200
    log = api("ywca.auditor").get("/v1/access-log", {"referral_id": barred.id})
    assert {one["member_id"] for one in log.json()["items"]} <= {str(member_id("ywca.auditor"))}
    leads = Story(api, story.service_id).accept().release(*PACKET).packet(**PACKET)
    leads.answers("put_return_release", return_body("engaged"))
    leads.sends("set_plan", {"services": []})
    leads.answers("add_note", {"text": "ours"}).sends("leads_only")
    theirs_alone = Story(api, story.service_id).accept()
    assert api("ywca.lead").act(theirs_alone.id, "leads_only", {}).status_code == 200
    let_in = Story(api, story.service_id).accept()  # once barred, and let in again
    for act in ("leads_only", "end_leads_only"):
        assert api("ywca.lead").act(let_in.id, act, {}).status_code == 200
    for key in ("police", "ywca"):
        whom = {"member_id": str(member_id(f"{key}.worker2"))}
        for act in ("block", "unblock", "assign"):
            assert api(f"{key}.lead").act(let_in.id, act, whom).status_code == 200
    agency = Story(api, story.service_id).accept().release(*PACKET).packet(**PACKET)
    agency.answers("add_note", {"text": "ours"}).sends("block", {"other_agency": True})
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE packet_grant SET expires_at = sec.clock() - interval '1 hour'"
            " WHERE referral_id = %s AND release_id IS NOT NULL",
            [run_out.id],
        )
        cursor.execute(
            "UPDATE returned SET expires_at = sec.clock() - interval '1 hour'"
            " WHERE referral_id = %s",
            [run_out.id],
        )
        # Purged on the sender's side, which sees nothing that belongs to it.
        cursor.execute("UPDATE referral SET from_purged = true WHERE id = %s", [leads.id])
        for key in ("police", "ywca"):  # barred by her own side, then assigned again
            kept = "SELECT * FROM referral_assignment WHERE membership_id = %s"
            whose = [str(member_id(f"{key}.worker")), barred.id]
            cursor.execute(f"CREATE TEMP TABLE again AS {kept} AND content_object_id = %s", whose)
            bar(superuser, barred.id, key, "worker")
            cursor.execute("INSERT INTO referral_assignment SELECT * FROM again")
            cursor.execute("DROP TABLE again")
    ground = Ground(superuser, since=str(since)).read()
    everybody = people(api)
    ground.ask("UPDATE credential SET expires_at = '2100-01-01'")  # a slow machine takes minutes
    return World(ground, everybody, ground.snapshot())


TABLES = tuple(table for table, kind in r.TABLES.items() if kind is not r.Unseen)


@contextmanager
def as_role(who: Who) -> Iterator[Any]:
    alias = "default" if who.database_role == "app" else who.database_role
    with transaction.atomic(using=alias):
        with connections[alias].cursor() as cursor:
            identify(cursor, who.caller)
            yield cursor
        transaction.set_rollback(True, using=alias)


def named(who: Who, *what: Any) -> str:
    acting = f" for {who.caller.acting}" if who.caller.acting else ""
    return " ".join(str(one) for one in (f"{who.caller.who}{acting}", *what))


def probe(world: World, table: str, writers: list[Who] | None = None) -> Iterator[str]:
    """Every difference between what one table gave or took and what the rules allow. The inserts
    come last, by `writers` or everybody: they take three times as long as all the rest."""
    for who in world.people:
        with as_role(who) as cursor:
            yield from probe_rows(world, who, cursor, table)
            yield from probe_changes(world, who, cursor, table)
            if table in OPENINGS:
                yield from probe_openings(world, who, cursor, table)
            if table == TOLD_OF_THE_OWN_SIDE and who.database_role == "app":
                yield from probe_own_parts(world, who, cursor)
    for who in world.people if writers is None else writers:
        with as_role(who) as cursor:
            yield from probe_inserts(world, who, cursor, table)


def only_for_want_of_rights(error: DatabaseError) -> None:
    if not isinstance(error.__cause__, InsufficientPrivilege):
        raise error


def ids(cursor: Any, statement: str) -> set[str]:
    try:
        with transaction.atomic(using=cursor.db.alias):
            cursor.execute(statement)
            return {str(row) for (row,) in cursor.fetchall()}
    except DatabaseError as error:
        only_for_want_of_rights(error)
        return set()


def probe_rows(world: World, who: Who, cursor: Any, table: str) -> list[str]:
    got = ids(cursor, f"SELECT {key_of(table)} FROM {table}") & set(world.rows[table])
    allowed = world.allowed(who, table)
    return [named(who, "sees", table, row) for row in got - allowed] + [
        named(who, "does not see", table, row) for row in allowed - got
    ]


OPENINGS = {  # act, and the column of what it opens
    "packet_field": ("open_packet", "referral_id"),
    "note": ("open_notes", "referral_id"),
    "directory_confidential_address": ("address.open", "location_id"),
}


def probe_openings(world: World, who: Who, cursor: Any, table: str) -> list[str]:
    """With an access entry for each referral in turn, all fields named."""
    act, about = OPENINGS[table]
    found = []
    for opened in {row[about] for row in world.rows[table].values()}:
        names = {"agency_id": who.agency, "member_id": who.member, "client_id": who.client}
        if act == "address.open":
            names |= {"act": act, "directory_id": opened, "referral_id": None}
        statement, values = opening("police.worker", opened, act, **names)
        try:
            with transaction.atomic(using=cursor.db.alias):
                cursor.execute(statement, values)
                got = ids(cursor, f"SELECT id FROM {table}")
                transaction.set_rollback(True, using=cursor.db.alias)
        except DatabaseError as error:
            only_for_want_of_rights(error)
            got = set()
        full = act if "." in act else f"referral.{act}"
        entry = w.Entry(full, UUID(opened), "intake", [*PACKET, "health"])
        allowed = world.allowed(who, table, entry)
        found += [named(who, "opens", table, row) for row in got - allowed]
        found += [named(who, "does not open", table, row) for row in allowed - got]
    return found


TOLD_OF_THE_OWN_SIDE = "packet_grant"  # with this table a function's word for it is probed


def probe_own_parts(world: World, who: Who, cursor: Any) -> list[str]:
    """Compare what sec.own_side_context returns for each referral with what the policies show."""
    _, statement, _ = own_parts(world.seen)
    return [named(who, "gets another answer for", row) for row in ids(cursor, statement)]


def probe_inserts(world: World, who: Who, cursor: Any, table: str) -> list[str]:
    """Insert real rows again, and rows forged in the caller's name on another agency's referral."""
    columns = world.ground.insertable[who.database_role, table]
    if not columns:
        return []
    names = ", ".join(columns)
    insert = (
        f"INSERT INTO {table} ({names})"
        f" SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s::jsonb)"
    )
    found, seen = [], world.seen
    for row in one_of_each(world.rows[table]):
        for forged in variants(seen, who.principal, row):
            after = typed(r.TABLES[table], forged)
            allowed = can_write(seen.world, who.principal, None, after, seen.now)
            if taken(cursor, insert, json.dumps(forged)) != allowed:
                verb = "is refused" if allowed else "writes"
                found.append(named(who, verb, table, forged["id"]))
    return found


def one_of_each(rows: dict[str, Row]) -> list[Row]:
    """The newest row of each kind: those with the same referral, agency and role count as alike."""
    alike = (
        "referral_id",
        "release_id",
        "content_object_id",
        "agency_id",
        "from_agency_id",
        "status",
    )
    kinds = {tuple(str(row.get(name)) for name in alike): row for row in rows.values()}
    return list(kinds.values())


def taken(cursor: Any, statement: str, *parameters: Any) -> bool:
    """Whether a write passes rights and policies; it is undone. A constraint comes after them."""
    try:
        with transaction.atomic(using=cursor.db.alias):
            cursor.execute(statement, parameters)
            transaction.set_rollback(True, using=cursor.db.alias)
    except IntegrityError:
        return True
    except DatabaseError as error:
        only_for_want_of_rights(error)
        return False
    return True


def probe_changes(world: World, who: Who, cursor: Any, table: str) -> list[str]:
    found = []
    for changed_table, what, values in CHANGES:
        if who.database_role == "app" and changed_table == table:
            _, statement, expected = change(world.seen, who.principal, table, what, values)
            got = changed(cursor, statement)
            if got != expected:
                found.append(named(who, statement, got, "not", expected))
    return found


def changed(cursor: Any, statement: str) -> str:
    try:
        with transaction.atomic():
            cursor.execute(statement)
            count = str(cursor.rowcount)
            transaction.set_rollback(True)
    except DatabaseError as error:
        only_for_want_of_rights(error)
        return "refused"
    return count


@pytest.fixture
def world(story: Story, api: Any, superuser: Any) -> Iterator[World]:
    yield build(api, story, superuser)
    forget_edits()
