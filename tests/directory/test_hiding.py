"""What becomes confidential is previewed, and everything that was kept of it goes."""

from typing import Any

import pytest
from django.db import transaction

from directory import models as m
from directory.editing.versions import hiding
from directory.projection.render import render
from permissions import assignments
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, NotPermitted, NotPossible, NotVisible, StaleMatch
from tests.directory.hiding_scene import (
    BUS,
    PHONE,
    WAYS,
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
    entry_id,
    in_another_transaction,
    kept,
    patched,
    principal,
)
from tests.support.ground.database import past_triggers
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id
from tests.support.people.directory_entries import LOCATIONS, OURS, THEIRS, a_location


def named(rows: list[Any]) -> list[str]:
    return [one.name for one in rows]


# -- Preview ---------------------------------------------------------------------------------------


def test_the_preview_says_what_disappears_and_writes_nothing(api: Any, house: House) -> None:
    ywca = api("ywca.editor")
    before = shown(api, house)
    both = ["Day room of the house", "Night line of the house"]
    for way, services, others in (
        ("service", both[1:], both[:1]),
        ("organization", both, []),
        ("location", [], both),
    ):
        plan = preview(ywca, way, house.path(way))
        assert plan.hides
        assert (named(plan.services), named(plan.others)) == (services, others), way
        (place,) = plan.places
        assert (place.name, place.phones, place.ours, place.has_point) == (
            "A test's house",
            [PHONE],
            True,
            True,
        )
        lines = "\n".join(place.erased)
        assert all(words in lines for words in (STREET, "Missoula", BUS)), lines
    assert shown(api, house) == before


@pytest.mark.parametrize("who", ["sarc.editor", "ywca.worker", "police.worker", "ywca.auditor"])
def test_only_those_who_edit_it_see_the_preview_or_do_it(api: Any, house: House, who: str) -> None:
    token = preview(api("ywca.editor"), "service", house.line).token
    one, caller = entry_id(house.line), principal(api(who))
    for call in (
        lambda: hiding.preview(caller, "service", one),
        lambda: hiding.choices(caller, one),
        lambda: hiding.hide(caller, "service", one, token, with_undo=True),
        lambda: hiding.show(caller, "service", one, token),
    ):
        with pytest.raises((NotVisible, NotPermitted)):
            call()


def test_what_has_changed_since_the_preview_is_not_done(api: Any, house: House) -> None:
    ywca, editor = api("ywca.editor"), principal(api("ywca.editor"))
    one = entry_id(house.line)
    token = hiding.preview(editor, "service", one).token
    patched(ywca, house.place, transportation="Bus 7")  # of the place, not of the service
    with pytest.raises(StaleMatch):
        hiding.hide(editor, "service", one, token, with_undo=True)
    assert STREET in api(None).get(house.line).content.decode()
    token = hiding.preview(editor, "service", one).token
    assert hiding.hide(editor, "service", one, token, with_undo=False) is None
    with pytest.raises(NotPossible) as twice:
        hiding.hide(editor, "service", one, token, with_undo=True)
    assert twice.value.code == "already_so"


def test_a_text_with_the_street_is_said_before_and_refused(api: Any, house: House) -> None:
    ywca = api("ywca.editor")
    patched(ywca, house.line, description=f"Next to {STREET}.")
    plan = preview(ywca, "service", house.line)
    assert isinstance(plan.problem, BadRequest)
    assert (plan.problem.code, plan.problem.pointer) == ("street_in_text", "/description")
    assert len(plan.places) == 1, "it is still said what would go"
    with pytest.raises(BadRequest):
        hide(ywca, "service", house.line)
    assert STREET in api(None).get(house.line).content.decode()


