"""Each policy matters: replaced by `true`, or robbed of one condition, a probe finds the leak.

The probe reads and writes every protected table by raw SQL as the role `app`, as many people, and
holds the rows it got against the design's sentence about them (design §2), written here anew from
facts that only the superuser sees. With the real policies the two agree row for row.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4, uuid5

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from psycopg2.errors import InsufficientPrivilege

from api import demo
from directory import demo as directory_demo
from permissions import credentials
from permissions.ids import uuid7
from permissions.models import Client
from tests.conftest import (
    NOTICE,
    PACKET,
    Caller,
    Story,
    agency_id,
    member_id,
    return_body,
    service_of,
)
from tests.database import forget_edits, full_story, identify, opening

Row = dict[str, Any]


# -- The people of the probe -----------------------------------------------------------------------


@dataclass(frozen=True)
class Who:
    """A caller, and what the cast says of her: never what the database says."""

    caller: Caller
    agency: str | None
    member: str | None
    client: str | None
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    database_role: str = "app"

    @property
    def casework(self) -> bool:
        """May see referrals at all."""
        staff_may = bool({"worker", "lead"} & set(self.roles))
        if self.client is None:
            return staff_may
        return "referrals:read" in self.scopes and (self.member is None or staff_may)

    @property
    def writes(self) -> bool:
        staff_may = self.member is not None and bool({"worker", "lead"} & set(self.roles))
        return staff_may and (self.client is None or "referrals:write" in self.scopes)

    @property
    def opens(self) -> bool:
        staff_may = self.member is not None and bool({"worker", "lead"} & set(self.roles))
        return staff_may and (self.client is None or "packets:read" in self.scopes)


ROLES = {
    f"{unit.key}.{short}": roles for unit in demo.CAST for short, (_, roles) in unit.people.items()
}


def person(api: Any, who: str, database_role: str = "app") -> Who:
    agency = str(agency_id(who.split(".")[0]))
    return Who(api(who), agency, str(member_id(who)), None, ROLES[who], (), database_role)


def system(api: Any, key: str, acting: str | None, *scopes: str) -> Who:
    caller: Caller = api(f"{key}.client", acting)
    caller.secret = f"a-token-of-a-probe-{uuid4()}"
    client = Client.objects.get(client_id=f"demo-{key}")
    credentials.open_for_client(client, caller.secret, scopes)
    member = str(member_id(acting)) if acting else None
    roles = ROLES[acting] if acting else ()
    client_id = str(uuid5(demo.NAMESPACE, f"client {key}"))
    return Who(caller, str(agency_id(key)), member, client_id, roles, scopes)


def people(api: Any) -> list[Who]:
    every = demo.ALL_SCOPES
    return [
        Who(api(None), None, None, None, (), ()),
        *(person(api, f"outsider.{short}") for short in ("worker", "lead")),
        *(person(api, f"police.{short}") for short in ("worker", "worker2", "lead", "admin")),
        *(person(api, f"ywca.{short}") for short in ("worker", "worker2", "lead", "auditor")),
        *(person(api, f"ywca.{short}") for short in ("editor", "admin")),
        *(person(api, f"sarc.{short}") for short in ("worker", "worker2")),
        system(api, "outsider", "outsider.worker", *every),
        system(api, "police", "police.worker", *every),
        system(api, "police", "police.worker", "referrals:read"),
        system(api, "police", "police.worker", "directory:read"),
        system(api, "ywca", None, *every),
        system(api, "ywca", "ywca.worker", "referrals:read", "referrals:write"),
        system(api, "ywca", "ywca.worker", "referrals:write", "packets:read"),
        system(api, "ywca", "ywca.auditor", *every),
        *(person(api, who, "auditor") for who in ("police.auditor", "ywca.auditor", "ywca.lead")),
    ]


# -- The world -------------------------------------------------------------------------------------


@dataclass
class World:
    """All rows, as the superuser sees them, and the people."""

    superuser: Any
    people: list[Who]
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    now: str = ""

    def load(self) -> "World":
        for table in TABLES:
            recent = " ORDER BY id DESC LIMIT 12" if table == "access_entry" else ""
            with self.superuser.cursor() as cursor:
                cursor.execute(f"SELECT to_jsonb(t) FROM {table} t{recent}")
                key = KEYS.get(table, "id")
                self.rows[table] = {str(row[key]): row for (row,) in cursor.fetchall()}
                cursor.execute("SELECT to_jsonb(sec.clock())")
                self.now = cursor.fetchone()[0]
        return self

    def referral(self, row: Row) -> Row | None:
        return self.rows["referral"].get(row.get("referral_id") or row.get("content_object_id"))

    def assigned(self, who: Who, referral_id: str) -> bool:
        return any(
            one["content_object_id"] == referral_id and one["membership_id"] == who.member
            for one in self.rows["referral_assignment"].values()
            if one["agency_id"] == who.agency
        ) and not self.bars(who, referral_id)

    def answers_for(self, who: Who, referral_id: str) -> bool:
        lead = who.member is not None and "lead" in who.roles
        return self.assigned(who, referral_id) or (lead and not self.bars(who, referral_id))

    def bars(self, who: Who, referral_id: str) -> bool:
        """A live block of either side: of the person, of her agency, of all but its leads; a client
        that names nobody is barred with anybody of its agency (R12)."""
        people = self.rows["permissions_membership"]
        person_ = people.get(str(who.member), {}).get("person_id")
        for block in self.rows["conflict_block"].values():
            if block["referral_id"] != referral_id or block["lifted_at"]:
                continue
            theirs = block["bars_agency_id"] == who.agency
            if theirs and (who.member is None or block["kind"] == "agency"):
                return True
            if theirs and block["kind"] == "leads_only" and "lead" not in who.roles:
                return True
            barred = people.get(block["bars_member_id"] or "", {}).get("person_id")
            if barred is not None and barred == person_:
                return True
        return False

    def grant_in_force(self, row: Row) -> bool:
        """A recipient's: opened by its accept, neither closed nor run out."""
        return bool(row["opened_at"]) and not row["closed"] and row["expires_at"] > self.now


