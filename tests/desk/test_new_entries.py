"""An editor makes a listing: from the form to the search that finds it, and what goes wrong."""

from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from directory import models as m
from directory.demo import loader
from directory.vocabulary import term_id
from permissions.database.uuid7 import uuid7
from permissions.models import Agency
from tests.desk.directory_pages import OURS, document_of, form_of
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.directory_pages import postcodes as postcodes  # a fixture
from tests.desk.making_pages import (
    NAME,
    NEW,
    OFFICE,
    STREET,
    a_place,
    approve,
    beside,
    blank,
    checked,
    filled,
    places_of,
    send,
    services,
    stored,
    waiting,
)
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of

pytestmark = pytest.mark.usefixtures("nothing_left")
SEARCH = {"need": "counseling", "language": "es", "postcode": "59801"}


def found(**changed: str) -> bool:
    """Whether the public finds the listing by need, language and ZIP code."""
    answer = Pages().submit("/directory", SEARCH | changed)
    assert answer.status_code == 200
    return NAME in text_of(answer.content)


def test_a_listing_is_reviewed_by_a_second_person_and_found_by_what_it_says(
    api: Any, postcodes: None
) -> None:
    editor = at_the_desk("ywca.editor")
    assert 'href="/desk/entries/new"' in editor.get("/desk/entries").content.decode()
    assert "Cairn Demo Shelter and Advocacy" in text_of(editor.get(NEW).content)
    fields = filled(editor, **a_place(), referrals="here")
    look = text_of(send(editor, fields, "look").content)
    for words in ("Everyone will see this.", "A second person has to approve", NAME, "Counseling",
                  "Women", "Stalking", "Spanish", f"{STREET}, Missoula, MT 59801"):  # fmt: skip
        assert words in look, words
    assert services() == []
    assert not m.Location.objects.using("jobs").filter(name="Lantern house").exists()

    answer = send(editor, fields)
    assert answer.redirect_chain[-1][0] == "/desk/proposals"
    assert "A second person has to approve" in text_of(answer.content)
    send(editor, fields)
    assert waiting() == 1, "twice is once"
    assert services() == []
    assert not found()
    assert "/approve" not in editor.get("/desk/proposals").content.decode(), "not by themselves"
    approve(at_the_desk("ywca.lead"))

    (made,) = services()
    assert str(made.id) == fields["service_id"]
    document = document_of(api, str(made.id))
    assert document["answered_by"] == str(agency_id("ywca"))
    needs = {one["taxonomy_term"]["id"] for one in document["attributes"]}
    expected = (("needs", "counseling"), ("needs", "group"), ("served", "women"))
    assert needs == {str(term_id(*one)) for one in expected}
    assert document["victimization_types"] == ["stalking"]
    assert [one["code"] for one in document["languages"]] == ["es"]
    assert [one["number"] for one in document["phones"]] == ["406-555-0176"]
    (place,) = document["service_at_locations"]
    (address,) = place["location"]["addresses"]
    assert (address["address_1"], address["state_province"]) == (STREET, "MT")
    assert found()
    assert found(need="group", served="women", happened="stalking")
    for other in ({"need": "emergency-shelter"}, {"language": "so"}, {"postcode": "59718"}):
        assert not found(**other), other


def test_a_new_organization_is_made_in_the_same_go_and_twice_is_once() -> None:
    editor = at_the_desk("ywca.editor")
    asks = {
        "organization_name": "Quarry helpers of a test",
        "organization_description": "Invented.",
    }
    empty = send(editor, blank(editor, "new"), "look")
    for field in ("organization_name", "organization_description", "name", "description", "phone"):
        assert "Please fill this in." in beside(empty, field)
    assert "Choose one." in beside(empty, "referrals")
    fields = filled(editor, "new", **asks)
    for _time in range(2):
        answer = send(editor, fields)
        assert "Saved. Everyone can see it now." in text_of(answer.content)
        assert answer.redirect_chain[-1][0] == f"/desk/entries/{fields['service_id']}"
    (organization,) = m.Organization.objects.using("jobs").filter(name=asks["organization_name"])
    (made,) = services()
    assert made.organization_id == organization.id == UUID(fields["organization_id"])
    assert asks["organization_name"] in text_of(editor.get(NEW).content)
    other = send(editor, fields | {"phone": "406-555-0177"})
    assert "“Quarry helpers of a test” is already" not in text_of(other.content)
    assert other.redirect_chain[-1][0] == f"/desk/entries/{fields['service_id']}/edit"
    assert "already saved. Change it here." in text_of(other.content)