# -- What goes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_hiding_erases_every_earlier_text_of_the_organization(
    api: Any, superuser: Any, house: House, way: str
) -> None:
    """Whatever agency wrote it, and at the desk or by the API."""
    ywca, sarc = api("ywca.editor"), api("sarc.editor")
    about = m.Organization(id=entry_id(house.organization))

    def write() -> None:
        for path in house.paths:
            patched(ywca, path, description=f"By ywca {uuid7()}")
        patched(sarc, house.other, description=f"By sarc {uuid7()}")
        assert len(kept(superuser, *house.paths)) == 5

    elsewhere = f"{SERVICES}/{uuid7()}"
    assert ywca.put(elsewhere, a_service()).status_code == 201
    patched(ywca, elsewhere, description="Elsewhere")
    assignments.allow_editing(about, agency_id("sarc"))
    try:
        write()
        assert due_keys() == set()
        assert hide(ywca, way, house.path(way), with_undo=False) is None
        assert kept(superuser, *house.paths) == []
        assert due_keys() == {agency_id("ywca"), agency_id("sarc")}, "nor does a backup open it"
        assert_nowhere(api, house)
        hiding.show(
            principal(ywca),
            way,
            entry_id(house.path(way)),
            preview(ywca, way, house.path(way)).token,
        )
        if way != "location":
            hiding.show(
                principal(ywca), "location", entry_id(house.place),
                preview(ywca, "location", house.place).token,
            )  # fmt: skip
        write()
        patched(ywca, house.path(way), confidential=True)  # by the API: no undo
        assert kept(superuser, *house.paths) == []
    finally:
        assignments.end_editing(about, agency_id("sarc"))
    assert len(kept(superuser, elsewhere)) == 1, "and nothing of any other organization"


def test_an_import_that_hides_a_place_erases_what_names_it(
    api: Any, superuser: Any, house: House
) -> None:
    """Also of a service that has left the place, and of another organization."""
    ywca = api("ywca.editor")
    far = f"{LOCATIONS}/{uuid7()}"
    assert ywca.put(far, a_location(name="Far")).status_code == 201
    moved = f"{SERVICES}/{uuid7()}"  # of another organization of ours
    at = {"service_at_locations": [{"location_id": str(entry_id(far))}]}
    assert ywca.put(moved, a_service() | at).status_code == 201
    patched(ywca, moved, service_at_locations=[])
    patched(ywca, house.line, description="Of the house")
    assert len(kept(superuser, moved)) == len(kept(superuser, house.line)) == 1
    hidden = {"confidential": True, "latitude": None, "longitude": None}
    with transaction.atomic(using="jobs"):
        m.Location.objects.using("jobs").filter(id=entry_id(far)).update(**hidden)
        render([], [OURS])
    assert kept(superuser, moved) == []
    assert len(kept(superuser, house.line)) == 1


def test_a_hidden_entry_that_comes_again_under_its_id_leaves_nothing(
    api: Any, superuser: Any, house: House
) -> None:
    ywca = api("ywca.editor")
    patched(ywca, house.line, service_at_locations=[])
    patched(ywca, house.other, service_at_locations=[])
    gone = ywca.delete(house.place, If_Match=ywca.get(house.place)["ETag"])
    assert gone.status_code == 204
    assert len(kept(superuser, house.place)) == 1
    again = {"organization_id": str(entry_id(house.organization)), "confidential": True}
    assert ywca.put(house.place, again).status_code == 201
    assert kept(superuser, house.place) == []


# -- At the same moment ----------------------------------------------------------------------------


def test_an_edit_beside_a_hiding_keeps_nothing(api: Any, superuser: Any, house: House) -> None:
    ywca = api("ywca.editor")
    with in_another_transaction(superuser) as cursor:
        cursor.execute(
            "UPDATE directory_location SET confidential = true, latitude = NULL, longitude = NULL,"
            " transportation = '', url = '' WHERE id = %s",
            [str(entry_id(house.place))],
        )
        # It is of the same organization, and its document still shows the place.
        patched(ywca, house.organization, description="Beside it")
    assert kept(superuser, *house.paths) == []
    patched(ywca, house.organization, description="After it")
    assert len(kept(superuser, *house.paths)) == 1
    hide(ywca, "organization", house.organization, with_undo=False)  # and render what is left


def test_a_hiding_waits_for_an_edit_and_erases_what_it_kept(
    api: Any, superuser: Any, house: House, race: Any
) -> None:
    ywca = api("ywca.editor")
    patched(ywca, house.other, description="Kept")
    owner = str(entry_id(house.organization))
    shared = "SELECT pg_advisory_xact_lock_shared(7027, hashtext(%s))"  # as the edit holds it
    with race.held(shared, [owner]):
        plan = preview(ywca, "service", house.line)
        editor = principal(ywca)
        waits = race.start_and_wait(
            lambda: hiding.hide(
                editor, "service", entry_id(house.line), plan.token, with_undo=False
            )
        )
    waits.result(SOON)
    assert kept(superuser, *house.paths) == []


