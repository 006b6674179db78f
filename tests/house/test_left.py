"""The check behind each file of tests finds what was left, and lets be what moves by itself."""

from contextlib import closing
from typing import Any

from django.db import connections

from tests.support.callers import agency_id
from tests.support.cluster import own_cluster
from tests.support.leftovers import Leftovers


def test_a_row_that_was_changed_is_found_and_what_moves_by_itself_is_not(
    django_db_setup: str, superuser: Any
) -> None:
    named = "UPDATE permissions_agency SET name = %s WHERE id = %s"
    ywca = str(agency_id("ywca"))
    with closing(own_cluster().connect_superuser(django_db_setup)) as session:
        ground = Leftovers(session)
        with superuser.cursor() as cursor:
            cursor.execute("SELECT name FROM permissions_agency WHERE id = %s", [ywca])
            (name,) = cursor.fetchone()
            cursor.execute(named, ["Renamed by a test", ywca])
            assert ground.changed_tables() == ["permissions_agency"]
            cursor.execute(named, [name, ywca])
            assert ground.changed_tables() == ["permissions_agency"], "since it was asked last"
            cursor.execute("UPDATE permissions_person SET last_login = now()")
            cursor.execute("INSERT INTO directory_word VALUES ('zzyzxword')")
        assert ground.changed_tables() == []
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM directory_word WHERE word = 'zzyzxword'")
        assert cursor.fetchone() == (0,), "what was learnt is forgotten"
