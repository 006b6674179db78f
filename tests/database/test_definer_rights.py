"""What the role `definer`, whose rights the functions of `sec` lend, cannot do."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extras import Json

from tests.support.people.notifications import DUTY, keep
from tests.support.people.stories import Story


def test_what_definer_hides_of_the_directory_it_cannot_show_again(superuser: Any) -> None:
    """directory_location.definer_hides: whatever a function that has its rights may be made to
    do."""
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE definer")
            cursor.execute("SELECT array_agg(id) FROM directory_location")
            cursor.execute("SELECT sec.hide_places(%s)", cursor.fetchone())
            with pytest.raises(InsufficientPrivilege):
                cursor.execute("UPDATE directory_location SET confidential = false")
    finally:
        superuser.rollback()
        superuser.autocommit = True


@pytest.mark.parametrize("table", ["directory_organization", "directory_service"])
def test_what_definer_locks_of_the_directory_it_cannot_change(superuser: Any, table: str) -> None:
    """Its policy definer_locks is for SELECT … FOR UPDATE, which asks for the right to update."""
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute(f"GRANT UPDATE ON {table} TO definer")  # undone below
            cursor.execute("SET LOCAL ROLE definer")
            cursor.execute(f"SELECT FROM {table} FOR UPDATE")
            assert cursor.rowcount
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(f"UPDATE {table} SET source = source")
    finally:
        superuser.rollback()
        superuser.autocommit = True


def test_what_definer_sends_is_a_test_and_nothing_else(superuser: Any, api: Any) -> None:
    """message.definer_tests: whatever a function that has its rights may be made to do."""
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    insert = (
        "INSERT INTO message (id, cause, agency_id, channel_id, kind, template, reference)"
        " SELECT gen_random_uuid(), gen_random_uuid(), agency_id, id, kind, %s, 'TEST' FROM channel"
    )
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE definer")
            cursor.execute(insert, ["test"])
            assert cursor.rowcount == 1
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(insert, ["notice"])
    finally:
        superuser.rollback()
        superuser.autocommit = True


@pytest.mark.parametrize(
    "otherwise",
    [{"act": "accept"}, {"to_sees": False}, {"from_sees": True}],
    ids=lambda one: next(iter(one)),
)
def test_what_definer_delivers_is_a_receipt_of_the_recipients_and_nothing_else(
    superuser: Any, story: Story, otherwise: dict[str, Any]
) -> None:
    """referral_event.definer_delivers: whatever a function that has its rights may be made to
    do."""
    story.send()
    insert = (
        "INSERT INTO referral_event SELECT (jsonb_populate_record(e, %s)).*"
        " FROM referral_event e WHERE e.act = 'send'"
    )
    receipt = {"act": "delivered", "to_sees": True, "from_sees": False}
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE definer")
            cursor.execute(insert, [Json(receipt | {"id": str(uuid4())})])
            assert cursor.rowcount == 1
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(insert, [Json(receipt | otherwise | {"id": str(uuid4())})])
    finally:
        superuser.rollback()
        superuser.autocommit = True


@pytest.mark.parametrize("table", ["referral_event", "self_assignment"])
def test_what_was_told_definer_cannot_make_untold(
    api: Any, superuser: Any, story: Story, table: str
) -> None:
    """definer_tells of either: else a message would go out once more."""
    story.accept()
    assert api("ywca.lead").act(story.id, "take_over", {"reason": "safety"}).status_code == 200
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE definer")
            cursor.execute(f"UPDATE {table} SET told = true")
            assert cursor.rowcount
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(f"UPDATE {table} SET told = false")
    finally:
        superuser.rollback()
        superuser.autocommit = True