def hide_in_the_directory(api: Any) -> None:
    """A confidential organization; a confidential place of ywca's, and where it is."""
    place = f"/v1/directory/locations/{uuid7()}"
    organization = str(directory_demo.id_of(directory_demo.SOURCE, "organization", "shelter"))
    hidden = {"organization_id": organization, "name": "House", "confidential": True}
    editor = api("ywca.editor")
    assert editor.put(place, hidden).status_code == 201
    address = {"address_1": "1 Invented St", "city": "Missoula"}
    assert editor.put(f"{place}/confidential_address", address).status_code == 204
    secret = {"name": "A house of nobody's", "confidential": True}
    made = editor.put(f"/v1/directory/organizations/{uuid7()}", secret)
    assert made.status_code == 201


def build(api: Any, story: Story, superuser: Any) -> World:
    """Referrals in every relation: draft, waiting with a packet ready, open, ended, another's."""
    full_story(story, api)
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
    leads = Story(api, story.service_id).accept().release(*PACKET).packet(**PACKET)
    leads.answers("put_return_release", return_body("engaged"))
    leads.sends("set_plan", {"services": []})
    leads.answers("add_note", {"text": "ours"}).sends("leads_only")
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
        # Purged on the sender's side, which sees nothing that hangs on it.
        cursor.execute("UPDATE referral SET from_purged = true WHERE id = %s", [leads.id])
        for key in ("police", "ywca"):  # barred by her own side, then assigned again
            again = "SELECT * FROM referral_assignment WHERE membership_id = %s"
            values = [str(member_id(f"{key}.worker")), barred.id]
            cursor.execute(f"CREATE TEMP TABLE again AS {again} AND content_object_id = %s", values)
            cursor.execute(
                "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id,"
                " bars_member_id, set_by, set_at) VALUES (gen_random_uuid(), %s, %s, 'member', %s,"
                " %s, %s, now())",
                [barred.id, *[str(agency_id(key))] * 2, values[0], str(member_id(f"{key}.lead"))],
            )
            cursor.execute("INSERT INTO referral_assignment SELECT * FROM again")
            cursor.execute("DROP TABLE again")
    return World(superuser, people(api)).load()


# -- What the design allows ------------------------------------------------------------------------

Rule = Callable[[World, Who, Row], bool]


def sees_referral(world: World, who: Who, row: Row) -> bool:
    sent_to_us = row["to_agency_id"] == who.agency and row["sent_at"] is not None
    ours = (row["from_agency_id"] == who.agency and not row["from_purged"]) or sent_to_us
    return who.casework and ours and not world.bars(who, row["id"])


def sees_own_agencys(world: World, who: Who, row: Row) -> bool:
    return who.casework and row["agency_id"] == who.agency