def test_an_organization_that_waits_keeps_what_was_typed_of_its_listing() -> None:
    editor, lead = at_the_desk("ywca.editor"), at_the_desk("ywca.lead")
    name = Agency.objects.using("jobs").get(id=agency_id("sarc")).name
    asks = {"organization_name": f"{name} of a test", "organization_description": "Invented."}
    answer = send(editor, filled(editor, "new", **asks))
    assert "The listing is kept for two hours" in text_of(answer.content)
    assert services() == []
    assert f"You began “{NAME}”" in text_of(editor.get(NEW).content)
    early = send(editor, form_of(editor, f"{NEW}?organization=kept"))
    assert "A second person has to approve" in text_of(early.content), "still not reviewed"
    assert waiting() == 1
    approve(lead)
    assert f"You began “{NAME}”" in text_of(editor.get(NEW).content)
    page = editor.get(f"{NEW}?organization=kept")
    assert asks["organization_name"] in text_of(page.content)
    again = form_of(editor, f"{NEW}?organization=kept")
    assert again["name"] == NAME
    assert checked("needs", "counseling", "group").items() <= again.items()
    assert "Saved. Everyone can see it now." in text_of(send(editor, again).content)
    (made,) = services()
    assert made.organization.name == asks["organization_name"]
    assert "You began" not in text_of(editor.get(NEW).content)


def test_what_fails_behind_a_new_organization_says_what_is_there_and_goes_on() -> None:
    editor = at_the_desk("ywca.editor")
    asks = {
        "organization_name": "Quarry helpers of a test",
        "organization_description": "Invented.",
    }
    others = str(loader.service_id("911"))  # no id of ours
    fields = filled(editor, "new", **asks, **a_place()) | {"service_id": others}
    answer = send(editor, fields)
    shown = text_of(answer.content)
    assert answer.status_code == 403
    assert "Not everything is saved yet." in shown
    assert "“Quarry helpers of a test”, “Lantern house”" in shown
    page = answer.content.decode()
    assert 'name="organization_name"' not in page
    assert f'value="{STREET}"' not in page, "the place is there: it is chosen, not written again"
    assert f'value="{fields["place_id"]}" selected' in page
    whole = filled(editor, fields["organization_id"], place=fields["place_id"])
    assert "Saved." in text_of(send(editor, whole).content)
    (made,) = services()
    assert [one.name for one in places_of(made.id)] == ["Lantern house"]
    assert m.Organization.objects.using("jobs").filter(name=asks["organization_name"]).count() == 1


def test_a_confidential_place_leaves_no_address_anywhere(api: Any, superuser: Any) -> None:
    editor = at_the_desk("ywca.editor")
    secret = {"place": "new", "place_name": "House", "place_confidential": "on"}
    told = a_place(place_address_1="7 Unspoken Lane") | secret
    refused = send(editor, filled(editor, **told), "save")
    for field in ("place_address_1", "place_city", "place_state", "place_zip"):
        assert "Leave this blank" in beside(refused, field), field
    assert services() == []
    assert stored(superuser, "unspoken lane") == []

    fields = filled(editor, **secret)
    assert "Confidential: no one is shown where it is." in text_of(
        send(editor, fields, "look").content
    )
    for _time in range(2):
        answer = send(editor, fields)
        assert answer.status_code == 200
        assert "may seal the address" in text_of(answer.content)
    (made,) = services()
    (place,) = places_of(made.id)
    assert (place.confidential, place.latitude) == (True, None)
    assert m.ServiceAtLocation.objects.using("jobs").filter(service=made).count() == 1
    document = document_of(api, str(made.id))
    assert "service_at_locations" not in document
    for who in (None, "police.worker", "ywca.worker"):
        assert "House" not in str(api(who).get(f"/v1/directory/services/{made.id}").json())
    shown = answer.content.decode()
    assert f"/desk/places/{place.id}/address" in shown
    assert "Change this place" not in shown
    sealed = editor.submit(
        f"/desk/places/{place.id}/address/put", {"address_1": "7 Unspoken Lane", "city": "Missoula"}
    )
    assert sealed.status_code == 200
    assert stored(superuser, "unspoken lane") == [], "sealed"
    assert "7 Unspoken Lane" in text_of(
        at_the_desk("ywca.worker").submit(f"/desk/places/{place.id}/address").content
    )


