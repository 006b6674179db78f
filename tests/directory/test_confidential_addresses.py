"""Where a confidential place is: sealed, for its own agency's people alone, each opening logged."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction

from directory import models as m
from directory.demo import loader
from directory.importing.parsing import id_of
from permissions import assignments
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.keys.keystore import key_store
from permissions.models import Client
from tests.support.ground.database import as_app, forget_edits, identify
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.sealed_packets import destroyed

OURS = id_of(loader.SOURCE, "organization", "shelter")
LOCATIONS = "/v1/directory/locations"
MARKER = "2718 Unspoken Way"
ADDRESS = {"address_1": MARKER, "city": "Missoula", "directions": "Behind the invented mill."}


@pytest.fixture(autouse=True)
def nothing_left(network: Any) -> Iterator[None]:
    yield
    forget_edits()


@pytest.fixture
def place(api: Any) -> str:
    """The address of a confidential place of ywca's, with what it has sealed of it."""
    path = f"{LOCATIONS}/{uuid7()}"
    body = {"organization_id": str(OURS), "name": "House", "confidential": True}
    ywca = api("ywca.editor")
    assert ywca.put(path, body).status_code == 201
    assert ywca.put(f"{path}/confidential_address", ADDRESS).status_code == 204
    return path


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


def opened(caller: Caller, path: str) -> Any:
    return caller.get(f"{path}/confidential_address")


def entries(superuser: Any, path: str, act: str) -> list[tuple[Any, ...]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT member_id, decision, rule FROM access_entry"
            " WHERE act = %s AND directory_id = %s ORDER BY at, id",
            [act, id_of(path)],
        )
        return list(cursor.fetchall())


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.worker2", "ywca.lead", "ywca.editor"])
def test_its_own_agencys_people_open_it_and_each_opening_is_logged(
    api: Any, superuser: Any, place: str, who: str
) -> None:
    caller = api(who)
    for times in (1, 2):
        answer = opened(caller, place)
        assert (answer.status_code, answer.json()) == (200, ADDRESS)
        logged = entries(superuser, place, "address.open")
        assert logged == [(member_id(who), "allowed", None)] * times


@pytest.mark.parametrize(
    ("who", "acting"),
    [
        ("police.worker", None),
        ("sarc.editor", None),
        ("outsider.lead", None),
        ("ywca.admin", None),
        ("ywca.auditor", None),
        ("ywca.client", None),
        ("ywca.client", "ywca.worker"),
        ("police.client", "police.worker"),
        ("taskforce.coordinator", None),
    ],
)
def test_for_anybody_else_there_is_none_like_an_id_that_never_was(
    api: Any, superuser: Any, place: str, who: str, acting: str | None
) -> None:
    caller = api(who, acting)
    real, random = opened(caller, place), opened(caller, f"{LOCATIONS}/{uuid4()}")
    assert real.status_code == random.status_code == 404
    assert real.content == random.content
    assert [rule for _, _, rule in entries(superuser, place, "address.open")] == ["not_found"]


def test_without_a_token_it_is_not_even_asked_for(api: Any, place: str) -> None:
    assert opened(api(None), place).status_code == 401
    for method in ("put", "delete"):
        arguments = [ADDRESS] if method == "put" else []
        answer = getattr(api(None), method)(f"{place}/confidential_address", *arguments)
        assert answer.status_code == 401


def test_it_is_put_replaced_and_removed_by_who_edits_the_place(api: Any, place: str) -> None:
    path, ywca = f"{place}/confidential_address", api("ywca.editor")
    other = {"address_1": "1 Other Way", "city": "Missoula"}
    for who, status in (
        ("ywca.worker", 404),
        ("sarc.editor", 404),
        ("police.client", 404),
        ("ywca.client", 204),
        ("ywca.editor", 204),
    ):
        assert api(who).put(path, other).status_code == status, who
    assert opened(ywca, place).json() == other
    assert m.ConfidentialAddress.objects.using("owner").count() == 0  # row security: not the owner
    assert api("sarc.editor").delete(path).status_code == 404
    for _ in (1, 2):
        assert ywca.delete(path).status_code == 204
    assert opened(ywca, place).status_code == 404


