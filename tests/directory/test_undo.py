"""For a day, what became confidential by mistake is put back byte for byte, by its own agency."""

from typing import Any
from uuid import UUID

import pytest

from directory import models as m
from directory.editing import earlier_text
from directory.editing.versions import hiding, undo
from permissions import assignments
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPermitted, NotPossible, NotVisible, Refused, Unavailable
from permissions.keys.keystore import key_store
from tests.directory.hiding_scene import (
    WAYS,
    WHERE,
    House,
    assert_nowhere,
    hide,
    preview,
    shown,
)
from tests.directory.hiding_scene import house as house  # a fixture
from tests.directory.own_services import SERVICES, a_service
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_versions import (
    STREET,
    due_keys,
    end_texts,
    entry_id,
    kept,
    patched,
    principal,
)
from tests.keys.key_versions import keys, of
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.callers import Caller, agency_id


def take_back(caller: Caller, way: str, path: str, undo_id: UUID | None) -> None:
    assert undo_id is not None
    undo.undo(principal(caller), way, entry_id(path), undo_id)


def goods(caller: Caller, path: str) -> list[undo.Undo]:
    with identified_transaction(principal(caller), EDITOR) as now:
        return undo.good([entry_id(path)], now)


@pytest.mark.parametrize("way", WAYS)
def test_undo_gives_back_the_same_bytes_to_everyone(
    api: Any, superuser: Any, house: House, way: str
) -> None:
    ywca, path = api("ywca.editor"), house.path(way)
    patched(ywca, house.other, alternate_name="Room")
    before = shown(api, house)
    undo_id = hide(ywca, way, path)
    assert_nowhere(api, house)
    assert kept(superuser) == [("undo", str(entry_id(path)))]
    (good,) = goods(ywca, path)
    assert (good.id, good.table, good.entry_id) == (undo_id, way, entry_id(path))
    take_back(api("ywca.lead"), way, path, undo_id)
    after = shown(api, house)
    for key in before:
        assert after[key] == before[key], key
    assert kept(superuser) == []
    with pytest.raises(NotVisible):  # once only
        take_back(ywca, way, path, undo_id)
    assert shown(api, house) == before


def test_what_a_source_says_of_the_place_comes_back_too(api: Any, house: House) -> None:
    """Metadata and attributes, which the database erases with the address."""
    place = m.Location.objects.using("jobs").get(id=entry_id(house.place))
    address = m.Address.objects.using("jobs").filter(location=place)[0]
    own = {"part_of_id": place.part_of_id}
    m.Metadata.objects.using("jobs").create(
        resource_table="address", resource_id=address.id, previous_value="1 Old St", **own
    )
    m.Attribute.objects.using("jobs").create(
        link_table="address", link_id=address.id, value="Ramp", **own
    )
    ywca = api("ywca.editor")
    patched(ywca, house.place, name="Renamed")  # and rendered
    before = shown(api, house)
    assert "1 Old St" in before[None, house.line].decode()
    undo_id = hide(ywca, "location", house.place)
    assert "1 Old St" not in str(list(shown(api, house).values()))
    assert not m.Metadata.objects.using("jobs").filter(previous_value="1 Old St").exists()
    take_back(ywca, "location", house.place, undo_id)
    assert shown(api, house) == before


def test_nothing_of_the_copy_is_anywhere_in_clear(api: Any, superuser: Any, house: House) -> None:
    hide(api("ywca.editor"), "organization", house.organization)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r'"
        )
        for (table,) in cursor.fetchall():
            for words in ("Inventors Lane", "Left of the bakery", "example.org/house"):
                cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE %s",
                               [f"%{words}%"])  # fmt: skip
                assert cursor.fetchone() == (0,), (table, words)
        cursor.execute("SELECT sealed FROM directory_earlier_text")
        ((sealed,),) = cursor.fetchall()
    assert not any(words.encode() in bytes(sealed) for words in WHERE)


# -- Its end ---------------------------------------------------------------------------------------