def test_a_listing_for_the_network_takes_no_public_place(api: Any) -> None:
    editor = at_the_desk("ywca.editor")
    office = str(OFFICE)
    before = m.Location.objects.using("jobs").get(id=office)
    chosen = send(editor, filled(editor, confidential="on", place=office))
    assert "A confidential listing needs another one." in beside(chosen, "place")
    written = send(editor, filled(editor, confidential="on", **a_place()))
    assert "needs a confidential place" in beside(written, "place_confidential")
    assert services() == []
    answer = send(editor, filled(editor, confidential="on"))
    assert "Saved. Members of the network can see it now." in text_of(answer.content)
    (made,) = services()
    assert api(None).get(f"/v1/directory/services/{made.id}").status_code == 404
    assert api("police.worker").get(f"/v1/directory/services/{made.id}").status_code == 200
    assert m.Location.objects.using("jobs").get(id=office).confidential == before.confidential
    assert not before.confidential


@pytest.mark.parametrize("wrong", ["5980", "59801-12", "598O1", "ABCDE"])
def test_a_wrong_zip_code_is_said_at_its_field(wrong: str) -> None:
    editor = at_the_desk("ywca.editor")
    answer = send(editor, filled(editor, **a_place(place_zip=wrong)), "look")
    assert "Enter 5 digits, like 59801." in beside(answer, "place_zip")
    assert "<title>Error: New listing" in answer.content.decode()
    assert "Review before you save" not in text_of(answer.content)


def test_what_is_wrong_is_said_at_its_field_before_anything_is_saved() -> None:
    editor = at_the_desk("ywca.editor")
    for field, value, words in (
        ("phone", "no", "no telephone number"),
        ("description", "<script>", "without markup"),
        ("place_phone", "no", "no telephone number"),
        ("place_city", "", "please fill this in"),
        ("place", "", "leave what you wrote below blank"),
        ("place", str(uuid7()), ""),
    ):
        answer = send(editor, filled(editor, **a_place()) | {field: value}, "save")
        assert words in beside(answer, field).lower(), field
        assert 'class="wrong"' in answer.content.decode()
    assert services() == []
    assert not m.Location.objects.using("jobs").filter(name="Lantern house").exists()


def test_who_edits_nothing_of_it_makes_nothing() -> None:
    fields = filled(at_the_desk("ywca.editor"), **a_place())
    for who in ("ywca.worker", "ywca.auditor", "ywca.admin", "police.worker"):
        pages = at_the_desk(who, csrf=False)
        assert pages.get(NEW).status_code == 403, who
        assert pages.http.post(NEW, fields | {"save": "1"}).status_code == 403, who
    for who in ("sarc.lead", "hospital.editor"):
        pages = at_the_desk(who, csrf=False)
        assert "Cairn Demo Shelter" not in text_of(pages.get(NEW).content), who
        for organization in (OURS, uuid7()):
            answer = pages.get(f"{NEW}?organization={organization}")
            assert answer.status_code == 403, "one that there is not looks the same"
        assert pages.http.post(NEW, fields | {"save": "1"}).status_code == 403, who
    for wrong in ("none", "kept"):
        assert at_the_desk("sarc.lead").get(f"{NEW}?organization={wrong}").status_code == 404
    assert services() == []
    assert not m.Location.objects.using("jobs").filter(name="Lantern house").exists()


def test_the_last_of_201_places_can_be_chosen() -> None:
    rows = [
        m.Location(name=f"Room {n:03} of a test", organization_id=OURS, part_of_id=OURS)
        for n in range(201)
    ]
    m.Location.objects.using("jobs").bulk_create(rows)
    editor = at_the_desk("ywca.editor")
    assert "Room 200 of a test" in text_of(editor.get(f"{NEW}?organization={OURS}").content)
    send(editor, filled(editor, place=str(rows[200].id)))
    (made,) = services()
    assert [one.name for one in places_of(made.id)] == ["Room 200 of a test"]


def test_it_is_made_in_spanish() -> None:
    editor = at_the_desk("ywca.editor")
    editor.http.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    page = editor.get(f"{NEW}?organization={OURS}")
    for words in ("Nueva ficha", "Teléfono al que llamar", "En qué ayuda", "Consejería", "Español"):
        assert words.lower() in text_of(page.content).lower(), words
    wrong = send(editor, filled(editor, **a_place(place_zip="5")), "look")
    assert "Escriba 5 dígitos, como 59801." in beside(wrong, "place_zip")
    answer = send(editor, filled(editor, **a_place()))
    assert "Guardado." in text_of(answer.content)
    (made,) = services()
    languages = m.Language.objects.using("jobs").filter(service=made)
    assert [one.name for one in languages] == ["Spanish"], "the directory's own words"
    places = editor.get(f"/desk/entries/{made.id}/places")
    assert "Cambiar este lugar" in text_of(places.content)