def test_a_public_place_has_its_address_in_its_document(api: Any) -> None:
    ywca, path = api("ywca.editor"), f"{LOCATIONS}/{uuid7()}"
    ywca.put(path, {"organization_id": str(OURS), "name": "Office"})
    answer = ywca.put(f"{path}/confidential_address", ADDRESS)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_confidential")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"city": "Missoula"}, "/address_1"),
        ({"address_1": "", "city": "Missoula"}, "/address_1"),
        ({**ADDRESS, "latitude": 46.8}, None),  # no name of the caller's is repeated
        ({**ADDRESS, "directions": "x" * 2001}, "/directions"),
    ],
)
def test_what_is_no_address_is_refused(
    api: Any, place: str, body: dict[str, Any], pointer: str | None
) -> None:
    answer = api("ywca.editor").put(f"{place}/confidential_address", body)
    assert (answer.status_code, answer.json().get("pointer")) == (400, pointer)


def test_two_agencies_that_edit_a_place_keep_one_each(api: Any, place: str) -> None:
    about, sarc = m.Organization(id=OURS), api("sarc.editor")
    assignments.allow_editing(about, agency_id("sarc"))
    try:
        assert opened(sarc, place).status_code == 404
        theirs = {"address_1": "3 Their Way", "city": "Missoula"}
        assert sarc.put(f"{place}/confidential_address", theirs).status_code == 204
        assert opened(sarc, place).json() == theirs
        assert opened(api("ywca.editor"), place).json() == ADDRESS
        assert sarc.delete(f"{place}/confidential_address").status_code == 204
        assert opened(api("ywca.editor"), place).json() == ADDRESS
    finally:
        assignments.end_editing(about, agency_id("sarc"))


def test_it_goes_with_the_place_and_when_the_place_is_public_again(
    api: Any, superuser: Any, place: str
) -> None:
    def kept() -> int:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM directory_confidential_address")
            count: int = cursor.fetchone()[0]
        return count

    ywca = api("ywca.editor")
    assert kept() == 1
    shown = ywca.patch(place, {"confidential": False}, If_Match=ywca.get(place)["ETag"])
    assert (shown.status_code, kept()) == (200, 0)
    ywca.patch(place, {"confidential": True}, If_Match=shown["ETag"])
    assert opened(ywca, place).status_code == 404
    assert ywca.put(f"{place}/confidential_address", ADDRESS).status_code == 204
    assert ywca.delete(place, If_Match=ywca.get(place)["ETag"]).status_code == 204
    assert kept() == 0


def test_it_stands_in_clear_nowhere(api: Any, superuser: Any, place: str, tmp_path: Path) -> None:
    """Not in a column of any table, nor in any answer of the directory but the one."""
    service = f"/v1/directory/services/{uuid7()}"
    body = {
        "organization_id": str(OURS),
        "name": "Shelter of a test",
        "confidential": True,
        "service_at_locations": [{"location_id": id_of(place)}],
    }
    assert api("ywca.editor").put(service, body).status_code == 201
    opened(api("ywca.worker"), place)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE '%unspoken%'")
            assert cursor.fetchone() == (0,), table
    organization = f"/v1/directory/organizations/{OURS}"
    for who in (None, "ywca.editor", "ywca.worker", "police.worker", "ywca.client"):
        caller = api(who)
        for path, query in (
            (service, {}),
            (organization, {"full_service": "true"}),
            (place, {}),
            ("/v1/directory/services", {"search": "Unspoken Way", "per_page": "100"}),
            ("/v1/directory/services", {"full": "true", "per_page": "100"}),
            ("/v1/directory/service_at_locations", {"full": "true", "per_page": "100"}),
            ("/v1/directory/changes", {}),
            (f"{organization}/history", {}),
        ):
            assert "Unspoken" not in caller.get(path, query).content.decode(), (who, path)


# -- The second wall -------------------------------------------------------------------------------

OPENING = (
    "INSERT INTO access_entry (id, agency_id, member_id, act, directory_id, decision)"
    " VALUES (%s, %s, %s, %s, %s, 'allowed')"
)
SEEN = "SELECT count(*) FROM directory_confidential_address"


def seen(cursor: Any) -> int:
    cursor.execute(SEEN)
    count: int = cursor.fetchone()[0]
    return count