def sees_release(world: World, who: Who, row: Row) -> bool:
    referral = world.referral(row)
    if not who.casework or referral is None or not world.answers_for(who, row["referral_id"]):
        return False
    accepted = referral["accepted_at"] is not None and row["direction"] == "outbound"
    ours = row["from_agency_id"] == who.agency or (row["to_agency_id"] == who.agency and accepted)
    return ours and sees_referral(world, who, referral)


def sees_returned(world: World, who: Who, row: Row) -> bool:
    mine = sees_own_agencys(world, who, row) and world.answers_for(who, row["referral_id"])
    shown = row["key_bundle"] is not None and row["expires_at"] > world.now
    return mine and shown and sees_referral(world, who, world.rows["referral"][row["referral_id"]])


def sees_paper(world: World, who: Who, row: Row) -> bool:
    release = world.rows["release"][row["release_id"]]
    return sees_own_agencys(world, who, row) and sees_release(world, who, release)


def sees_event(world: World, who: Who, row: Row) -> bool:
    known = (row["from_agency_id"] == who.agency and row["from_sees"]) or (
        row["to_agency_id"] == who.agency and row["to_sees"]
    )
    open_ = not row["reserved"] or world.answers_for(who, row["referral_id"])
    return who.casework and known and open_ and not world.bars(who, row["referral_id"])


def sees_unbarred(world: World, who: Who, row: Row) -> bool:
    referral_id = row.get("referral_id") or row["content_object_id"]
    return sees_own_agencys(world, who, row) and not world.bars(who, referral_id)


def sees_plan(world: World, who: Who, row: Row) -> bool:
    mine = sees_own_agencys(world, who, row) and world.assigned(who, row["referral_id"])
    return mine and sees_referral(world, who, world.rows["referral"][row["referral_id"]])


def sees_end(world: World, who: Who, row: Row) -> bool:
    release = world.rows["release"][row["release_id"]]
    return sees_own_agencys(world, who, row) and sees_release(world, who, release)


def sees_block(world: World, who: Who, row: Row) -> bool:
    told = row["kind"] == "leads_only" and row["bars_agency_id"] == who.agency
    mine = row["agency_id"] == who.agency or told
    return who.casework and mine and world.answers_for(who, row["referral_id"])


def sees_call(world: World, who: Who, row: Row) -> bool:
    return sees_own_agencys(world, who, row) and row["member_id"] == who.member


def sees_key(world: World, who: Who, row: Row) -> bool:
    return sees_own_agencys(world, who, row) and row["caller_id"] == (who.client or who.member)


def sees_grant(world: World, who: Who, row: Row) -> bool:
    mine = sees_own_agencys(world, who, row) and world.assigned(who, row["referral_id"])
    return mine and (row["release_id"] is None or world.grant_in_force(row))


def sees_private_key(world: World, who: Who, row: Row) -> bool:
    return sees_own_agencys(world, who, row) and world.assigned(who, row["referral_id"])


def sees_colleague(world: World, who: Who, row: Row) -> bool:
    return row["agency_id"] == who.agency


def herself(who: Who) -> bool:
    """A person with a live credential; no system sees her number by naming her."""
    return who.member is not None and who.client is None


def keeps_channel(world: World, who: Who, row: Row) -> bool:
    """Her own, or the agency's as its administrator; a channel, or a message that went there."""
    owner = row["membership_id"] if "membership_id" in row else row["member_id"]
    if owner is not None:
        return herself(who) and owner == who.member
    return herself(who) and row["agency_id"] == who.agency and "agency_admin" in who.roles


def writes_channel(world: World, who: Who, row: Row) -> bool:
    return keeps_channel(world, who, row) and row["agency_id"] == who.agency


def sees_network(world: World, who: Who, row: Row) -> bool:
    return who.agency is not None


def sees_change(world: World, who: Who, row: Row) -> bool:
    return row["public_action"] is not None or who.agency is not None


def opens_address(world: World, who: Who, row: Row) -> bool:
    """With an entry of this transaction that names the place: see `probe_openings`."""
    reads = bool({"worker", "lead", "directory_editor"} & set(who.roles))
    ours = row["agency_id"] == who.agency and who.database_role == "app"
    return who.client is None and reads and ours


def sees_nothing(world: World, who: Who, row: Row) -> bool:
    return False