def test_two_editors_at_once_one_hides(api: Any, superuser: Any, house: House, race: Any) -> None:
    both = [principal(api(who)) for who in ("ywca.editor", "ywca.lead")]
    one = entry_id(house.line)
    token = hiding.preview(both[0], "service", one).token

    def call(who: Any) -> str:
        try:
            return str(hiding.hide(who, "service", one, token, with_undo=True))
        except NotPossible as refusal:
            return refusal.code

    lock = "SELECT FROM directory_organization WHERE id = %s FOR UPDATE"
    with race.held(lock, [str(entry_id(house.organization))]):
        tries = [race.start_and_wait(lambda who=who: call(who)) for who in both]
    said = sorted(one.result(SOON) for one in tries)
    assert "already_so" in said
    assert kept(superuser) == [("undo", str(one))]


def test_killed_half_way_nothing_is_hidden_and_nothing_lost(
    api: Any, superuser: Any, house: House, race: Any
) -> None:
    ywca = api("ywca.editor")
    patched(ywca, house.other, description="Kept")
    before = shown(api, house)
    editor, plan = principal(ywca), preview(ywca, "service", house.line)
    with race.held("LOCK TABLE directory_earlier_text IN SHARE MODE"):
        waits = race.start_and_wait(
            lambda: hiding.hide(editor, "service", plan.entry_id, plan.token, with_undo=True)
        )
        race.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        assert waits.exception(SOON) is not None
    assert shown(api, house) == before
    assert kept(superuser, *house.paths) == [("edit", str(entry_id(house.other)))]


# -- Public again ----------------------------------------------------------------------------------


def test_making_it_public_is_previewed_and_brings_no_address_back(api: Any, house: House) -> None:
    ywca, editor = api("ywca.editor"), principal(api("ywca.editor"))
    hide(ywca, "organization", house.organization, with_undo=False)
    plan = preview(ywca, "service", house.line)
    assert isinstance(plan.problem, NotPossible)
    assert plan.problem.code == "confidential_here"
    with pytest.raises(NotPossible):
        hiding.show(editor, "service", plan.entry_id, plan.token)
    plan = preview(ywca, "location", house.place)
    assert plan.problem is not None
    plan = preview(ywca, "organization", house.organization)
    assert (plan.hides, plan.problem) == (False, None)
    assert named(plan.services) == ["Day room of the house", "Night line of the house"]
    patched(ywca, house.other, description="Written meanwhile")
    with pytest.raises(StaleMatch):
        hiding.show(editor, "organization", plan.entry_id, plan.token)
    plan = preview(ywca, "organization", house.organization)
    hiding.show(editor, "organization", plan.entry_id, plan.token)
    assert api(None).get(house.line).status_code == 200
    assert_nowhere(api, house)
    with pytest.raises(NotPossible) as twice:
        hiding.show(editor, "organization", plan.entry_id, plan.token)
    assert twice.value.code == "already_so"


def test_a_place_of_another_organization_is_erased_and_not_kept(
    api: Any, superuser: Any, house: House
) -> None:
    """An import let the service be found there: no undo of ours can put it back."""
    ywca = api("ywca.editor")
    with past_triggers(superuser) as cursor:
        cursor.execute(
            "UPDATE directory_location SET part_of_id = %s, organization_id = %s WHERE id = %s",
            [str(THEIRS), str(THEIRS), str(entry_id(house.place))],
        )
        cursor.execute(
            "UPDATE directory_address SET part_of_id = %s WHERE location_id = %s",
            [str(THEIRS), str(entry_id(house.place))],
        )
    (place,) = preview(ywca, "service", house.line).places
    assert not place.ours
    assert [one.table for one in hiding.choices(principal(ywca), entry_id(house.line))] == [
        "service",
        "organization",
    ]
    assert hide(ywca, "service", house.line) is not None
    assert_nowhere(api, house)
