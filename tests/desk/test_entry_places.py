"""Where a listing's service is: its places chosen, made, changed, and taken off it."""

import re
from typing import Any

import pytest

from directory import models as m
from directory.demo import loader
from permissions.database.uuid7 import uuid7
from tests.desk.directory_pages import OURS, document_of, form_of
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.making_pages import (
    OFFICE,
    SECRET,
    STREET,
    a_place,
    beside,
    places_of,
    send,
    stored,
)
from tests.support.people.desk_pages import Pages, at_the_desk, text_of


@pytest.fixture
def path(entry: str) -> str:
    return f"/desk/entries/{entry}/places"


def chosen(pages: Pages, path: str, *places: Any) -> dict[str, Any]:
    given = {name: one for name, one in form_of(pages, path).items() if name != "places"}
    return given | {"places": [str(one) for one in places]}


@pytest.fixture
def annex(api: Any, entry: str) -> str:
    """A place of ours with a point, where this service and another are found."""
    place, other, caller = uuid7(), uuid7(), api("ywca.editor")
    body = {
        "organization_id": str(OURS),
        "name": "Annex of a test",
        "latitude": 46.87,
        "longitude": -113.99,
        "addresses": [
            {"address_1": "PO Box 7", "city": "Helena", "state_province": "MT",
             "postal_code": "59601", "country": "US", "address_type": "postal"},
            {"address_1": "9 Annex Road", "city": "Missoula", "state_province": "MT",
             "postal_code": "59801", "country": "US", "address_type": "physical"},
        ],
        "phones": [{"number": "406-555-0178"}, {"number": "406-555-0179", "type": "fax"}],
    }  # fmt: skip
    assert caller.put(f"/v1/directory/locations/{place}", body).status_code == 201
    at = {"service_at_locations": [{"location_id": str(place)}]}
    body = {"organization_id": str(OURS), "name": "Annex choir of a test"} | at
    assert caller.put(f"/v1/directory/services/{other}", body).status_code == 201
    url = f"/v1/directory/services/{entry}"
    assert caller.patch(url, at, If_Match=caller.get(url)["ETag"]).status_code == 200
    return str(place)


def test_places_are_chosen_and_taken_off_and_stay_themselves(
    api: Any, entry: str, path: str, annex: str
) -> None:
    editor = at_the_desk("ywca.editor")
    shown = text_of(editor.get(path).content)
    assert "9 Annex Road, Missoula, MT 59801" in shown
    assert "Choose or change its places" in text_of(editor.get(f"/desk/entries/{entry}").content)
    link = document_of(api, entry)["service_at_locations"][0]["id"]
    both = chosen(editor, path, annex, OFFICE)
    look = text_of(send(editor, both, "look", path).content)
    assert "Advocacy office" in look.partition("From now on")[2]
    assert len(places_of(entry)) == 1, "nothing is saved by looking"
    assert "Saved." in text_of(send(editor, both, "save", path).content)
    now = document_of(api, entry)["service_at_locations"]
    assert {one["location"]["id"] for one in now} == {annex, str(OFFICE)}
    assert link in {one["id"] for one in now}, "what stays keeps its row"
    assert "Nothing was changed." in text_of(send(editor, both, "save", path).content), "twice"
    send(editor, chosen(editor, path, OFFICE), "save", path)
    assert [one.id for one in places_of(entry)] == [OFFICE]
    assert m.Location.objects.using("jobs").filter(id=annex).exists()
    send(editor, chosen(editor, path), "save", path)
    assert "service_at_locations" not in document_of(api, entry)
    assert "No place is listed." in text_of(editor.get(path).content)


def test_a_confidential_place_is_put_on_and_taken_off_without_being_seen(
    api: Any, entry: str, path: str
) -> None:
    editor = at_the_desk("ywca.editor")
    send(editor, chosen(editor, path, SECRET), "save", path)
    assert [one.id for one in places_of(entry)] == [SECRET]
    assert "service_at_locations" not in document_of(api, entry)
    page = editor.get(path).content.decode()
    assert f"/desk/places/{SECRET}/address" in page
    assert f"/places/{SECRET}" not in page.replace(f"/desk/places/{SECRET}/address", "")
    other = editor.get(f"{path}/{SECRET}")
    assert (other.status_code, other["Location"]) == (302, f"/desk/places/{SECRET}/address")
    send(editor, chosen(editor, path), "save", path)
    assert places_of(entry) == []
    assert m.Location.objects.using("jobs").filter(id=SECRET).exists()