def agreed(world: World, referral_id: str) -> bool:
    """R14: she could say, or a release was put since."""
    referral = world.rows["referral"][referral_id]
    return referral["agreement"] != "cannot_say" or any(
        one["created_at"] >= referral["sent_at"]
        for one in world.rows["release"].values()
        if one["referral_id"] == referral_id and one["direction"] == "outbound"
    )


def purged_for(world: World, who: Who, row: Row) -> bool:
    """The sender's side of it is purged."""
    referral = world.referral(row)
    return (
        referral is not None
        and referral["from_purged"]
        and (referral["from_agency_id"] == who.agency)
    )


def opens_field(world: World, who: Who, row: Row) -> bool:
    """With an entry of this transaction that names the referral: see `probe_openings`."""
    if not who.opens or not world.assigned(who, row["referral_id"]):
        return False
    if not agreed(world, row["referral_id"]) or purged_for(world, who, row):
        return False
    if row["from_agency_id"] == who.agency:
        return True
    return any(
        grant["referral_id"] == row["referral_id"]
        and grant["agency_id"] == who.agency
        and row["field"] in grant["fields"]
        and world.grant_in_force(grant)
        and not world.rows["release"][grant["release_id"]]["ended"]
        for grant in world.rows["packet_grant"].values()
        if grant["release_id"] is not None
    )


def opens_note(world: World, who: Who, row: Row) -> bool:
    mine = row["agency_id"] == who.agency and world.assigned(who, row["referral_id"])
    return who.opens and who.casework and mine and not purged_for(world, who, row)


SEES: dict[str, Rule] = {
    "referral": sees_referral,
    "referral_side": sees_unbarred,
    "referral_assignment": sees_unbarred,
    "conflict_block": sees_block,
    "referral_plan": sees_plan,
    "release": sees_release,
    "release_end": sees_end,
    "release_paper": sees_paper,
    "returned": sees_returned,
    "packet_field": sees_nothing,  # without an entry
    "note": sees_nothing,
    "self_assignment": sees_unbarred,
    "referral_event": sees_event,
    "agreement_tally": sees_own_agencys,
    "call_record": sees_call,
    "idempotency_key": sees_key,
    "packet_grant": sees_grant,
    "private_key": sees_private_key,
    "permissions_membership": sees_colleague,
    "channel": keeps_channel,
    "message": keeps_channel,
    "directory_network_listing": sees_network,
    "directory_network_place": sees_network,
    "directory_network_organization": sees_network,
    "directory_editing": sees_colleague,
    "directory_change": sees_change,
    "directory_confidential_address": sees_nothing,  # without an entry
}
TABLES = (*SEES, "access_entry")
KEYS = {"directory_change": "seq"}  # where it is not `id`


def is_side(world: World, who: Who, row: Row) -> bool:
    referral = world.referral(row)
    return referral is not None and sees_referral(world, who, referral)


def writes_own(world: World, who: Who, row: Row) -> bool:
    return who.writes and row["agency_id"] == who.agency and is_side(world, who, row)


def writes_referral(world: World, who: Who, row: Row) -> bool:
    draft = row["sent_at"] is None and row["status"] == "draft"
    return who.writes and row["from_agency_id"] == who.agency and draft


def writes_side(world: World, who: Who, row: Row) -> bool:
    """Without a holder: she is named by a function that asks who may (tests/test_assignment.py)."""
    return row["holder_id"] is None and writes_own(world, who, row)


def writes_release(world: World, who: Who, row: Row) -> bool:
    referral = world.referral(row)
    if referral is None or not sees_referral(world, who, referral):
        return False
    parties = [referral["from_agency_id"], referral["to_agency_id"]]
    if row["direction"] == "return":
        parties = parties[::-1] if referral["accepted_at"] else []
    return (
        who.writes
        and world.assigned(who, referral["id"])
        and [row["from_agency_id"], row["to_agency_id"]] == parties
        and row["from_agency_id"] == who.agency
        and not row["ended"]
    )


def writes_release_end(world: World, who: Who, row: Row) -> bool:
    release = world.rows["release"].get(row["release_id"])
    mine = row["agency_id"] == who.agency and row["revoked_by"] == who.member
    return who.writes and mine and release is not None and sees_release(world, who, release)


def writes_paper(world: World, who: Who, row: Row) -> bool:
    release = world.rows["release"].get(row["release_id"])
    mine = row["agency_id"] == who.agency
    ours = release is not None and release["from_agency_id"] == who.agency
    return who.writes and mine and ours and sees_release(world, who, release)


