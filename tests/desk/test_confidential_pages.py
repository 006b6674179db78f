"""An editor makes something confidential at the desk: shown first, undone within a day."""

from typing import Any
from uuid import UUID

import pytest

from directory.editing.versions import hiding
from permissions.database.uuid7 import uuid7
from tests.desk.directory_pages import OURS
from tests.directory.hiding_scene import WAYS, House, assert_nowhere, shown
from tests.directory.hiding_scene import house as house  # a fixture
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_versions import STREET, end_texts, entry_id, kept, patched
from tests.support.people import rota
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.directory_entries import LOCATIONS

PLAIN = {"keep": "undo"}


def pages_of(house: House, way: str = "service") -> tuple[str, str]:
    """The list of what can be hidden, and the page of this one."""
    listed = f"/desk/entries/{entry_id(house.line)}/confidential"
    return listed, f"{listed}/{entry_id(house.path(way))}"


@pytest.mark.parametrize("way", WAYS)
def test_it_is_shown_first_then_done_and_undone(
    api: Any, superuser: Any, house: House, way: str
) -> None:
    editor, before = at_the_desk("ywca.editor"), shown(api, house)
    listed, one = pages_of(house, way)
    assert f'href="{listed}"' in editor.get(listed.removesuffix("/confidential")).content.decode()
    assert f'href="{one}"' in editor.get(listed).content.decode()
    asked = text_of(editor.get(one).content)
    for words in ("Nothing has been changed yet", STREET, "Bus 6 to the mill", "406-555-0199"):
        assert words in asked, words
    for name in ("Night line of the house", "Day room of the house"):
        assert name in asked, name
    assert shown(api, house) == before
    unsaid = editor.submit(one)
    assert "Choose one." in text_of(unsaid.content)
    assert shown(api, house) == before
    done = text_of(editor.submit(one, PLAIN).content)
    assert "It is confidential now. You can undo this for 24 hours." in done
    assert "Undo (until " in done
    assert_nowhere(api, house)
    for page in (listed, one, listed.replace("confidential", "history"), "/desk/entries"):
        assert STREET not in editor.get(page).content.decode(), page
    undone = text_of(editor.submit(listed, action=f"{one}/undo").content)
    assert "Undone. Everyone can see it again, as it was." in undone
    assert shown(api, house) == before
    assert kept(superuser) == []


def test_erased_at_once_there_is_nothing_to_undo(api: Any, superuser: Any, house: House) -> None:
    editor, (_listed, one) = at_the_desk("ywca.editor"), pages_of(house)
    before = editor.hidden(one)
    done = text_of(editor.submit(one, {"keep": "erase"}).content)
    assert "It is confidential now. Nothing was kept." in done
    assert "Undo" not in done
    assert kept(superuser) == []
    again = editor.http.post(one, before | PLAIN, follow=True)
    assert "It is confidential already." in text_of(again.content), "twice"
    token = {name: before[name] for name in ("csrfmiddlewaretoken",)}
    refused = editor.http.post(f"{one}/undo", token)
    assert (refused.status_code, "has ended" in text_of(refused.content)) == (409, True)
    assert_nowhere(api, house)


def test_the_copy_is_erased_by_a_button_and_after_a_day(
    api: Any, superuser: Any, house: House, shift_clock: Any
) -> None:
    editor, (listed, one) = at_the_desk("ywca.editor"), pages_of(house)
    editor.submit(one, PLAIN)
    gone = text_of(editor.submit(listed, action=f"{one}/erase").content)
    assert "Erased. It can no longer be undone." in gone
    assert kept(superuser) == []
    place = pages_of(house, "location")[1]
    editor.submit(one, {"read": "on"})
    editor.submit(place, {"read": "on"})
    editor.submit(one, PLAIN)
    token = editor.hidden(listed, f"{one}/undo")
    shift_clock("24 hours 1 minute")
    later = at_the_desk("ywca.editor")
    assert "Undo (until" not in text_of(later.get(listed).content)
    token |= later.hidden("/desk/entries", "/accounts/logout")
    refused = later.http.post(f"{one}/undo", token)
    assert (refused.status_code, "has ended" in text_of(refused.content)) == (409, True)
    end_texts()
    assert kept(superuser) == []
    shift_clock("0")