def test_a_confidential_listing_is_offered_confidential_places_alone(entry: str) -> None:
    editor = at_the_desk("ywca.editor")
    hidden = f"/desk/entries/{loader.service_id('shelter-confidential')}/places"
    page = editor.get(hidden)
    assert "only confidential places are offered" in text_of(page.content)
    assert str(OFFICE) not in page.content.decode()
    answer = send(editor, chosen(editor, hidden, SECRET, OFFICE), "save", hidden)
    assert "places" in beside(answer, "places") or 'class="wrong"' in answer.content.decode()
    assert not m.Location.objects.using("jobs").get(id=OFFICE).confidential
    new = send(editor, form_of(editor, f"{hidden}/new") | a_place(place_confidential=""), "save",
               f"{hidden}/new")  # fmt: skip
    assert "needs a confidential place" in beside(new, "place_confidential")
    assert not m.Location.objects.using("jobs").filter(name="Lantern house").exists()


def test_a_new_place_is_saved_and_put_on_the_listing_once(
    api: Any, entry: str, path: str, superuser: Any
) -> None:
    editor, at = at_the_desk("ywca.editor"), f"{path}/new"
    fields = form_of(editor, at) | a_place(place_phone="406-555-0177")
    look = text_of(send(editor, fields, "look", at).content)
    assert f"{STREET}, Missoula, MT 59801" in look
    for _time in range(2):
        assert "The place is now on the listing." in text_of(
            send(editor, fields, "save", at).content
        )
    (place,) = document_of(api, entry)["service_at_locations"]
    assert place["location"]["name"] == "Lantern house"
    assert place["location"]["phones"][0]["number"] == "406-555-0177"
    assert m.Location.objects.using("jobs").filter(name="Lantern house").count() == 1

    secret = {"place_name": "House", "place_confidential": "on"}
    wrong = form_of(editor, at) | a_place(place_address_1="7 Unspoken Lane") | secret
    assert "Leave this blank" in beside(send(editor, wrong, "save", at), "place_address_1")
    assert stored(superuser, "unspoken lane") == []
    send(editor, form_of(editor, at) | secret, "save", at)
    assert [one.confidential for one in places_of(entry)] == [True, False]
    for field, value, words in (
        ("place_zip", "5980", "Enter 5 digits"), ("place_city", "", "Please fill this in."),
        ("place_phone", "no", "o telephone number"), ("place_name", "<b>", "without markup"),
    ):  # fmt: skip
        answer = send(editor, form_of(editor, at) | a_place() | {field: value}, "save", at)
        assert words in beside(answer, field), field
    assert len(places_of(entry)) == 2


def test_a_new_place_joins_what_somebody_else_chose_meanwhile(
    api: Any, entry: str, path: str
) -> None:
    editor, lead, at = at_the_desk("ywca.editor"), at_the_desk("ywca.lead"), f"{path}/new"
    fields, edit = form_of(editor, at) | a_place(), f"/desk/entries/{entry}/edit"
    send(lead, form_of(lead, edit) | {"wait_time": "Theirs"}, "save", edit)
    send(lead, chosen(lead, path, SECRET), "save", path)
    assert "The place is now on the listing." in text_of(send(editor, fields, "save", at).content)
    assert {one.name for one in places_of(entry)} == {"Lantern house", "Not told"}
    assert document_of(api, entry)["wait_time"] == "Theirs"
    other = send(editor, fields | {"place_address_1": "2 Other Way"}, "save", at)
    assert "“Lantern house” is already saved, but not as you wrote it" in text_of(other.content)
    (address,) = m.Address.objects.using("jobs").filter(location_id=fields["place_id"])
    assert address.address_1 == STREET


def test_a_place_that_was_saved_and_not_put_on_is_put_on_by_the_same_form(
    api: Any, entry: str, path: str
) -> None:
    """Killed between the two acts."""
    editor, at = at_the_desk("ywca.editor"), f"{path}/new"
    fields = form_of(editor, at) | a_place()
    body = {
        "organization_id": str(OURS),
        "name": "Lantern house",
        "addresses": [
            {"address_1": STREET, "city": "Missoula", "state_province": "MT",
             "postal_code": "59801", "country": "US", "address_type": "physical"},
        ],
    }  # fmt: skip
    made = api("ywca.editor").put(f"/v1/directory/locations/{fields['place_id']}", body)
    assert made.status_code == 201
    assert places_of(entry) == []
    assert "The place is now on the listing." in text_of(send(editor, fields, "save", at).content)
    assert [str(one.id) for one in places_of(entry)] == [fields["place_id"]]