def writes_field(world: World, who: Who, row: Row) -> bool:
    referral = world.referral(row)
    sender = referral is not None and row["from_agency_id"] == referral["from_agency_id"]
    sender = sender and is_side(world, who, row)
    mine = row["from_agency_id"] == who.agency and world.assigned(who, row["referral_id"])
    sender = sender and agreed(world, row["referral_id"])
    return who.writes and sender and mine


def writes_note(world: World, who: Who, row: Row) -> bool:
    mine = world.assigned(who, row["referral_id"]) and row["member_id"] == who.member
    return mine and writes_own(world, who, row)


def writes_event(world: World, who: Who, row: Row) -> bool:
    referral = world.referral(row) or {}
    agencies = ("from_agency_id", "to_agency_id")
    truly = all(row[name] == referral.get(name) for name in agencies)
    return truly and row["member_id"] == who.member and writes_own(world, who, row)


def writes_call(world: World, who: Who, row: Row) -> bool:
    return who.writes and row["agency_id"] == who.agency and row["member_id"] == who.member


def writes_key(world: World, who: Who, row: Row) -> bool:
    mine = row["caller_id"] == (who.client or who.member)
    return who.writes and row["agency_id"] == who.agency and mine


def writes_grant(world: World, who: Who, row: Row) -> bool:
    referral = world.referral(row) or {}
    sender = referral.get("from_agency_id") == who.agency and row["release_id"] is None
    return sender and writes_private_key(world, who, row)


def writes_private_key(world: World, who: Who, row: Row) -> bool:
    return world.assigned(who, row["referral_id"]) and writes_own(world, who, row)


def writes_plan(world: World, who: Who, row: Row) -> bool:
    referral = world.referral(row) or {}
    sender = referral.get("from_agency_id") == who.agency
    return sender and writes_private_key(world, who, row)


def writes_entry(world: World, who: Who, row: Row) -> bool:
    names = ("agency_id", "member_id", "client_id")
    mine = tuple(row[name] for name in names) == (who.agency, who.member, who.client)
    return who.agency is not None and row["decision"] == "allowed" and mine


WRITES: dict[str, Rule] = {
    "referral": writes_referral,
    "referral_side": writes_side,
    "referral_assignment": sees_nothing,
    "self_assignment": sees_nothing,
    "conflict_block": sees_nothing,
    "referral_plan": writes_plan,
    "release": writes_release,
    "release_end": writes_release_end,
    "release_paper": writes_paper,
    "returned": sees_nothing,
    "packet_field": writes_field,
    "note": writes_note,
    "referral_event": writes_event,
    "agreement_tally": sees_nothing,
    "call_record": writes_call,
    "idempotency_key": writes_key,
    "packet_grant": writes_grant,
    "private_key": writes_private_key,
    "access_entry": writes_entry,
    "permissions_membership": sees_nothing,
    "channel": writes_channel,
    "message": sees_nothing,
    "directory_network_listing": sees_nothing,
}


# -- The probe -------------------------------------------------------------------------------------


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


def probe(world: World, table: str) -> Iterator[str]:
    """Every difference between what one table gave or took and what the design allows."""
    for who in world.people:
        with as_role(who) as cursor:
            yield from probe_rows(world, who, cursor, table)
            yield from probe_changes(world, who, cursor, table)
            if table in OPENINGS:
                yield from probe_openings(world, who, cursor, table)
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
    if who.database_role == "auditor":
        if table == "access_entry":
            auditor = "auditor" in who.roles
            agencies = ids(cursor, "SELECT DISTINCT agency_id FROM access_entry")
            expected = {who.agency} if auditor else set()
            return [] if agencies == expected else [named(who, "reads entries of", agencies)]
        if table == "self_assignment":
            auditor = "auditor" in who.roles
            allowed = {
                id_
                for id_, row in world.rows[table].items()
                if auditor and row["agency_id"] == who.agency
            }
            got = ids(cursor, f"SELECT id FROM {table}")
            return [named(who, "sees or misses", table, row) for row in got ^ allowed]
        if table != "permissions_membership":
            return []
    if table == "access_entry":
        return [named(who, "reads the log")] if ids(cursor, "SELECT id FROM access_entry") else []
    got = ids(cursor, f"SELECT {KEYS.get(table, 'id')} FROM {table}")
    allowed = {id_ for id_, row in world.rows[table].items() if SEES[table](world, who, row)}
    return [named(who, "sees", table, row) for row in got - allowed] + [
        named(who, "does not see", table, row) for row in allowed - got
    ]


