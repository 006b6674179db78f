"""What one does who can write every row of the database, as its superuser, and holds no key."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from structlog.testing import capture_logs

from permissions.identity.credentials import hash_secret
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import Caller, member_id
from tests.support.people.stories import Story


def write(superuser: Any, statement: str, values: Any = None) -> None:
    """Past every policy and trigger; at least one row."""
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        assert cursor.rowcount > 0
        cursor.execute("SET session_replication_role = origin")
    superuser.commit()


def forged_credential(superuser: Any, agency: UUID, member: UUID, **columns: Any) -> Caller:
    """A sign-in that never was, of that member, with all that the policies ask for."""
    secret = "a-secret-of-the-attackers-own"
    values = {
        "hash": bytes.fromhex(hash_secret(secret)),
        "agency_id": str(agency),
        "membership_id": str(member),
        "roles": ["worker", "lead"],
        "scopes": [],
        "created_at": "2020-01-01",
        "expires_at": "2100-01-01",
        "live": True,
        "left_roles": ["worker", "lead"],
        "system_of_record": False,
        "mac": b"\0\1" + bytes(32),
    } | columns
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    write(
        superuser,
        f"INSERT INTO credential ({names}, person_id) SELECT {marks}, person_id"
        " FROM permissions_membership WHERE id = %s",
        [*values.values(), str(member)],
    )
    return Caller("forged", secret)


def copied(superuser: Any, table: str, where: str, values: Any) -> dict[str, Any]:
    """A row as it is now, to be put back later."""
    ((row,),) = rows(superuser, f"SELECT to_jsonb(t) FROM {table} t WHERE {where}", values)
    superuser.rollback()
    found: dict[str, Any] = row
    return found


def put_back(superuser: Any, table: str, key: str, row: dict[str, Any]) -> None:
    """The older copy in place of what is there."""
    text = json.dumps(row)
    write(
        superuser,
        f"WITH older AS (SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb)),"
        f" gone AS (DELETE FROM {table} t USING older WHERE t.{key} = older.{key})"
        f" SELECT {key} FROM older",
        [text],
    )
    write(
        superuser,
        f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb)",
        [text],
    )


# -- What may be opened of one referral ------------------------------------------------------------

WORKER, OTHER, LEAD = "ywca.worker", "ywca.worker2", "ywca.lead"
OPENS = {"purpose": "intake"}
OF_A_REFERRAL = {
    "referral": "id",
    "referral_side": "referral_id",
    "referral_assignment": "content_object_id",
    "conflict_block": "referral_id",
    "release": "referral_id",
    "packet_grant": "referral_id",
    "packet_field": "referral_id",
    "returned": "referral_id",
    "private_key": "referral_id",
    "bound_access": "referral_id",
}


def opens(story: Story, who: str) -> Any:
    return story.api(who).act(story.id, "open_packet", OPENS)


def is_refused(answer_of: Callable[[], Any], superuser: Any) -> None:
    """503, without content, loud, and the try is in the access log."""
    count = (
        "SELECT count(*) FROM access_entry WHERE decision = 'refused' AND rule = 'binding'"
        " AND member_id IS NOT NULL"
    )
    ((before,),) = rows(superuser, count)
    superuser.rollback()
    with capture_logs() as logged:
        answer = answer_of()
    assert (answer.status_code, answer.json()["code"]) == (503, "binding"), answer.content
    assert "Invented" not in answer.content.decode()
    assert "access_not_bound" in {one["event"] for one in logged}
    assert rows(superuser, count) == [(before + 1,)]
    superuser.rollback()


def copy_of(superuser: Any, referral: str) -> dict[str, list[dict[str, Any]]]:
    """Every row that says who may open it."""
    found = {}
    for table, key in OF_A_REFERRAL.items():
        asked = f"SELECT to_jsonb(t) FROM {table} t WHERE {key} = %s"
        found[table] = [row for (row,) in rows(superuser, asked, [referral])]
    superuser.rollback()
    return found


def put_all_back(superuser: Any, referral: str, copy: dict[str, list[dict[str, Any]]]) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table, key in OF_A_REFERRAL.items():
            cursor.execute(f"DELETE FROM {table} WHERE {key} = %s", [referral])
            for row in copy[table]:
                cursor.execute(
                    f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table},"
                    " %s::jsonb)",
                    [json.dumps(row)],
                )
        cursor.execute("SET session_replication_role = origin")
    superuser.commit()


def assign_by_hand(superuser: Any, referral: str, who: str) -> None:
    write(
        superuser,
        "INSERT INTO referral_assignment (id, content_object_id, membership_id, agency_id, user_id,"
        " permission_id) SELECT %s, %s, m.id, m.agency_id, m.person_id, p.id"
        " FROM permissions_membership m, auth_permission p"
        " WHERE m.id = %s AND p.codename = 'work_on_referral'",
        [str(uuid4()), referral, str(member_id(who))],
    )