def test_a_place_that_moves_says_who_else_is_there_and_loses_its_point(
    api: Any, entry: str, path: str, annex: str
) -> None:
    editor, at = at_the_desk("ywca.editor"), f"{path}/{annex}"
    given = form_of(editor, at)
    assert (given["place_address_1"], given["place_phone"]) == ("9 Annex Road", "406-555-0178")
    shown = text_of(editor.get(at).content)
    assert "These listings use the same place" in shown
    assert "Annex choir of a test" in shown
    assert "Night line" not in shown.partition("use the same place")[2].partition("Everyone")[0]
    assert "Nothing was changed." in text_of(send(editor, given, "save", at).content)
    door = given | {"place_address_2": "Door 3"}
    assert "The exact point" not in text_of(send(editor, door, "look", at).content)
    send(editor, door, "save", at)
    place = m.Location.objects.using("jobs").get(id=annex)
    assert (place.latitude, place.longitude) == (46.87, -113.99)
    moved = form_of(editor, at) | {
        "place_address_1": "44 Other Street", "place_zip": "59802", "place_phone": "",
        "place_name": "Annex, moved",
    }  # fmt: skip
    look = text_of(send(editor, moved, "look", at).content)
    for words in ("The exact point on the map is removed", "Annex choir of a test",
                  "44 Other Street, Door 3, Missoula, MT 59802"):  # fmt: skip
        assert words in look, words
    assert "Saved. Everyone can see it now." in text_of(send(editor, moved, "save", at).content)
    now = document_of(api, entry)["service_at_locations"][0]["location"]
    assert "latitude" not in now
    assert "longitude" not in now
    assert [one["address_1"] for one in now["addresses"]] == ["PO Box 7", "44 Other Street"]
    assert [one["number"] for one in now["phones"]] == ["406-555-0179"]
    assert now["name"] == "Annex, moved"
    assert "Nothing was changed." in text_of(send(editor, moved, "save", at).content), "twice"


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    api: Any, entry: str, path: str, annex: str
) -> None:
    editor, lead, at = at_the_desk("ywca.editor"), at_the_desk("ywca.lead"), f"{path}/{annex}"
    mine = form_of(editor, at) | {"place_address_1": "1 My Street"}
    which = chosen(editor, path, OFFICE)
    send(lead, form_of(lead, at) | {"place_address_1": "2 Their Street"}, "save", at)
    for button in ("look", "save"):
        answer = send(editor, mine, button, at)
        shown = text_of(answer.content)
        assert answer.status_code == 412
        assert "Another editor has changed this place" in shown
        assert "2 Their Street" in shown
        assert "1 My Street" in shown
    edit = f"/desk/entries/{entry}/edit"
    send(lead, form_of(lead, edit) | {"wait_time": "Theirs"}, "save", edit)
    for button in ("look", "save"):
        assert send(editor, which, button, path).status_code == 412
    place = document_of(api, entry)["service_at_locations"][0]["location"]
    assert place["addresses"][1]["address_1"] == "2 Their Street"


def test_only_editors_of_the_place_change_it(entry: str, path: str, annex: str) -> None:
    fields = form_of(at_the_desk("ywca.editor"), f"{path}/{annex}")
    for who in ("ywca.worker", "ywca.auditor", "police.worker", "sarc.lead", "hospital.editor"):
        pages = at_the_desk(who, csrf=False)
        for at in (path, f"{path}/new", f"{path}/{annex}"):
            assert pages.get(at).status_code == 403, (who, at)
            body = fields | a_place(place_id=str(uuid7())) | {"save": "1"}
            assert pages.http.post(at, body).status_code == 403, (who, at)
    editor = at_the_desk("ywca.editor")
    campus = m.Location.objects.using("jobs").exclude(part_of_id=OURS).first()
    assert campus
    for other in (campus.id, uuid7()):
        assert editor.get(f"{path}/{other}").status_code in (403, 404), other
        answer = send(editor, chosen(editor, path, other), "save", path)
        assert 'class="wrong"' in answer.content.decode()
    assert [str(one.id) for one in places_of(entry)] == [annex]


def test_201_places_are_all_offered(entry: str, path: str) -> None:
    rows = [
        m.Location(name=f"Room {n:03} of a test", organization_id=OURS, part_of_id=OURS)
        for n in range(201)
    ]
    m.Location.objects.using("jobs").bulk_create(rows)
    editor = at_the_desk("ywca.editor")
    page = editor.get(path).content.decode()
    assert len(re.findall(r'name="places"', page)) >= 201
    send(editor, chosen(editor, path, *(one.id for one in rows)), "save", path)
    assert len(places_of(entry)) == 201
    assert len(re.findall(r'aria-labelledby="place-', editor.get(path).content.decode())) == 201
    send(editor, chosen(editor, path, rows[200].id), "save", path)
    assert [one.name for one in places_of(entry)] == ["Room 200 of a test"]
