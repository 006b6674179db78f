"""Raw SQL against the second wall: as the role `app` with an identity, and as the superuser.

For tests of row-level security only; everything else goes through HTTP.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError
from django.test import override_settings
from psycopg2.errors import InsufficientPrivilege

from directory import models as m
from directory.hsds.schema import TABLES
from directory.projection import page_anchors
from directory.projection.render import render, render_organizations
from permissions.database.db_identity import IDENTIFY
from permissions.identity import credentials, row_macs
from permissions.identity.credentials import hash_secret
from permissions.ledger import sealer
from permissions.models import Membership
from referrals import worker
from referrals.claims import claims
from referrals.numbers import published_figures
from referrals.slip import giving
from tests.support.ground.waiting import until
from tests.support.people import exports
from tests.support.people.binding import bind_credentials
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.notifications import prove
from tests.support.people.stories import PACKET, Story, return_body


@contextmanager
def as_app(caller: Caller | None) -> Iterator[Any]:
    """A cursor as `app`, in a transaction with the caller's identity, rolled back at the end."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            identify(cursor, caller)
            yield cursor
        transaction.set_rollback(True)


def identify(cursor: Any, caller: Caller | None) -> None:
    token = hash_secret(caller.secret) if caller and caller.secret else ""
    acting = str(member_id(caller.acting)) if caller and caller.acting else ""
    cursor.execute(IDENTIFY, [token, acting])