def test_after_a_day_it_is_impossible_and_the_row_is_gone(
    api: Any, superuser: Any, house: House, shift_clock: Any
) -> None:
    ywca = api("ywca.editor")
    undo_id = hide(ywca, "service", house.line)
    shift_clock("23 hours 55 minutes")
    end_texts()
    assert len(goods(api("ywca.editor"), house.line)) == 1
    shift_clock("24 hours 1 minute")
    fresh = api("ywca.editor")
    assert goods(fresh, house.line) == []
    with pytest.raises(NotVisible):
        take_back(fresh, "service", house.line, undo_id)
    assert len(kept(superuser)) == 1
    assert due_keys() == set()
    end_texts()
    assert kept(superuser) == []
    assert due_keys() == {agency_id("ywca")}, "nor does a backup open it"
    assert_nowhere(api, house)
    shift_clock("0")


def test_it_is_erased_at_once_or_earlier_if_its_editor_says_so(
    api: Any, superuser: Any, house: House
) -> None:
    ywca = api("ywca.editor")
    undo_id = hide(ywca, "service", house.line)
    assert undo_id is not None
    for who in ("sarc.editor", "ywca.worker"):
        with pytest.raises((NotVisible, NotPermitted)):
            undo.end(principal(api(who)), "service", entry_id(house.line), undo_id)
    for _twice in (1, 2):
        undo.end(principal(ywca), "service", entry_id(house.line), undo_id)
        assert kept(superuser) == []
    with pytest.raises(NotVisible):
        take_back(ywca, "service", house.line, undo_id)
    assert due_keys() == {agency_id("ywca")}


def test_it_ends_when_anything_else_of_the_organization_is_hidden(
    api: Any, superuser: Any, house: House
) -> None:
    ywca = api("ywca.editor")
    undo_id = hide(ywca, "service", house.line)
    patched(ywca, house.other, confidential=True)
    assert kept(superuser) == []
    with pytest.raises(NotVisible):
        take_back(ywca, "service", house.line, undo_id)


def test_it_ends_when_the_entry_is_made_public_without_it(
    api: Any, superuser: Any, house: House
) -> None:
    ywca = api("ywca.editor")
    hide(ywca, "location", house.place)
    plan = preview(ywca, "location", house.place)
    hiding.show(principal(ywca), "location", plan.entry_id, plan.token)
    assert kept(superuser) == []
    assert_nowhere(api, house)


def test_a_rotated_key_still_undoes(api: Any, house: House) -> None:
    ywca = api("ywca.editor")
    before = shown(api, house, (None,))
    undo_id = hide(ywca, "service", house.line)
    keys("rotate", of("ywca"))
    keys("destroy", of("ywca"))
    take_back(ywca, "service", house.line, undo_id)
    assert shown(api, house, (None,)) == before


