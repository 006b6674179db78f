"""What the database itself keeps off, whatever our code says, of an agency that runs itself."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connections, transaction
from django.db.utils import DatabaseError, ProgrammingError

from permissions.errors import NotVisible
from permissions.identity import own_systems
from permissions.identity.credentials import resolve_credential
from permissions.models import Client
from tests.database.catalogue import answer
from tests.support.ground.database import as_app, identify
from tests.support.people.callers import agency_id, member_id
from tests.support.people.own_systems import as_before as as_before  # a fixture
from tests.support.people.own_systems import pair

LOG = "SELECT sec.log_own_system_change(%s, %s, %s, %s, NULL, NULL)"


def logged(caller: Any, act: str, system: Any, codes: list[str]) -> bool:
    """Whether `signin` may write this entry for the caller; it is taken back."""
    with transaction.atomic(using="signin"), connections["signin"].cursor() as cursor:
        identify(cursor, caller)
        try:
            with transaction.atomic(using="signin"):
                cursor.execute(LOG, [uuid4(), act, system, codes])
        except DatabaseError:
            return False
        finally:
            transaction.set_rollback(True, using="signin")
    return True


def system_of(key: str) -> Any:
    return Client.objects.get(agency_id=agency_id(key)).id


def test_a_change_is_logged_for_the_systems_own_administrator_alone(api: Any) -> None:
    ours, theirs = system_of("ywca"), system_of("police")
    admin = api("ywca.admin")
    assert logged(admin, "partner.end", ours, ["quota:5"])
    for who in ("worker", "lead", "editor", "auditor"):
        assert not logged(api(f"ywca.{who}"), "partner.end", ours, []), who
    assert not logged(admin, "partner.end", theirs, [])
    assert not logged(admin, "partner.end", uuid4(), [])
    assert not logged(admin, "partner.end", None, [])
    assert not logged(api("ywca.client", "ywca.admin"), "partner.end", ours, []), "no person"
    assert not logged(api(None), "partner.end", ours, [])
    for act in ("referral.open_packet", "agency.set", "client.end", "partner.list"):
        assert not logged(admin, act, ours, []), act
    assert not logged(admin, "partner.end", ours, ["Invented Person"]), "codes alone"


def settings(caller: Any, changes: str) -> None:
    with as_app(caller) as cursor:
        cursor.execute("SELECT sec.set_own_agency(%s)", [changes])
        cursor.execute(
            "SELECT id::text, time_zone, retention_days, active, name FROM permissions_agency"
            " WHERE time_zone = 'America/Chicago' OR retention_days <> 30 OR NOT active"
            " OR name = 'Other'"
        )
        found = cursor.fetchall()
    assert [row[0] for row in found] == [str(agency_id("ywca"))]
    assert found[0][3:] != (False, "Other")
    assert found[0][3], "its access is not a setting"


def test_settings_are_changed_of_the_administrators_agency_and_of_nothing_else(api: Any) -> None:
    everything = (
        '{"time_zone": "America/Chicago", "active": false, "name": "Other", "duty_phone": "1",'
        f' "id": "{agency_id("police")}"}}'
    )
    settings(api("ywca.admin"), everything)
    for who in (
        *("ywca.worker", "ywca.lead", "ywca.auditor", "ywca.editor", "taskforce.coordinator"),
    ):
        with as_app(api(who)) as cursor, pytest.raises(ProgrammingError), transaction.atomic():
            cursor.execute("SELECT sec.set_own_agency(%s)", ['{"retention_days": 8}'])
    client = api("ywca.client", "ywca.admin")
    with as_app(client) as cursor, pytest.raises(ProgrammingError), transaction.atomic():
        cursor.execute("SELECT sec.set_own_agency(%s)", ['{"retention_days": 8}'])
    for wrong in ('{"retention_days": 6}', '{"time_zone": null}', '{"holidays": ["no"]}'):
        with as_app(api("ywca.admin")) as cursor, pytest.raises(DatabaseError):  # noqa: SIM117
            with transaction.atomic():
                cursor.execute("SELECT sec.set_own_agency(%s)", [wrong])


def test_systems_are_read_by_their_administrator_alone(api: Any) -> None:
    asked = "SELECT client_id FROM sec.own_systems()"
    uses = "SELECT * FROM sec.own_system_key_uses(%s)"
    for who, seen in (
        *(("ywca.admin", ["demo-ywca"]), ("police.admin", ["demo-police"])),
        *((f"ywca.{role}", []) for role in ("worker", "lead", "editor", "auditor")),
    ):
        with as_app(api(who)) as cursor:
            cursor.execute(asked)
            assert [row[0] for row in cursor.fetchall()] == seen, who
            cursor.execute(uses, [system_of("sarc")])
            assert cursor.fetchall() == [], who
    with as_app(api("ywca.client", "ywca.admin")) as cursor:
        cursor.execute(asked)
        assert cursor.fetchall() == []


def test_changes_are_read_by_leads_and_administrators_in_person(api: Any) -> None:
    asked = "SELECT count(*) FROM sec.own_agency_changes(NULL, NULL, 1000)"
    admin = api("ywca.admin")
    opt_in = {"to_agency_id": str(agency_id("taskforce")), "ends_at": "2099-01-01T00:00:00Z"}
    admin.post("/v1/access-log/opt-ins", opt_in)
    admin.post("/v1/webhooks", {"url": "https://receiver.invalid/hook"})
    for who, some in (
        *(("ywca.admin", True), ("ywca.lead", True), ("ywca.worker", False)),
        *(("ywca.auditor", False), ("ywca.editor", False)),
    ):
        with as_app(api(who)) as cursor:
            cursor.execute(asked)
            (count,) = cursor.fetchone()
        assert count <= 101, "a page at a time"
        assert not count or some, who
    with as_app(api("ywca.client", "ywca.lead")) as cursor:
        cursor.execute(asked)
        assert cursor.fetchone() == (0,)


def test_who_may_call_them(superuser: Any) -> None:
    may = {
        "log_own_system_change": {"signin"},
        "own_systems": {"app"},
        "own_system_key_uses": {"app"},
        "set_own_agency": {"app"},
        "own_agency_changes": {"app"},
        "log_changes": set(),
    }
    for name, roles in may.items():
        rows = answer(
            superuser,
            "SELECT r.rolname FROM pg_proc p, pg_roles r WHERE p.proname = %s"
            " AND p.pronamespace = 'sec'::regnamespace AND r.rolname IN"
            " ('app', 'signin', 'editor', 'auditor', 'jobs', 'sealer', 'backup')"
            " AND has_function_privilege(r.oid, p.oid, 'EXECUTE')",
            [name],
        )
        assert {role for (role,) in rows} == roles, name
    for table in ("permissions_client", "permissions_agency"):
        rows = answer(
            superuser,
            "SELECT has_any_column_privilege('app', %s, 'INSERT, UPDATE')",
            [table],
        )
        assert rows == [(False,)], table


@pytest.mark.usefixtures("as_before")
def test_a_right_that_ends_meanwhile_takes_the_change_with_it(api: Any, superuser: Any) -> None:
    """The code has asked, then the role is taken away: the database refuses entry and change."""
    principal = resolve_credential(api("ywca.admin").secret)
    assert principal is not None
    system = system_of("ywca")
    roles = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
    admin = str(member_id("ywca.admin"))
    with superuser.cursor() as cursor:
        cursor.execute("SELECT roles FROM permissions_membership WHERE id = %s", [admin])
        (before,) = cursor.fetchone()
        cursor.execute(roles, [["worker"], admin])
        try:
            with pytest.raises(NotVisible):
                own_systems.end_system(principal, system)
            with pytest.raises(NotVisible):
                own_systems.add_system(
                    principal,
                    "late",
                    "Late",
                    ["events:read"],
                    {"keys": [pair().export_public(as_dict=True)]},
                    known_scopes=["events:read"],
                    openings_a_day=1,
                )
        finally:
            cursor.execute(roles, [before, admin])
    assert Client.objects.get(id=system).active
    assert not Client.objects.filter(name="Late").exists()
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(decision || ' ' || rule ORDER BY at, id) FROM access_entry"
            " WHERE member_id = %s AND act IN ('partner.end', 'partner.add')"
            " AND decision = 'refused'",
            [str(member_id("ywca.admin"))],
        )
        (found,) = cursor.fetchone()
    assert found[-2:] == ["refused policy"] * 2