def all_in_the_feed() -> None:
    """Wait until every event is within the feed's bound. A transaction of another database on this
    server, such as that of a parallel test, holds the bound back too."""

    def is_in() -> bool:
        with connections["jobs"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM referral_event WHERE xact >= sec.xact_bound()")
            return bool(cursor.fetchone() == (0,))

    until(is_in, "the end of what holds the bound back")


@contextmanager
def rolled_back(superuser: Any) -> Iterator[Any]:
    """A cursor of the superuser's: whatever it changes is taken back."""
    with superuser.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            yield cursor
        finally:
            cursor.execute("ROLLBACK")


@contextmanager
def past_triggers(superuser: Any) -> Iterator[Any]:
    """A cursor of the superuser's whose changes fire no trigger, and stay: also what is kept."""
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield cursor
        finally:
            cursor.execute("SET session_replication_role = origin")


@contextmanager
def as_one_person(superuser: Any, of: str, also: str) -> Iterator[None]:
    """For a while, and for everybody, one person is a member of two agencies."""
    person = "SELECT person_id FROM permissions_membership WHERE id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(person, [str(member_id(of))])
        (one,) = cursor.fetchone()
        cursor.execute(person, [str(member_id(also))])
        (before,) = cursor.fetchone()
    belongs_to(superuser, also, one)
    try:
        yield
    finally:
        belongs_to(superuser, also, before)


def belongs_to(superuser: Any, who: str, person: Any) -> None:
    """The membership is this person's, and bound as if the server had written that."""
    change = "UPDATE permissions_membership SET person_id = %s WHERE id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(change, [person, str(member_id(who))])
    row_macs.sign(Membership.objects.using("jobs").get(id=member_id(who)), "jobs")
    bind_credentials()


def refused(cursor: Any, statement: str, parameters: Sequence[Any] = ()) -> bool:
    """Whether the database refuses `statement`, or it finds no row; either way it is undone."""
    try:
        with transaction.atomic():
            cursor.execute(statement, parameters)
            found: int = cursor.rowcount
            transaction.set_rollback(True)
    except DatabaseError as error:
        return isinstance(error.__cause__, InsufficientPrivilege)
    return found == 0


def refused_for_want_of_rights(cursor: Any, statement: str, parameters: Sequence[Any] = ()) -> bool:
    """Whether the database refuses `statement` because of rights or policy, nothing else."""
    try:
        with transaction.atomic():
            cursor.execute(statement, parameters)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return isinstance(error.__cause__, InsufficientPrivilege)
    return False


def opening(who: str, about: UUID | str, act: str, /, **columns: Any) -> tuple[str, list[Any]]:
    """The entry without which no sealed row is shown (R11), as an injected query would write it."""
    key, short = who.split(".")
    values = {
        "id": uuid4(),
        "agency_id": agency_id(key),
        "member_id": member_id(who) if short != "client" else None,
        "client_id": None,
        "act": f"referral.{act}",
        "purpose": "intake",
        "referral_id": about,
        "fields": [*PACKET, "health"],
        "decision": "allowed",
    } | columns
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    return f"INSERT INTO access_entry ({names}) VALUES ({marks})", list(values.values())


def full_story(story: Story, api: Any) -> Story:
    """Every protected table holds rows of it: a packet, notes, an ended release, a call, a key."""
    story.create()
    again = api(story.sender).post(
        "/v1/referrals",
        {
            "service_id": story.service_id,
            "urgency": "routine",
            "needs": ["advocacy"],
            "callback": "406-555-0111",
        },
        Idempotency_Key="a key of the full story",
    )
    assert again.status_code == 201, again.content
    story.sends("set_external_ref", {"ref": "a number of the full story"})
    story.send().answers("acknowledge").answers("accept")
    story.release("name").release(*PACKET).packet(**PACKET, health="never released")
    kept = {"reason": "review", "keep": True}
    assert api("ywca.lead").act(story.id, "take_over", kept).status_code == 200
    back = {"member_id": str(member_id(story.recipient))}
    assert api("ywca.lead").act(story.id, "hand_over", back).status_code == 200
    admin = {"member_id": str(member_id("police.admin"))}
    story.sends("block", admin)
    with connections["jobs"].cursor() as cursor:  # as at a purge
        cursor.execute("DELETE FROM conflict_block")
    story.sends("block", admin).sends("unblock", admin)
    story.answers("add_note", {"text": "ours"}).sends("add_note", {"text": "theirs"})
    story.sends("set_plan", {"services": [phone_only_service()]})
    unwanted = Story(api, story.service_id, sender=story.sender).create()
    unwanted.sends("add_note", {"text": "of a draft that she did not want"})
    no = api(story.sender).post("/v1/agreement-tally", {"draft_id": unwanted.id})
    assert no.status_code == 200, no.content
    with connections["jobs"].cursor() as cursor:  # of one that was purged long ago
        cursor.execute(
            "INSERT INTO purged_count (id, agency_id, year, side, ending, number)"
            " VALUES (gen_random_uuid(), %s, 2020, 'from', 'accepted', 1)",
            [agency_id("police")],
        )
        cursor.execute(
            "INSERT INTO rights_tally (id, agency_id, month, item, number)"
            " VALUES (gen_random_uuid(), %s, '2020-01-01', 'vine', 7)",
            [agency_id("police")],
        )
        cursor.execute(
            "INSERT INTO count_cell (id, agency_id, side, begins, item, number, settled)"
            " VALUES (gen_random_uuid(), %s, 'from', '2020-01-01', 'urgency:urgent', 7, 7)",
            [agency_id("police")],
        )
        cursor.execute(
            "INSERT INTO count_seal (id, begins, yearly, total, mac)"
            " VALUES (gen_random_uuid(), '2020-01-01', false, 7, 'of another secret')"
        )
        cursor.execute(
            "INSERT INTO network_figures (id, period, begins, months, content, made_at)"
            " VALUES (gen_random_uuid(), '2020', '2020-01-01', 12, '{}', now())"
        )
    story.sends("record_rights", {"vine": "offered"})
    story.answers("put_return_release", return_body("connected"))
    giver = credentials.resolve_credential(api(story.sender).secret)
    assert giver is not None
    giving.give(giver, UUID(story.id), "an invented word")
    at_night = Story(api, story.service_id, sender=story.sender).create(urgency="emergency").send()
    awake = credentials.resolve_credential(api(story.recipient).secret)
    assert awake is not None
    shown = api(story.recipient).get(f"/v1/referrals/{at_night.id}").json()
    claims.claim(awake, shown["reference"])
    lead = credentials.resolve_credential(api("police.lead").secret)
    coordinator = credentials.resolve_credential(api("taskforce.coordinator").secret)
    assert lead is not None
    assert coordinator is not None
    published_figures.agree(lead, agree=True)
    earlier = published_figures.EarlierYear(2014, 5, 75, 2000, "An invented report")
    published_figures.store_earlier_year(coordinator, earlier)
    channel = {"kind": "sms", "address": "406-555-0170"}
    for who, use in ((story.sender, "own"), ("police.admin", "duty"), ("ywca.admin", "duty")):
        kept = api(who).post("/v1/channels", channel | {"use": use})
        assert kept.status_code == 201, kept.content
        prove(kept.json()["id"])
        assert api(who).post(f"/v1/channels/{kept.json()['id']}/ring").status_code == 202
    unproven = {"kind": "sms", "address": "406-555-0171", "use": "own"}
    kept = api(story.sender).post("/v1/channels", unproven)
    assert kept.status_code == 201, kept.content
    asked = api(story.sender).post(f"/v1/channels/{kept.json()['id']}/code")
    assert asked.status_code in (200, 202, 204), asked.content  # it waits to be entered
    webhooks_of(api, "police.admin", "ywca.admin")
    ends = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    read_by = {"to_agency_id": str(agency_id("taskforce")), "ends_at": ends}
    let = api("police.admin").post("/v1/access-log/opt-ins", read_by)
    assert let.status_code in (201, 409), let.content
    call = {"service_id": phone_only_service(), "outcome": "full", "put_through": False}
    assert api(story.sender).post("/v1/call-records", call).status_code == 201
    exports.ready(api, "police.lead")
    sealer.step()
    return story


def webhooks_of(api: Any, *keepers: str) -> None:
    """Make a webhook for each of these agencies, to a port where no one listens, and try it."""
    closed_port = "127.0.0.1:9"
    with override_settings(WEBHOOK_LOOPBACK={closed_port}):
        for keeper in keepers:
            made = api(keeper).post("/v1/webhooks", {"url": f"http://{closed_port}/"})
            assert made.status_code == 201, made.content
            assert api(keeper).post(f"/v1/webhooks/{made.json()['id']}/ping").status_code == 202
        assert worker.run_until_idle(worker.jobs_named(["webhooks"])) == []


def phone_only_service() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM directory_listing WHERE answered_by IS NULL LIMIT 1")
        row = cursor.fetchone()
    assert row, "the demo directory has no phone-only service"
    return str(row[0])


def protected_tables(cursor: Any) -> list[str]:
    """Tables and partitions of schema public with row-level security, from the catalogue."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND relrowsecurity ORDER BY relname"
    )
    return [name for (name,) in cursor.fetchall()]


def belonging_to_a_referral(cursor: Any) -> set[str]:
    """The referral's table, and every table whose foreign keys lead to it, from the catalogue."""
    cursor.execute(
        "WITH RECURSIVE belonging (one) AS (SELECT 'referral'::regclass UNION"
        " SELECT conrelid::regclass FROM pg_constraint JOIN belonging ON confrelid = one"
        " WHERE contype = 'f') SELECT one::text FROM belonging"
    )
    return {name for (name,) in cursor.fetchall()}


@contextmanager
def turned_off(alias: str, table: str, column: str, row: Any) -> Iterator[None]:
    """`column` of one row is false for a while."""
    statement = f"UPDATE {table} SET {column} = %s WHERE id = %s"
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, [False, row])
        assert cursor.rowcount == 1
    try:
        yield
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute(statement, [True, row])