OPENINGS: dict[str, tuple[str, str, Rule]] = {  # act, column of what it opens, rule
    "packet_field": ("open_packet", "referral_id", opens_field),
    "note": ("open_notes", "referral_id", opens_note),
    "directory_confidential_address": ("address.open", "location_id", opens_address),
}


def probe_openings(world: World, who: Who, cursor: Any, table: str) -> list[str]:
    """With an access entry for each referral in turn, all fields named."""
    act, about, rule = OPENINGS[table]
    found = []
    for opened in {row[about] for row in world.rows[table].values()}:
        names = {"agency_id": who.agency, "member_id": who.member, "client_id": who.client}
        if act == "address.open":
            names |= {"act": act, "directory_id": opened, "referral_id": None}
        try:
            with transaction.atomic():
                cursor.execute(*opening("police.worker", opened, act, **names))
                got = ids(cursor, f"SELECT id FROM {table}")
                transaction.set_rollback(True)
        except DatabaseError as error:
            only_for_want_of_rights(error)
            got = set()
        allowed = {
            id_
            for id_, row in world.rows[table].items()
            if row[about] == opened and rule(world, who, row)
        }
        found += [named(who, "opens", table, row) for row in got - allowed]
        found += [named(who, "does not open", table, row) for row in allowed - got]
    return found


def probe_inserts(world: World, who: Who, cursor: Any, table: str) -> list[str]:
    """Real rows once more, and rows forged in her own name beside another's referral."""
    if who.database_role == "auditor" and table != "access_entry":
        return []
    columns = insertable(world, who.database_role, table)
    if not columns:
        return []
    names = ", ".join(columns)
    insert = (
        f"INSERT INTO {table} ({names})"
        f" SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s::jsonb)"
    )
    found = []
    for row in one_of_each(world.rows[table]):
        for forged in variants(world, who, row):
            allowed = WRITES[table](world, who, forged)
            if taken(cursor, insert, json.dumps(forged)) != allowed:
                verb = "is refused" if allowed else "writes"
                found.append(named(who, verb, table, forged["id"]))
    return found


def one_of_each(rows: dict[str, Row]) -> list[Row]:
    """Of many alike, the newest: the same referral, agency and role in it."""
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


def variants(world: World, who: Who, row: Row) -> Iterator[Row]:
    fresh = row | {"id": str(uuid4())}
    yield fresh
    mine = {
        "agency_id": who.agency,
        "from_agency_id": who.agency,
        "member_id": who.member,
        "revoked_by": who.member,
        "caller_id": who.client or who.member,
        "client_id": who.client,
    }
    yield fresh | {name: mine[name] for name in row if name in mine}
    agency_only = ("agency_id", "from_agency_id")
    yield fresh | {name: mine[name] for name in row if name in agency_only}
    if "test_outcome" in row:
        address = {"address": f"+1406555{uuid4().int % 10000:04}"}
        yield fresh | address | {"membership_id": who.member, "agency_id": who.agency}
        yield fresh | address | {"membership_id": who.member, "agency_id": FOREIGN}
        yield fresh | address | {"membership_id": None, "agency_id": who.agency}
        yield fresh | address | {"membership_id": str(member_id("police.worker2"))}
    if "handoff_by" in row:
        yield fresh | {"holder_id": None}
        yield fresh | {"agency_id": who.agency, "holder_id": None}
    if "release_id" in row and "kek_version" in row:
        yield fresh | {"agency_id": who.agency, "release_id": None}
    if "from_sees" in row:  # an event that names other agencies than its referral does
        yield fresh | {"agency_id": who.agency, "member_id": who.member, "to_agency_id": FOREIGN}
    if "minor_may_consent_alone" in row:
        swapped = {"from_agency_id": row["to_agency_id"], "to_agency_id": row["from_agency_id"]}
        for ended in (False, True):
            yield fresh | {"direction": "return", "ended": ended}
            yield fresh | swapped | {"direction": "return", "ended": ended}
        yield fresh | swapped | {"direction": "return", "to_agency_id": FOREIGN, "ended": False}
        yield fresh | swapped | {"direction": "outbound", "ended": False}
        yield fresh | {"direction": "return", "to_agency_id": who.agency, "ended": False}
        yield fresh | {"from_agency_id": who.agency, "ended": not row["ended"]}
        yield fresh | {"from_agency_id": who.agency, "ended": False, "to_agency_id": FOREIGN}
        yield fresh | {"from_agency_id": who.agency, "ended": False}
    if "has_block" in row:
        yield fresh | {"from_agency_id": who.agency, "sent_at": None, "status": "draft"}
        yield fresh | {"from_agency_id": who.agency, "sent_at": None, "status": "accepted"}
        yield fresh | {"from_agency_id": who.agency, "status": "draft"}
    if "decision" in row:
        yield fresh | {name: mine[name] for name in row if name in mine} | {"decision": "allowed"}
        yield fresh | {name: mine[name] for name in row if name in mine} | {"decision": "refused"}