def test_what_was_changed_meanwhile_is_said_and_nothing_is_done(api: Any, house: House) -> None:
    editor, (listed, one) = at_the_desk("ywca.editor"), pages_of(house)
    ywca, given = api("ywca.editor"), editor.hidden(one) | PLAIN
    patched(ywca, house.place, transportation="Bus 7")
    stale = editor.http.post(one, given)
    assert stale.status_code == 412
    assert "Another editor has changed this listing" in text_of(stale.content)
    assert api(None).get(house.line).status_code == 200
    editor.submit(one, PLAIN)
    patched(ywca, house.line, description="Ask for Anna.")
    refused = editor.submit(listed, action=f"{one}/undo")
    assert refused.status_code == 409
    assert "Make it public again, and enter what was erased." in text_of(refused.content)
    assert api(None).get(house.line).status_code == 404


def test_a_street_in_a_text_is_said_in_place_of_the_button(api: Any, house: House) -> None:
    editor, (_listed, one) = at_the_desk("ywca.editor"), pages_of(house)
    patched(api("ywca.editor"), house.line, description=f"Next to {STREET}.")
    page = editor.get(one)
    assert page.status_code == 200
    assert "What it does: This text contains the street" in text_of(page.content)
    assert 'name="keep"' not in page.content.decode()
    token = hiding.preview(
        rota.principal(api, "ywca.editor"), "service", entry_id(house.line)
    ).token
    given = editor.hidden("/desk/entries", "/accounts/logout") | {"etag": token, "hides": "yes"}
    assert editor.http.post(one, given | PLAIN).status_code == 400
    assert api(None).get(house.line).status_code == 200


def test_public_again_needs_a_tick_and_shows_what_everyone_will_see(api: Any, house: House) -> None:
    editor, (listed, one) = at_the_desk("ywca.editor"), pages_of(house)
    editor.submit(one, {"keep": "erase"})
    asked = text_of(editor.get(one).content)
    for words in ("Everyone will see", "Invented for a test.", "406-555-0171", "Nora Invented"):
        assert words in asked, words
    unticked = editor.submit(one)
    assert "Please fill this in." in text_of(unticked.content)
    assert api(None).get(house.line).status_code == 404
    done = text_of(editor.submit(one, {"read": "on"}).content)
    assert "It is public now. Enter again what was erased." in done
    assert api(None).get(house.line).status_code == 200
    assert_nowhere(api, house)
    place = pages_of(house, "location")[1]
    path = f"{LOCATIONS}/{entry_id(house.place)}/confidential_address"
    kept_sealed = api("ywca.editor").put(path, {"address_1": "3 Quiet Court", "city": "Missoula"})
    assert kept_sealed.status_code == 204
    assert "keeps sealed for this place is deleted" in text_of(editor.get(place).content)
    editor.submit(place, {"read": "on"})
    assert api("ywca.worker").get(path).status_code == 404
    assert "Public" in text_of(editor.get(listed).content)


def test_what_is_not_of_the_entry_has_no_page(api: Any, house: House) -> None:
    editor, (listed, _one) = at_the_desk("ywca.editor"), pages_of(house)
    for other in (entry_id(house.other), OURS, uuid7()):
        for end in ("", "/undo", "/erase"):
            if not end:
                assert editor.get(f"{listed}/{other}").status_code == 404
            token = editor.hidden("/desk/entries", "/accounts/logout")
            assert editor.http.post(f"{listed}/{other}{end}", token).status_code == 404, end
    assert isinstance(OURS, UUID)


def test_no_one_who_does_not_edit_it_is_shown_a_page(api: Any, house: House) -> None:
    at_the_desk("ywca.editor").submit(pages_of(house)[1], PLAIN)
    listed, one = pages_of(house)
    for who in ("ywca.worker", "ywca.auditor", "police.worker", "sarc.editor", "ywca.admin"):
        for page in (listed, one):
            answer = at_the_desk(who).get(page)
            outside = who == "ywca.auditor"  # for whom the service is not there
            assert answer.status_code == (404 if outside else 403), (who, page)
            assert STREET not in answer.content.decode()
    assert Pages().get(one).status_code == 302