@contextmanager
def without(superuser: Any, *triggers: str) -> Iterator[None]:
    """These triggers (`table.name`) do nothing for a while."""
    names = [one.split(".") for one in triggers]
    for word in ("DISABLE", "ENABLE"):
        for table, trigger in names:
            with superuser.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {table} {word} TRIGGER {trigger}")
        if word == "DISABLE":
            yield


def lay_many_milestones(monkeypatch: pytest.MonkeyPatch, step: int = 2) -> None:
    """One at every second row or so of the plain lists, so that they come and go with few rows."""
    monkeypatch.setattr(page_anchors, "STEP", step)
    with transaction.atomic(using="jobs"), connections["jobs"].cursor() as cursor:
        for name in page_anchors.LISTS:
            page_anchors.add_anchors(cursor, name)


@contextmanager
def put_back(organization_id: UUID) -> Iterator[None]:
    """At the end an imported organization is what it was, and so is what shows it."""
    before = m.Organization.objects.using("jobs").get(id=organization_id)
    yield
    with transaction.atomic(using="jobs"):
        before.save(using="jobs")
        render_organizations([organization_id])


def forget_edits() -> None:
    """Remove every entry that was written here, not imported, and the history of edits. By today's
    clock: what stays is rendered for the tests to come."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE clock_offset SET shift = '0' WHERE shift <> '0'")
    with transaction.atomic(using="jobs"):
        services = set(
            m.Service.objects.using("jobs").filter(source="").values_list("id", flat=True)
        )
        organizations = set(
            m.Organization.objects.using("jobs").filter(source="").values_list("id", flat=True)
        )
        parts = m.Location.objects.using("jobs").filter(source="")
        organizations |= set(parts.values_list("part_of_id", flat=True))
        for table in reversed(list(TABLES)):
            rows: Any = TABLES[table].model._default_manager.using("jobs")
            rows.filter(source="").delete()
        render(services, organizations)
    with connections["owner"].cursor() as cursor:
        cursor.execute("TRUNCATE directory_edit, directory_earlier_text")