FOREIGN = str(agency_id("hospital"))


def insertable(world: World, role: str, table: str) -> list[str]:
    with world.superuser.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND has_column_privilege(%s, attrelid, attnum, 'INSERT')",
            [table, role],
        )
        return [name for (name,) in cursor.fetchall()]


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


# What is tried on every row at once, and on which rows it must land. Where it lands on a row that
# the caller may see but not change, all of it is refused.
CHANGES: dict[str, tuple[tuple[str, Rule, Rule], ...]] = {
    "referral": (
        ("UPDATE referral SET version = 99", sees_referral, lambda w, who, row: who.writes),
    ),
    "referral_side": (
        (
            "UPDATE referral_side SET version = 99",
            sees_unbarred,
            lambda w, who, row: who.writes,
        ),
    ),
    "referral_plan": (
        ("UPDATE referral_plan SET services = '{}'", sees_plan, lambda w, who, row: who.writes),
    ),
    "referral_assignment": (
        ("DELETE FROM referral_assignment", lambda w, who, row: True, lambda w, who, row: False),
    ),
    "release": (
        (
            "UPDATE release SET ended = true",
            lambda w, who, row: (
                who.casework
                and who.agency in (row["from_agency_id"], row["to_agency_id"])
                and not w.bars(who, row["referral_id"])
            ),
            lambda w, who, row: who.writes and w.answers_for(who, row["referral_id"]),
        ),
        (
            "UPDATE release SET ended = false",
            lambda w, who, row: (
                who.casework
                and who.agency in (row["from_agency_id"], row["to_agency_id"])
                and not w.bars(who, row["referral_id"])
            ),
            lambda w, who, row: False,
        ),
    ),
    "permissions_membership": (
        (
            "UPDATE permissions_membership SET duty = 'on_call'",
            lambda w, who, row: herself(who) and row["id"] == who.member,
            lambda w, who, row: True,
        ),
    ),
    "channel": (("UPDATE channel SET position = 2", keeps_channel, lambda w, who, row: True),),
    "message": (
        ("UPDATE message SET state = 'waiting'", keeps_channel, lambda w, who, row: True),
        ("UPDATE message SET state = 'sent'", keeps_channel, lambda w, who, row: False),
    ),
    "packet_grant": (
        (
            "UPDATE packet_grant SET kek_version = 1",
            sees_grant,
            lambda w, who, row: who.writes and row["release_id"] is None,
        ),
    ),
}


def probe_changes(world: World, who: Who, cursor: Any, table: str) -> list[str]:
    found = []
    for statement, lands_on, may in CHANGES.get(table, ()):
        if who.database_role != "app":
            continue
        hit = [row for row in world.rows[table].values() if lands_on(world, who, row)]
        expected = len(hit) if all(may(world, who, row) for row in hit) else "refused"
        got = changed(cursor, statement)
        if got != expected:
            found.append(named(who, statement, got, "not", expected))
    return found


def changed(cursor: Any, statement: str) -> int | str:
    try:
        with transaction.atomic():
            cursor.execute(statement)
            count: int = cursor.rowcount
            transaction.set_rollback(True)
    except DatabaseError as error:
        only_for_want_of_rights(error)
        return "refused"
    return count


# -- The tests -------------------------------------------------------------------------------------


@pytest.fixture
def world(story: Story, api: Any, superuser: Any) -> Iterator[World]:
    yield build(api, story, superuser)
    forget_edits()