def test_without_a_key_nothing_is_hidden_with_an_undo_and_all_without(
    api: Any, superuser: Any, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    ywca, elsewhere = api("ywca.editor"), f"{SERVICES}/{uuid7()}"
    assert ywca.put(elsewhere, a_service()).status_code == 201
    patched(ywca, elsewhere, description="Sealed")  # so that the agency is known to have a key
    before = shown(api, house, (None,))
    monkeypatch.setattr(key_store(), "folder", tmp_path / "nowhere")
    with pytest.raises(Unavailable):
        hide(ywca, "service", house.line)
    assert shown(api, house, (None,)) == before
    assert hide(ywca, "service", house.line, with_undo=False) is None
    monkeypatch.undo()
    assert_nowhere(api, house)


# -- Refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", ["line", "place"])
def test_what_was_changed_meanwhile_is_not_published_by_undo(
    api: Any, superuser: Any, house: House, changed: str
) -> None:
    ywca = api("ywca.editor")
    undo_id = hide(ywca, "service", house.line)
    patched(ywca, getattr(house, changed), description="Ask for Anna at the back door.")
    with pytest.raises(NotPossible) as refusal:
        take_back(ywca, "service", house.line, undo_id)
    assert refusal.value.code == "changed_since"
    assert api(None).get(house.line).status_code == 404
    assert len(kept(superuser)) == 1, "its editor may still erase it"
    assert_nowhere(api, house)


def test_an_organization_is_not_published_with_a_service_that_was_changed(
    api: Any, house: House
) -> None:
    ywca = api("ywca.editor")
    undo_id = hide(ywca, "organization", house.organization)
    patched(ywca, house.other, description="Ask for Anna at the back door.")
    with pytest.raises(NotPossible) as refusal:
        take_back(ywca, "organization", house.organization, undo_id)
    assert refusal.value.code == "changed_since"
    assert api(None).get(house.other).status_code == 404


def test_a_place_at_which_something_confidential_is_found_by_now_stays_hidden(
    api: Any, house: House
) -> None:
    """It is another organization's of ours, so that the copy is still there."""
    ywca = api("ywca.editor")
    secret = f"{SERVICES}/{uuid7()}"
    assert ywca.put(secret, a_service(name="Secret", confidential=True)).status_code == 201
    undo_id = hide(ywca, "location", house.place)
    patched(ywca, secret, service_at_locations=[{"location_id": str(entry_id(house.place))}])
    with pytest.raises(NotPossible) as refusal:
        take_back(ywca, "location", house.place, undo_id)
    assert refusal.value.code == "confidential_here"
    assert_nowhere(api, house)


@pytest.mark.parametrize(
    "who", ["sarc.editor", "police.worker", "ywca.worker", "ywca.auditor", "ywca.client"]
)
def test_no_one_else_undoes_it_or_sees_that_it_can_be_undone(
    api: Any, house: House, who: str
) -> None:
    undo_id = hide(api("ywca.editor"), "service", house.line)
    with pytest.raises((NotVisible, NotPermitted)):
        take_back(api(who), "service", house.line, undo_id)
    assert undo_id is not None
    with pytest.raises(NotVisible):
        earlier_text.open_text(principal(api(who)), entry_id(house.line), undo_id)
    assert_nowhere(api, house)


def test_another_agency_that_edits_the_entry_cannot_undo_it(api: Any, house: House) -> None:
    about, sarc = m.Organization(id=entry_id(house.organization)), api("sarc.editor")
    assignments.allow_editing(about, agency_id("sarc"))
    try:
        undo_id = hide(api("ywca.editor"), "service", house.line)
        assert goods(sarc, house.line) == []
        with pytest.raises(NotVisible):
            take_back(sarc, "service", house.line, undo_id)
        assert undo_id is not None
        undo.end(principal(sarc), "service", entry_id(house.line), undo_id)  # erases nothing
        assert len(goods(api("ywca.editor"), house.line)) == 1
        assert_nowhere(api, house)
    finally:
        assignments.end_editing(about, agency_id("sarc"))


# -- At the same moment ----------------------------------------------------------------------------


def test_two_at_once_undo_it_once(api: Any, house: House, race: Any) -> None:
    before = shown(api, house, (None,))
    undo_id = hide(api("ywca.editor"), "service", house.line)
    assert undo_id is not None
    both = [principal(api(who)) for who in ("ywca.editor", "ywca.lead")]

    def call(who: Any) -> str:
        try:
            undo.undo(who, "service", entry_id(house.line), undo_id)
        except Refused as refusal:
            return refusal.code
        return "done"

    lock = "SELECT FROM directory_organization WHERE id = %s FOR UPDATE"
    with race.held(lock, [str(entry_id(house.organization))]):
        tries = [race.start_and_wait(lambda who=who: call(who)) for who in both]
    assert sorted(one.result(SOON) for one in tries) == ["done", "undo_over"]
    assert shown(api, house, (None,)) == before


def test_killed_half_way_it_is_as_hidden_as_before_and_can_be_undone(
    api: Any, superuser: Any, house: House, race: Any
) -> None:
    ywca = api("ywca.editor")
    before = shown(api, house, (None,))
    undo_id = hide(ywca, "service", house.line)
    hidden = shown(api, house)
    who = principal(ywca)
    with race.held("LOCK TABLE directory_edit IN SHARE MODE"):
        waits = race.start_and_wait(
            lambda: undo.undo(who, "service", entry_id(house.line), undo_id)
        )
        race.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        assert waits.exception(SOON) is not None
    assert shown(api, house) == hidden
    assert STREET not in str(list(hidden.values()))
    take_back(ywca, "service", house.line, undo_id)
    assert shown(api, house, (None,)) == before
