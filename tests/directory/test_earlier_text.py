"""What an edit replaced: sealed, for the directory editors of the agency that made it."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test import override_settings

from directory import models as m
from directory.editing import earlier_text
from directory.editing.versions import steps
from permissions import assignments
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPermitted, NotVisible, StaleMatch
from tests.directory.own_services import SERVICES, a_service, tag
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_versions import (
    OLD,
    entry_id,
    kept,
    last_edit,
    opened,
    patched,
    principal,
    step,
    text_of,
)
from tests.directory.own_versions import line as line  # a fixture
from tests.directory.own_versions import place as place  # a fixture
from tests.support.ground.database import as_app, identify
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.directory_entries import OURS

NEW = "By the river."


def changed(caller: Caller, path: str) -> UUID:
    patched(caller, path, description=NEW)
    return text_of(caller, path)


# -- What is kept, and who opens it ----------------------------------------------------------------


@pytest.mark.parametrize("who", ["ywca.editor", "ywca.lead"])
def test_the_agencys_editors_open_what_an_edit_replaced_and_each_opening_is_logged(
    api: Any, superuser: Any, line: str, who: str
) -> None:
    text = changed(api("ywca.editor"), line)
    for times in (1, 2):
        found = earlier_text.open_text(principal(api(who)), entry_id(line), text)
        assert found.content == {"before": {"description": OLD}, "after": {"description": NEW}}
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT member_id, decision FROM access_entry"
                " WHERE act = 'directory.earlier' AND directory_id = %s",
                [str(entry_id(line))],
            )
            assert cursor.fetchall() == [(member_id(who), "allowed")] * times


@pytest.mark.parametrize(
    ("who", "acting"),
    [
        ("sarc.editor", None),
        ("police.worker", None),
        ("ywca.worker", None),
        ("ywca.admin", None),
        ("ywca.auditor", None),
        ("ywca.client", None),
        ("ywca.client", "ywca.editor"),
        ("taskforce.coordinator", None),
    ],
)
def test_for_all_others_there_is_none_like_an_id_that_never_was(
    api: Any, line: str, who: str, acting: str | None
) -> None:
    text = changed(api("ywca.editor"), line)
    caller = principal(api(who, acting))
    for one in (text, uuid4()):
        with pytest.raises(NotVisible):
            earlier_text.open_text(caller, entry_id(line), one)
    with pytest.raises((NotVisible, NotPermitted)):
        steps.open_step(caller, entry_id(line), last_edit(line).id)


def test_another_agency_that_edits_the_same_entry_never_sees_it(api: Any, line: str) -> None:
    about, sarc, ywca = m.Organization(id=OURS), api("sarc.editor"), api("ywca.editor")
    text = changed(ywca, line)
    assignments.allow_editing(about, agency_id("sarc"))
    try:
        with pytest.raises(NotVisible):
            earlier_text.open_text(principal(sarc), entry_id(line), text)
        with pytest.raises(NotVisible):
            step(sarc, line, line)
        assert steps.kept_lines(principal(sarc), OURS) == set()
        patched(sarc, line, description="Theirs.")
        theirs = text_of(sarc, line)
        assert opened(sarc, line).content["before"] == {"description": NEW}
        with pytest.raises(NotVisible):
            earlier_text.open_text(principal(ywca), entry_id(line), theirs)
    finally:
        assignments.end_editing(about, agency_id("sarc"))
    with pytest.raises(NotVisible):  # it edits the entry no longer
        earlier_text.open_text(principal(sarc), entry_id(line), theirs)


def test_only_members_that_an_editor_writes_and_no_text_of_a_place(
    api: Any, line: str, place: str
) -> None:
    """A place has a history of its own: a service's names it by its id."""
    ywca = api("ywca.editor")
    there = ywca.get(line).json()["service_at_locations"][0]
    patched(ywca, line, service_at_locations=[], minimum_age=None, capacities=[])
    replaced = opened(ywca, line).content
    assert set(replaced["before"]) == {"service_at_locations", "minimum_age", "capacities"}
    assert replaced["after"] == {}
    (link,) = replaced["before"]["service_at_locations"]
    assert link["location"] == {"id": str(entry_id(place))}
    assert (link["id"], link["description"]) == (there["id"], "Rear")


def test_nothing_is_kept_of_what_is_new_the_same_or_confidential(
    api: Any, superuser: Any, line: str
) -> None:
    ywca = api("ywca.editor")
    assert kept(superuser) == []  # both were created
    patched(ywca, line, description=OLD)
    assert kept(superuser) == []
    secret = f"{SERVICES}/{uuid7()}"
    assert ywca.put(secret, a_service(name="Secret", confidential=True)).status_code == 201
    patched(ywca, secret, description="One.")
    patched(ywca, secret, description="Two.")
    assert kept(superuser) == []
    patched(ywca, secret, confidential=False, description="Three.")
    assert kept(superuser) == []
    patched(ywca, secret, description="Four.")
    assert len(kept(superuser)) == 1
    with override_settings(DIRECTORY_HISTORY_DAYS=0):
        patched(ywca, secret, description="Five.")
    assert len(kept(superuser)) == 1