def test_every_protected_table_gives_and_takes_what_the_design_says(world: World) -> None:
    for table in TABLES:
        assert world.rows[table], table
        assert list(probe(world, table)) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE release SET ended = true",
        "UPDATE release SET expires_at = sec.clock() - interval '1 second'",
        "UPDATE packet_grant SET closed = true WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET opened_at = NULL WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET expires_at = sec.clock() WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET key_bundle = NULL WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET fields = '{health}' WHERE release_id IS NOT NULL",
        "UPDATE referral_side SET state = 'stopped'",
        "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id, set_by,"
        " set_at) SELECT gen_random_uuid(), id, from_agency_id, 'agency', to_agency_id, id, now()"
        " FROM referral ON CONFLICT DO NOTHING",
        "DELETE FROM referral_assignment",
    ],
)
def test_each_thing_that_an_opening_asks_for_closes_the_packet_by_itself(
    story: Story, api: Any, superuser: Any, change: str
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    entry = opening("ywca.worker", story.id, "open_packet")
    for expected in (set(PACKET), set()):
        with as_role(person(api, "ywca.worker")) as cursor:
            cursor.execute(*entry)
            assert ids(cursor, "SELECT field FROM packet_field") == expected
        with superuser.cursor() as cursor:
            cursor.execute(change)


def policies(superuser: Any) -> list[tuple[str, str, str, str | None, str | None]]:
    """Those that ask something of whoever serves requests or reads the log."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies"
            " WHERE schemaname = 'public' AND roles && ARRAY['app', 'auditor']::name[]"
            " ORDER BY tablename, policyname"
        )
        found: list[tuple[str, str, str, str | None, str | None]] = cursor.fetchall()
    return found


def weakened(expression: str) -> Iterator[tuple[str, str]]:
    """The expression with one condition replaced by `true`, and that condition: each in turn.

    PostgreSQL writes conjunctions and disjunctions in full parentheses: `((a) AND (b))`.
    """
    inner = expression.strip()
    while inner.startswith("(") and _closes(inner):
        inner = inner[1:-1].strip()
    for word in (" OR ", " AND "):
        parts = _split(inner, word)
        if len(parts) > 1:
            for place, part in enumerate(parts):
                for mutated, condition in weakened(part):
                    kept = [*parts[:place], mutated, *parts[place + 1 :]]
                    yield f"({word.join(kept)})", condition
            return
    yield "true", inner


def _split(expression: str, word: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place in re.finditer(rf"[()]|{word}", expression):
        if place[0] == "(":
            depth += 1
        elif place[0] == ")":
            depth -= 1
        elif depth == 0:
            parts.append(expression[start : place.start()])
            start = place.end()
    return [*parts, expression[start:]]


def _closes(expression: str) -> bool:
    """Whether the first parenthesis is closed by the last."""
    depth = 0
    for place, letter in enumerate(expression):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(expression) - 1
    return False


def mutations(superuser: Any) -> Iterator[tuple[str, str, str, str, str, str]]:
    """(table, policy, clause, true expression, mutated expression, what was taken away)."""
    for table, name, _command, using, check in policies(superuser):
        for clause, expression in (("USING", using), ("WITH CHECK", check)):
            if expression is None:
                continue
            yield table, name, clause, expression, "true", "everything"
            for mutated, condition in weakened(expression):
                if mutated != "true":
                    yield table, name, clause, expression, mutated, condition


# Conditions that another one of the same policy implies, kept so that an index is used.
SAID_TWICE = {
    # The referral, seen under the reader's own policies, is one of her agency's.
    ("release", "recipient_reads", "to_agency_id = ( SELECT sec.caseworker() AS caseworker)"),
    # Whom another agency's block of another kind bars, answers for nothing.
    ("conflict_block", "own_side", "kind = 'leads_only'::text"),
}


@contextmanager
def altered(table: str, name: str, clause: str, real: str, mutated: str) -> Iterator[None]:
    def alter(expression: str) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"ALTER POLICY {name} ON {table} {clause} ({expression})")

    alter(mutated)
    try:
        yield
    finally:
        alter(real)


def test_a_policy_that_is_weakened_lets_the_probe_see_it(world: World, superuser: Any) -> None:
    before = policies(superuser)
    assert {table for table, *_ in before} == set(TABLES), "each protected table is probed"
    missed = []
    for table, name, clause, real, mutated, taken_away in mutations(superuser):
        with altered(table, name, clause, real, mutated):
            leak = next(probe(world, table), None)
        line = f"{table}.{name} {clause} without {' '.join(taken_away.split())}"
        print(f"{'caught' if leak else 'MISSED':7} {line[:150]}: {leak}")
        if leak is None and (table, name, taken_away) not in SAID_TWICE:
            missed.append(line)
    assert policies(superuser) == before
    assert missed == []