@pytest.mark.parametrize(
    ("who", "act", "about_it", "rows"),
    [
        ("ywca.worker", "address.open", True, 1),
        ("ywca.editor", "address.open", True, 1),
        ("ywca.worker", "address.open", False, 0),
        ("ywca.worker", "directory.edit", True, 0),
        ("ywca.worker", None, True, 0),
        ("ywca.admin", "address.open", True, 0),
        ("ywca.auditor", "address.open", True, 0),
        ("police.worker", "address.open", True, 0),
        ("sarc.editor", "address.open", True, 0),
    ],
)
def test_no_row_is_shown_but_to_an_entry_of_the_same_transaction(
    api: Any, place: str, who: str, act: str | None, about_it: bool, rows: int
) -> None:
    about = id_of(place) if about_it else str(uuid4())
    names = [str(agency_id(who.split(".")[0])), str(member_id(who))]
    with as_app(api(who)) as cursor:
        if act:
            cursor.execute(OPENING, [str(uuid7()), *names, act, about])
        assert seen(cursor) == rows
    if act:  # an entry of an earlier transaction opens nothing
        with transaction.atomic(), connection.cursor() as cursor:
            identify(cursor, api(who))
            cursor.execute(OPENING, [str(uuid7()), *names, act, about])
    with as_app(api(who)) as cursor:
        assert seen(cursor) == 0


def test_a_client_opens_none_and_no_one_reads_the_sealed_columns_as_editor(
    api: Any, place: str
) -> None:
    caller = api("ywca.client", "ywca.worker")
    client = Client.objects.get(client_id="demo-ywca")
    with as_app(caller) as cursor:
        cursor.execute(
            OPENING.replace("member_id,", "member_id, client_id,").replace(
                "%s, %s, %s, %s, %s", "%s, %s, %s, %s, %s, %s"
            ),
            [
                str(uuid7()),
                str(agency_id("ywca")),
                str(member_id("ywca.worker")),
                str(client.id),
                "address.open",
                id_of(place),
            ],
        )
        assert seen(cursor) == 0
    with transaction.atomic(using="editor"), connections["editor"].cursor() as cursor:
        identify(cursor, api("ywca.editor"))
        for column, allowed in (("location_id", True), ("sealed", False), ("key_bundle", False)):
            try:
                with transaction.atomic(using="editor"):
                    cursor.execute(f"SELECT {column} FROM directory_confidential_address")
                    got = True
            except DatabaseError:
                got = False
            assert got == allowed, column
        identify(cursor, api("sarc.editor"))
        cursor.execute("SELECT count(location_id) FROM directory_confidential_address")
        assert cursor.fetchone() == (0,)


def test_anothers_key_does_not_open_it_and_a_moved_row_is_loud(
    api: Any, superuser: Any, place: str
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT id FROM directory_confidential_address")
        (row_id,) = cursor.fetchone()
        cursor.execute(
            "UPDATE directory_confidential_address SET id = %s WHERE id = %s",
            [str(uuid7()), str(row_id)],
        )
    answer = opened(api("ywca.worker"), place)
    assert (answer.status_code, answer.json()["code"]) == (503, "unsealing_failed")
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE directory_confidential_address SET agency_id = %s", [str(agency_id("police"))]
        )
    assert opened(api("ywca.worker"), place).status_code == 404
    assert opened(api("police.worker"), place).status_code == 503


def test_when_the_key_store_is_away_nothing_is_stored(
    api: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_store(), "folder", Path(settings.BASE_DIR / "nowhere"))
    answer = api("ywca.editor").put(f"{place}/confidential_address", {**ADDRESS, "city": "X"})
    assert answer.status_code == 503
    assert json.loads(answer.content)["safety_lines"]
    monkeypatch.undo()
    assert opened(api("ywca.worker"), place).json() == ADDRESS


def test_where_its_key_was_destroyed_it_is_an_error_each_time(api: Any, place: str) -> None:
    """Looked for once more, as after a rotation, and no further."""
    with destroyed("ywca"):
        answer = opened(api("ywca.worker"), place)
        assert (answer.status_code, answer.json()["code"]) == (503, "key_gone")


def test_a_person_who_left_opens_it_no_longer(api: Any, place: str) -> None:
    caller = api("ywca.worker")
    assert opened(caller, place).status_code == 200
    credentials.end_credential(caller.secret)
    assert opened(caller, place).status_code == 401
    assert UUID(id_of(place))