# -- Put back --------------------------------------------------------------------------------------


def test_what_was_replaced_is_put_back_as_a_change_of_what_is_there_now(
    api: Any, line: str
) -> None:
    ywca = api("ywca.editor")
    before = ywca.get(line).json()
    patched(ywca, line, description=NEW, phones=[], minimum_age=None, alternate_name="Line")
    first = last_edit(line).id
    patched(ywca, line, alternate_name="Another")
    found = steps.open_step(principal(ywca), entry_id(line), first)
    assert set(found.puts_back) == {"description", "phones", "minimum_age", "alternate_name"}
    with pytest.raises(StaleMatch):
        steps.put_back(principal(ywca), found, '"of before"')
    steps.put_back(principal(ywca), found, found.etag)
    now = ywca.get(line).json()
    for name in before:
        assert name == "last_modified" or now[name] == before[name], name
    assert "alternate_name" not in now
    again = steps.open_step(principal(ywca), entry_id(line), first)
    assert again.puts_back == {}
    assert step(ywca, line, line).replaced is not None, "putting back is a step of its own"


def test_a_place_that_was_deleted_is_put_back_whole(api: Any, line: str, place: str) -> None:
    ywca = api("ywca.editor")
    patched(ywca, line, service_at_locations=[])
    before = ywca.get(place).json()
    assert ywca.delete(place, If_Match=tag(ywca, place)).status_code == 204
    found = step(ywca, line, place)
    assert found.now is None
    steps.put_back(principal(ywca), found, "")
    assert ywca.get(place).json() == before
    with pytest.raises(StaleMatch):  # twice
        steps.put_back(principal(ywca), found, "")


def test_a_step_of_another_service_is_none_of_this_one(api: Any, line: str) -> None:
    ywca = api("ywca.editor")
    other = f"{SERVICES}/{uuid7()}"
    assert ywca.put(other, a_service(name="Other")).status_code == 201
    patched(ywca, other, description=NEW)
    with pytest.raises(NotVisible):
        step(ywca, line, other)


# -- The second wall -------------------------------------------------------------------------------

OPENING = (
    "INSERT INTO access_entry (id, agency_id, member_id, act, directory_id, decision)"
    " VALUES (%s, %s, %s, %s, %s, 'allowed')"
)


def seen(cursor: Any, text: UUID) -> int:
    cursor.execute("SELECT count(*) FROM sec.earlier_text(%s)", [str(text)])
    count: int = cursor.fetchone()[0]
    return count


@pytest.mark.parametrize(
    ("who", "act", "about_it", "rows"),
    [
        ("ywca.editor", "directory.earlier", True, 1),
        ("ywca.editor", "directory.earlier", False, 0),
        ("ywca.editor", "directory.edit", True, 0),
        ("ywca.editor", None, True, 0),
        ("ywca.worker", "directory.earlier", True, 0),
        ("ywca.auditor", "directory.earlier", True, 0),
        ("sarc.editor", "directory.earlier", True, 0),
        ("police.worker", "directory.earlier", True, 0),
    ],
)
def test_no_row_is_shown_but_to_an_entry_of_the_same_transaction(
    api: Any, line: str, who: str, act: str | None, about_it: bool, rows: int
) -> None:
    text = changed(api("ywca.editor"), line)
    about = str(entry_id(line) if about_it else uuid4())
    names = [str(agency_id(who.split(".")[0])), str(member_id(who))]
    with as_app(api(who)) as cursor:
        if act:
            cursor.execute(OPENING, [str(uuid7()), *names, act, about])
        assert seen(cursor, text) == rows
    if act:  # an entry of an earlier transaction opens nothing
        with transaction.atomic(), connection.cursor() as cursor:
            identify(cursor, api(who))
            cursor.execute(OPENING, [str(uuid7()), *names, act, about])
    with as_app(api(who)) as cursor:
        assert seen(cursor, text) == 0


def test_what_is_confidential_now_is_not_shown_even_if_it_were_kept(
    api: Any, superuser: Any, line: str
) -> None:
    """sec.earlier_text, should the erasing ever fail."""
    ywca = api("ywca.editor")
    text = changed(ywca, line)
    for hidden in (
        f"UPDATE directory_service SET confidential = true WHERE id = '{entry_id(line)}'",
        f"UPDATE directory_organization SET confidential = true WHERE id = '{OURS}'",
    ):
        with transaction.atomic(), connection.cursor() as cursor:
            identify(cursor, ywca)
            names = [str(agency_id("ywca")), str(member_id("ywca.editor"))]
            cursor.execute(
                OPENING, [str(uuid7()), *names, "directory.earlier", str(entry_id(line))]
            )
            assert seen(cursor, text) == 1
            with superuser.cursor() as past:
                past.execute("SET session_replication_role = replica")
                past.execute(hidden)
                assert seen(cursor, text) == 0
                past.execute(hidden.replace("= true", "= false"))
                past.execute("SET session_replication_role = origin")
            transaction.set_rollback(True)
